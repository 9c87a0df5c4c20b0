/**
 * Python's comprehensions. One that maps the characters of a long text is how decoders are written; what it gave for a
 * character it gives again, so that each costs one walk and not one for every place it stands at.
 */
import type { Comprehension, Expression } from '../ir.js';
import { dict, known, type Labels, list, type Value } from '../values.js';
import { assignPattern, evaluate, truthy } from './expressions.js';
import type { Env, Machine } from './machine.js';
import { LIMITS } from './machine.js';
import { ASSEMBLED, withLabels } from './operations.js';
import { keyOf } from './properties.js';
import { bind } from './purity.js';
import { moduleEnv } from './scope.js';
import { use } from './sites.js';
import { elementsOf, iterate } from './statements.js';

/** To look one element up takes about as long as looking at so many. */
const LOOKS_AN_ELEMENT = 32;
/** Items of a list made of remembered ones, which are shared and take no room of their own. */
const SHARED_ITEMS = 1_000_000;
const DECODED: Labels = new Set(['decoded']);

export function evaluateComprehension(m: Machine, node: Comprehension, env: Env): Value {
  const inner = m.newEnv(env, true);
  inner.outer = env.outer;
  let items: Value[] = [];
  const entries = new Map<string, Value>();
  const hoisted = new Map<Expression, Value>();
  let open = false;
  const iterableOf = (at: number): Value => {
    const { iterable } = node.clauses[at]!;
    if (at === 0) return use(m, evaluate(m, iterable, env));
    const earlier = hoisted.get(iterable);
    if (earlier !== undefined) return earlier;
    const value = use(m, evaluate(m, iterable, inner));
    if (isHoistable(node, at)) hoisted.set(iterable, value);
    return value;
  };
  const take = (at: number, element: Value): void => {
    const clause = node.clauses[at]!;
    assignPattern(m, clause.target, element, inner, 'let');
    for (const condition of clause.conditions) {
      const truth = truthy(m, evaluate(m, condition, inner));
      if (truth === false) return;
      if (truth === undefined) open = true;
    }
    run(at + 1);
  };
  const run = (at: number): void => {
    if (at < node.clauses.length) {
      const iterable = iterableOf(at);
      if (at === 0 && remembers(m, node, env)) {
        if (iterable.kind === 'known' && typeof iterable.value === 'string') {
          takeAll(iterable.value, iterable.labels);
          return;
        }
        const elements = elementsOf(m, iterable);
        if (elements !== undefined && elements.length > 0) {
          takeAll(elements, elements[0]!.labels);
          return;
        }
      }
      if (!iterate(m, iterable, (element) => take(at, element))) open = true;
      return;
    }
    const value = use(m, evaluate(m, node.value, inner));
    if (node.key !== undefined) {
      const key = keyOf(m, evaluate(m, node.key, inner));
      if (key === undefined) open = true;
      else entries.set(key, value);
    } else if (items.length < LIMITS.listLength) items.push(value);
  };
  /** Elements as the walk gives them, texts and numbers of the same labels by their value alone. */
  const takeAll = (elements: Iterable<Value | string>, labels: Labels): void => {
    const all = items;
    const given = new Map<unknown, readonly Value[]>();
    for (const element of elements) {
      const plain = typeof element !== 'string' && element.kind === 'known' && element.labels === labels;
      const key = plain && isPlain(element.value) ? element.value : element;
      // Beyond the budget nothing more is remembered either, so that what holds itself many times over comes to an end.
      if (given.size > 0 && !m.concrete) break;
      let made = given.get(key);
      if (made === undefined) {
        const value = typeof element === 'string' ? known(element, labels) : element;
        items = [];
        take(0, value);
        made = node.clauses.length === 1 ? items : items.map((item) => chosenBy(value, item));
        given.set(key, made);
      }
      m.looksAt(LOOKS_AN_ELEMENT);
      if (all.length + made.length <= SHARED_ITEMS) for (const item of made) all.push(item);
    }
    items = all;
  };
  run(0);
  if (node.flavor === 'dict') return dict(entries, open);
  return list(items, open);
}

const isPlain = (value: unknown): boolean => typeof value === 'number' || typeof value === 'string';

/** A character looked up for one of a decoded text is decoded as that is. */
function chosenBy(element: Value, item: Value): Value {
  return item.kind === 'known' &&
    typeof item.value === 'string' &&
    (item.labels.size === 0 || item.labels === ASSEMBLED) &&
    element.kind === 'known' &&
    typeof element.value === 'string' &&
    element.labels.has('decoded')
    ? withLabels(item, DECODED)
    : item;
}

/** Whether what it gives for an element depends on that element alone. */
function remembers(m: Machine, node: Comprehension, env: Env): boolean {
  if (node.key !== undefined || m.activation.env.module.language !== 'python') return false;
  let answer = computing.get(node);
  if (answer === undefined) {
    const [first, ...rest] = node.clauses;
    answer =
      computes(node.value) &&
      first!.conditions.every(computes) &&
      rest.every((clause) => computes(clause.iterable) && clause.conditions.every(computes));
    computing.set(node, answer);
  }
  if (!answer) return false;
  const { names } = moduleEnv(env);
  for (const name of CALLED) {
    const own = names.get(name);
    if (own !== undefined && own.kind !== 'ref') return false;
  }
  return true;
}
const computing = new WeakMap<Comprehension, boolean>();

/** Functions and methods that compute their result from what they are given, and change nothing. */
const CALLED = new Set(
  'abs bin bool bytes chr divmod float hex int len list max min oct ord range reversed round sorted str sum tuple zip __import__'.split(
    ' ',
  ),
);
const METHODS =
  /^(?:a2b_hex|b64decode|count|decode|encode|find|fromhex|get|index|items|join|keys|lower|replace|rfind|rindex|rjust|ljust|split|strip|swapcase|translate|unhexlify|upper|values|zfill)$/;

/** What an expression is put together of, in no order; undefined where it does more than to put it together. */
function partsOf(node: Expression): readonly Expression[] | undefined {
  const present = (parts: readonly (Expression | undefined)[]): Expression[] =>
    parts.filter((part) => part !== undefined);
  switch (node.type) {
    case 'constant':
    case 'name':
      return [];
    case 'member':
      return [node.object];
    case 'index':
      return [node.object, node.index];
    case 'slice':
      return present([node.start, node.stop, node.step]);
    case 'binary':
      return [node.left, node.right];
    case 'unary':
      return [node.operand];
    case 'conditional':
      return [node.test, node.consequent, node.alternate];
    case 'list':
      return node.items;
    case 'template':
      return node.parts;
    case 'dict':
      return present(node.entries.flatMap(({ key, value }) => [key, value]));
    case 'comprehension':
      return present([
        node.value,
        node.key,
        ...node.clauses.flatMap(({ iterable, conditions }) => [iterable, ...conditions]),
      ]);
    case 'call':
      return [node.callee, ...node.args];
    default:
      return undefined;
  }
}

function computes(node: Expression): boolean {
  if (node.type === 'call') {
    const { callee } = node;
    const isKnown =
      callee.type === 'name'
        ? CALLED.has(callee.name)
        : callee.type === 'member' && METHODS.test(callee.property);
    if (!isKnown || node.keywords.length > 0) return false;
  }
  return partsOf(node)?.every(computes) ?? false;
}

/** Whether a later clause goes through the same elements for every element of the earlier ones. */
function isHoistable(node: Comprehension, at: number): boolean {
  let known = hoistable.get(node);
  if (known === undefined) {
    const bound = new Set<string>();
    known = node.clauses.map((clause) => {
      const free = computes(clause.iterable) && !names(clause.iterable, bound);
      bind(clause.target, bound);
      return free;
    });
    hoistable.set(node, known);
  }
  return known[at]!;
}
const hoistable = new WeakMap<Comprehension, readonly boolean[]>();

/** Whether an expression that only computes reads one of these names. */
function names(node: Expression, bound: ReadonlySet<string>): boolean {
  if (node.type === 'name') return bound.has(node.name);
  const parts = partsOf(node) ?? [];
  if (node.type !== 'comprehension') return parts.some((part) => names(part, bound));
  // The first iterable alone is evaluated outside, where its own names are not bound yet.
  const first = node.clauses[0]!.iterable;
  const own = new Set<string>();
  for (const { target } of node.clauses) bind(target, own);
  const outside = new Set([...bound].filter((name) => !own.has(name)));
  return parts.some((part) => names(part, part === first ? bound : outside));
}
