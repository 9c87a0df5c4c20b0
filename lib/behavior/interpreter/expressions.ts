/** Expressions: one evaluation in the order both languages evaluate. */
import type { Call, ClassExpression, Constant, Expression, FunctionExpression, Pattern } from '../ir.js';
import { chargeReading, isKnownText, noteUnread, relabelled, withoutEnd } from '../joined-texts.js';
import { takeLooked } from '../looks.js';
import { chargeCharacters } from '../text-work.js';
import {
  alteredFunc,
  bytes,
  type Class,
  type Dict,
  deleteEntry,
  dict,
  func,
  inheritFrom,
  itemsToChange,
  known,
  list,
  NO_LABELS,
  noteChange,
  partialText,
  ref,
  relabel,
  setEntry,
  UNKNOWN,
  UNKNOWN_PIECE,
  union,
  unknown,
  type Value,
} from '../values.js';
import { callFunction, callMember, callValue, constructSuper, initializeFields, listItems } from './calls.js';
import { evaluateComprehension } from './comprehensions.js';
import { emit } from './emit.js';
import { type Env, LIMITS, type Machine } from './machine.js';
import { importJavaScript, importUnknown } from './modules.js';
import { callNative } from './natives.js';
import { ASSEMBLED, elementOf, join, labelsOf, labelsOfAll, textOf, UNDEFINED } from './operations.js';
import {
  bind,
  findInClass,
  keyOf,
  readIndexed,
  readProperty,
  writeIndexed,
  writeProperty,
} from './properties.js';
import { chargeSize, noteText } from './repetition.js';
import {
  argumentsOf,
  assignName,
  branches,
  homeClassOf,
  lookup,
  moduleEnv,
  PYTHON_BUILTINS,
  setIn,
  thisOf,
} from './scope.js';
import { fireRead, fireWrite, NO_KEYWORDS, use } from './sites.js';
import { execute } from './statements.js';
import { constantText } from './text.js';

export function evaluate(m: Machine, node: Expression, env: Env): Value {
  m.step();
  switch (node.type) {
    case 'constant':
      return constantValue(m, node);
    case 'name':
      return readName(m, node, env, false);
    case 'member': {
      const object = evaluateObject(m, node.object, env);
      m.position = node;
      return isSuper(object) ? superMember(m, env, node.property) : readProperty(m, object, node.property);
    }
    case 'index':
      return evaluateIndex(m, node.object, node.index, env, node);
    case 'call':
      return evaluateCall(m, node, env);
    case 'function':
      return makeFunction(m, node, env);
    case 'class':
      return makeClass(m, node, env);
    case 'list':
      return list(evaluateItems(m, node.items, env));
    case 'dict':
      return evaluateDict(m, node, env);
    case 'binary':
      return evaluateBinary(m, node, env);
    case 'unary':
      return evaluateUnary(m, node.operator, node.operand, env);
    case 'conditional': {
      const test = evaluate(m, node.test, env);
      const truth = truthy(m, test);
      if (truth === true) {
        skip(m, node.alternate, env);
        return evaluateReached(m, node.consequent, env);
      }
      if (truth === false) {
        skip(m, node.consequent, env);
        return evaluateReached(m, node.alternate, env);
      }
      return join(
        branches(
          m,
          [() => evaluateReached(m, node.consequent, env), () => evaluateReached(m, node.alternate, env)],
          () => false,
        ),
      );
    }
    case 'assign':
      return evaluateAssign(m, node, env);
    case 'sequence': {
      let last: Value = UNDEFINED;
      for (const item of node.items) last = evaluate(m, item, env);
      return last;
    }
    case 'spread':
      return use(m, evaluate(m, node.value, env));
    case 'slice':
      return UNKNOWN;
    case 'comprehension':
      return evaluateComprehension(m, node, env);
    case 'import': {
      const source = evaluate(m, node.source, env);
      m.position = node;
      const name = textOf(source);
      return name === undefined ? importUnknown(m, source) : importJavaScript(m, name, source.labels);
    }
    case 'regex':
      return ref('RegExp()', NO_LABELS, [known(node.pattern), known(node.flags)]);
    case 'await': {
      const value = node.value === undefined ? UNDEFINED : evaluate(m, node.value, env);
      if (node.isYield) {
        m.activation.yields?.push(value);
        return UNKNOWN;
      }
      return value;
    }
    case 'template':
      return evaluateTemplate(m, node.parts, env);
  }
}

function constantValue(m: Machine, node: Constant): Value {
  const { value } = node;
  if (typeof value === 'string') constantText(m, node, value);
  else if (value instanceof Uint8Array) return bytes(value);
  return known(value);
}

/** Evaluates something that stands left of a dot or bracket: a container's read rule waits. */
function evaluateObject(m: Machine, node: Expression, env: Env): Value {
  return evaluate(m, node, env);
}

const isSuper = (value: Value): boolean => value.kind === 'ref' && value.path === '%super';

function readName(m: Machine, node: Expression & { type: 'name' }, env: Env, asCallee: boolean): Value {
  const name = node.name;
  const found = lookup(env, name);
  if (found !== undefined) return found;
  if (env.module.language === 'javascript') {
    if (name === 'this') return thisOf(env);
    if (name === 'super') return ref('%super');
    if (name === 'arguments') return list([...argumentsOf(env)]);
    const assigned = m.refProperties.get(name);
    if (assigned !== undefined) return assigned;
  } else {
    const module = moduleEnv(env);
    if (module.stars !== undefined && !PYTHON_BUILTINS.has(name))
      return ref(`${module.stars.at(-1)}.${name}`);
  }
  const value = m.language.library.builtins.global(name);
  m.position = node;
  return value.kind === 'ref' && !asCallee ? fireRead(m, value, false) : value;
}

function evaluateIndex(
  m: Machine,
  objectNode: Expression,
  indexNode: Expression,
  env: Env,
  node: Expression,
): Value {
  const object = evaluateObject(m, objectNode, env);
  if (indexNode.type === 'slice') return evaluateSlice(m, object, indexNode, env);
  const index = evaluate(m, indexNode, env);
  m.position = node;
  if (isSuper(object)) return superMember(m, env, keyOf(m, index) ?? '?');
  hiddenMember(m, object, index);
  const value = readIndexed(m, object, index);
  m.looksAt(takeLooked());
  return value;
}

/** `cp['ex' + 'ec']`: a member of the outside world whose name the text does not show. */
function hiddenMember(m: Machine, object: Value, index: Value): void {
  if (object.kind !== 'ref' || index.kind !== 'known' || typeof index.value !== 'string') return;
  if (index.labels.has('decoded') || index.labels.has('assembled')) {
    emit(m, 'hidden-string', { detail: index.value });
  }
}

/** Parts of `Look` one character costs that is taken out of its text. */
const A_CHARACTER = 16;

function evaluateSlice(m: Machine, object: Value, node: Expression & { type: 'slice' }, env: Env): Value {
  const part = (e: Expression | undefined): number | undefined | null => {
    if (e === undefined) return undefined;
    const value = evaluate(m, e, env);
    if (value.kind !== 'known') return null;
    return typeof value.value === 'number' ? value.value : value.value === null ? undefined : null;
  };
  const start = part(node.start);
  const stop = part(node.stop);
  const step = part(node.step);
  if (start === null || stop === null || step === null || step === 0) {
    return object.kind === 'ref' ? object : unknown(labelsOf(object));
  }
  const slice = sliceValue(object, start, stop, step ?? 1);
  chargeSize(m, slice);
  // Other steps than one go through every element.
  if (step !== undefined && step !== 1) {
    if (object.kind === 'bytes') m.looksAt(object.value.length);
    else if (isKnownText(object)) chargeCharacters(object.value.length, A_CHARACTER);
    m.looksAt(takeLooked());
  }
  return slice;
}

function sliceValue(object: Value, start: number | undefined, stop: number | undefined, step: number): Value {
  switch (object.kind) {
    case 'list':
      return list(sliceItems(object.items, start, stop, step), object.open, object.labels);
    case 'bytes':
      // Not by way of a list: code that eats its input from the front copies megabytes at every pass.
      return bytes(
        step === 1
          ? object.value.slice(start, stop)
          : Uint8Array.from(sliceItems([...object.value], start, stop, step)),
        object.labels,
      );
    case 'known':
      if (!isKnownText(object)) return unknown(object.labels);
      if (step === 1 && (start ?? 0) === 0 && stop !== undefined && isLengthToCut(-stop, object.value))
        return withoutEnd(object, -stop);
      chargeReading(object);
      if (step === 1) return known(object.value.slice(start, stop), object.labels);
      return known(
        sliceItems([...object.value], start, stop, step).join(''),
        object.labels.size === 0 ? ASSEMBLED : object.labels,
      );
    case 'choice':
      return join(object.options.map((option) => sliceValue(option, start, stop, step)));
    case 'ref':
      return object;
    default:
      return unknown(labelsOf(object));
  }
}

const isLengthToCut = (count: number, text: string): boolean =>
  Number.isInteger(count) && count > 0 && count < text.length;

/** Python's slice rules; JavaScript has no slice syntax. */
function sliceItems<T>(
  items: readonly T[],
  start: number | undefined,
  stop: number | undefined,
  step: number,
): T[] {
  if (step === 1) return items.slice(start, stop);
  const size = items.length;
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const out: T[] = [];
  if (step > 0) {
    const end = stop === undefined ? size : clamp(stop, 0, size);
    for (let i = start === undefined ? 0 : clamp(start, 0, size); i < end; i += step) out.push(items[i]!);
  } else {
    const end = stop === undefined ? -1 : clamp(stop, -1, size - 1);
    for (let i = start === undefined ? size - 1 : clamp(start, -1, size - 1); i > end; i += step)
      out.push(items[i]!);
  }
  return out;
}

function evaluateItems(m: Machine, nodes: readonly Expression[], env: Env): Value[] {
  const out: Value[] = [];
  for (const item of nodes) {
    if (item.type !== 'spread') {
      out.push(use(m, evaluate(m, item, env)));
      continue;
    }
    const value = use(m, evaluate(m, item.value, env));
    if (value.kind === 'list') out.push(...value.items.slice(0, LIMITS.listLength));
    else if (value.kind === 'known' && typeof value.value === 'string') {
      for (const char of value.value) out.push(known(char, value.labels));
    } else if (value.kind === 'bytes') for (const byte of value.value) out.push(known(byte, value.labels));
    else out.push(elementOf(value));
  }
  return out;
}

function evaluateArguments(m: Machine, nodes: readonly Expression[], env: Env): Value[] {
  const out: Value[] = [];
  for (const item of nodes) {
    if (item.type === 'spread') out.push(...evaluateItems(m, [item], env));
    else out.push(evaluate(m, item, env));
  }
  return out;
}

function evaluateCall(m: Machine, node: Call, env: Env): Value {
  const callee = node.callee;
  if (callee.type === 'name' && callee.name === 'super' && env.module.language === 'javascript') {
    return callSuper(m, node, env);
  }
  let receiver: Value | undefined;
  let name: string | undefined;
  let fn: Value | undefined;
  if (callee.type === 'member') {
    receiver = evaluateObject(m, callee.object, env);
    name = callee.property;
  } else if (callee.type === 'index' && callee.index.type !== 'slice') {
    receiver = evaluateObject(m, callee.object, env);
    const index = evaluate(m, callee.index, env);
    m.position = callee;
    hiddenMember(m, receiver, index);
    name = keyOf(m, index);
    // Python's brackets are no attribute: `[f][0](x)`, `{'a': f}['a'](x)` call the element.
    const isElement =
      env.module.language === 'python'
        ? receiver.kind !== 'ref'
        : receiver.kind === 'list' && /^\d+$/.test(name ?? '');
    if (name === undefined || isElement) {
      fn = readIndexed(m, receiver, index);
    }
  } else if (callee.type === 'name') fn = readName(m, callee, env, true);
  else fn = evaluate(m, callee, env);
  const args = evaluateArguments(m, node.args, env);
  const keywords = node.keywords.length === 0 ? NO_KEYWORDS : evaluateKeywords(m, node.keywords, env);
  m.position = node;
  if (fn !== undefined) {
    const self = env.module.language === 'python' ? undefined : receiver;
    return callValue(m, fn, args, keywords, self, node.isNew);
  }
  if (isSuper(receiver!)) return callSuperMethod(m, env, name!, args, keywords);
  return callMember(m, receiver!, name!, args, keywords, node.isNew);
}

function evaluateKeywords(m: Machine, nodes: Call['keywords'], env: Env): ReadonlyMap<string, Value> {
  const out = new Map<string, Value>();
  for (const { name, value } of nodes) {
    if (name !== '**') {
      out.set(name, evaluate(m, value, env));
      continue;
    }
    const merged = evaluate(m, value.type === 'spread' ? value.value : value, env);
    if (merged.kind === 'dict') for (const [key, entry] of merged.entries) out.set(key, entry);
    if (merged.kind !== 'dict' || merged.open) out.set('**', use(m, merged));
  }
  return out;
}

/** JavaScript `super(...)`. */
function callSuper(m: Machine, node: Call, env: Env): Value {
  const args = evaluateArguments(m, node.args, env);
  m.position = node;
  const cls = homeClassOf(env);
  const instance = thisOf(env);
  if (cls !== undefined) {
    constructSuper(m, cls, instance, args, NO_KEYWORDS);
    initializeFields(m, cls, instance);
  }
  return instance;
}

/** `super.name(...)` and Python's `super().name(...)`. */
function callSuperMethod(
  m: Machine,
  env: Env,
  name: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value {
  const member = superMember(m, env, name);
  const self = env.module.language === 'javascript' ? thisOf(env) : undefined;
  return callValue(m, member, args, keywords, self, false);
}

function superMember(m: Machine, env: Env, name: string): Value {
  const cls = homeClassOf(env);
  if (cls === undefined) return UNKNOWN;
  const found = findInClass(m, cls, name, true);
  if (found === undefined) return UNKNOWN;
  if (env.module.language === 'javascript') return found;
  const self = firstParameter(m, env);
  return self?.kind === 'dict' ? bind(m, found, self) : found;
}

/** `self` of the Python method around. */
function firstParameter(m: Machine, env: Env): Value | undefined {
  let at: Env | undefined = env;
  while (at !== undefined && at.homeClass === undefined) at = at.parent;
  const first = at === undefined ? undefined : [...at.names.values()][0];
  return first ?? thisOf(m.activation.env);
}

export function truthy(m: Machine, value: Value): boolean | undefined {
  switch (value.kind) {
    case 'unknown':
    case 'ref':
      return undefined;
    case 'func':
    case 'class':
      return true;
    case 'choice': {
      const first = truthy(m, value.options[0]!);
      return first !== undefined && value.options.every((o) => truthy(m, o) === first) ? first : undefined;
    }
    default:
      if ((value.kind === 'dict' || value.kind === 'list') && value.open) return undefined;
      return m.language.library.builtins.truthy(value);
  }
}

function evaluateBinary(m: Machine, node: Expression & { type: 'binary' }, env: Env): Value {
  const operator = node.operator;
  if (operator === '&&' || operator === '||' || operator === '??') return evaluateLogical(m, node, env);
  // Long chains of `+` nest to the left: without recursion, so that their length does not matter.
  const chain: (Expression & { type: 'binary' })[] = [];
  let left: Expression = node;
  while (
    left.type === 'binary' &&
    left.operator !== '&&' &&
    left.operator !== '||' &&
    left.operator !== '??'
  ) {
    chain.push(left);
    left = left.left;
  }
  let value = evaluate(m, left, env);
  for (let i = chain.length - 1; i >= 0; i--) {
    const part = chain[i]!;
    const right = evaluate(m, part.right, env);
    m.position = part;
    value = binary(m, part.operator, value, right);
  }
  return value;
}

export function binary(m: Machine, operator: string, left: Value, right: Value): Value {
  // `'CI' in os.environ` asks for one variable, not for all of them.
  if ((operator === 'in' || operator === 'not in') && right.kind === 'ref') {
    const key = keyOf(m, left);
    return unknown(key === undefined ? right.labels : readProperty(m, right, key).labels);
  }
  const a = use(m, left);
  const b = use(m, right);
  if (a.kind === 'choice' || b.kind === 'choice') {
    const lefts = a.kind === 'choice' ? a.options : [a];
    const rights = b.kind === 'choice' ? b.options : [b];
    if (lefts.length * rights.length <= LIMITS.choices) {
      return join(lefts.flatMap((l) => rights.map((r) => binary(m, operator, l, r))));
    }
  }
  const result = m.language.library.builtins.binary(operator, a, b);
  m.looksAt(takeLooked());
  if (result !== undefined) {
    const text = result.kind === 'known' && typeof result.value === 'string';
    if (text) noteText(m, result.value as string);
    else {
      chargeSize(m, result);
      if (result.kind === 'known' && BITWISE.has(operator)) m.decoded++;
    }
    if (text && (result.value as string).length > LIMITS.stringLength) return unknown(result.labels);
    if (operator === '+') noteUnread(result);
    if (isKnownText(result) && operator === '+' && result.labels.size === 0)
      return relabelled(result, ASSEMBLED);
    return result;
  }
  return COMPARISONS.has(operator) ? UNKNOWN : unknown(labelsOfAll([a, b]));
}
/** Flags are put together by `|`, `&` and `<<` all over honest code; whatever undoes a cipher or a packing needs one of these. */
const BITWISE = new Set(['^', '>>', '>>>']);
const COMPARISONS = new Set([
  '==',
  '!=',
  '===',
  '!==',
  '<',
  '>',
  '<=',
  '>=',
  'in',
  'not in',
  'is',
  'is not',
  'instanceof',
]);

function evaluateLogical(m: Machine, node: Expression & { type: 'binary' }, env: Env): Value {
  const left = evaluate(m, node.left, env);
  if (node.operator === '??') {
    if (left.kind === 'known')
      return left.value === undefined || left.value === null ? evaluateReached(m, node.right, env) : left;
    if (left.kind !== 'unknown' && left.kind !== 'choice' && left.kind !== 'ref') return left;
  } else {
    const truth = truthy(m, left);
    const wantsRight = node.operator === '&&' ? truth === true : truth === false;
    if (wantsRight) return evaluateReached(m, node.right, env);
    if (truth !== undefined) {
      skip(m, node.right, env);
      return left;
    }
  }
  const [right] = branches(m, [() => evaluateReached(m, node.right, env), () => UNDEFINED], () => false);
  return node.operator === '&&'
    ? join([right, left.kind === 'unknown' ? left : undefined])
    : join([left, right]);
}

/** Remembers code that a known condition leaves out, to be walked when nothing else did. */
function skip(m: Machine, node: Expression, env: Env): void {
  if (node.type === 'constant' || node.type === 'name' || m.walkedExpressions.has(node)) return;
  m.leave({ env, block: undefined, from: 0, expression: node });
}

export function evaluateReached(m: Machine, node: Expression, env: Env): Value {
  if (node.type !== 'constant' && node.type !== 'name') m.walkedExpressions.add(node);
  return evaluate(m, node, env);
}

function evaluateUnary(m: Machine, operator: string, operand: Expression, env: Env): Value {
  if (operator === 'delete') {
    if (operand.type === 'member' || operand.type === 'index') {
      const object = evaluateObject(m, operand.object, env);
      const key = operand.type === 'member' ? known(operand.property) : evaluate(m, operand.index, env);
      const name = keyOf(m, key);
      if (object.kind === 'dict' && name !== undefined && m.uncertain === 0) deleteEntry(object, name);
    }
    return known(true);
  }
  const value =
    operand.type === 'name' && operator === 'typeof'
      ? readName(m, operand, env, true)
      : evaluate(m, operand, env);
  if (operator === 'void') return UNDEFINED;
  const result = m.language.library.builtins.unary(operator, use(m, value));
  if (result !== undefined) return result;
  if (operator === '!') {
    const truth = truthy(m, value);
    return truth === undefined ? UNKNOWN : known(!truth);
  }
  if (operator === 'typeof') {
    if (value.kind === 'func' || value.kind === 'class') return known('function');
    if (value.kind === 'list' || (value.kind === 'dict' && !value.open)) return known('object');
    return UNKNOWN;
  }
  return unknown(value.labels);
}

function evaluateTemplate(m: Machine, parts: readonly Expression[], env: Env): Value {
  const values = parts.map((part) => use(m, evaluate(m, part, env)));
  return concat(m, values);
}

function concat(m: Machine, values: readonly Value[]): Value {
  let combinations = 1;
  for (const value of values) if (value.kind === 'choice') combinations *= value.options.length;
  if (combinations > 1 && combinations <= LIMITS.choices) {
    const at = values.findIndex((v) => v.kind === 'choice');
    const choice = values[at] as Value & { kind: 'choice' };
    return join(
      choice.options.map((option) => concat(m, [...values.slice(0, at), option, ...values.slice(at + 1)])),
    );
  }
  let text = '';
  let whole = true;
  for (const value of values) {
    let part = m.language.library.builtins.stringify(value);
    if (part === undefined) {
      whole = false;
      part = partialText(value) ?? UNKNOWN_PIECE;
    }
    if (text.length + part.length > LIMITS.stringLength) return unknown(labelsOfAll(values));
    text += part;
  }
  const labels = labelsOfAll(values);
  if (!whole) return unknown(labels, text);
  m.looksAt(takeLooked());
  return noteUnread(known(text, labels.size === 0 && values.length > 1 ? ASSEMBLED : labels));
}

function evaluateDict(m: Machine, node: Expression & { type: 'dict' }, env: Env): Value {
  // What is written here stands in nothing else yet.
  const entries = new Map<string, Value>();
  const made = dict(entries);
  for (const entry of node.entries) {
    if (entry.key === undefined) {
      merge(made, use(m, evaluate(m, entry.value.type === 'spread' ? entry.value.value : entry.value, env)));
      continue;
    }
    const key = evaluate(m, entry.key, env);
    const value = use(m, evaluate(m, entry.value, env));
    const name = keyOf(m, key.kind === 'choice' ? key.options[0]! : key);
    if (name === undefined) {
      made.open = true;
      entries.set('?', join([entries.get('?'), value]));
    } else if (entry.accessor === 'get' && value.kind === 'func')
      entries.set(name, alteredFunc(value, { accessor: 'get' }));
    else if (entry.accessor === 'set') entries.set(`%set:${name}`, value);
    else if (name === '__proto__' && value.kind === 'dict') inheritFrom(made, value);
    else entries.set(name, value);
    if (value.kind === 'func' && !m.homes.has(value.node)) m.homes.set(value.node, made);
  }
  return made;
}

function merge(into: Dict, value: Value): void {
  if (value.kind === 'dict') {
    for (const [key, entry] of value.entries) setEntry(into, key, entry);
    into.open ||= value.open;
    relabel(into, union(into.labels, value.labels));
  } else if (value.kind === 'choice') {
    for (const option of value.options) merge(into, option);
  } else if (value.kind !== 'known') {
    into.open = true;
    relabel(into, union(into.labels, labelsOf(value)));
  }
}

function evaluateAssign(m: Machine, node: Expression & { type: 'assign' }, env: Env): Value {
  if (node.operator === undefined) {
    const value = named(m, evaluate(m, node.value, env), node.target);
    m.position = node;
    assignPattern(m, node.target, value, env, node.declare);
    return value;
  }
  const target = node.target;
  const old = readTarget(m, target, env);
  if (node.operator === '&&' || node.operator === '||' || node.operator === '??') {
    const right = branches(m, [() => evaluate(m, node.value, env), () => UNDEFINED], () => false)[0]!;
    const value = node.operator === '&&' ? right : join([old, right]);
    assignPattern(m, target, value, env, undefined);
    return value;
  }
  const right = evaluate(m, node.value, env);
  m.position = node;
  let value: Value;
  // `list += more` in Python changes the list itself.
  if (old.kind === 'list' && node.operator === '+' && env.module.language === 'python') {
    const more = listItems(right);
    if (old.items.length + more.length <= LIMITS.listLength) itemsToChange(old).push(...more);
    value = old;
  } else value = binary(m, node.operator, old, right);
  assignPattern(m, target, value, env, undefined);
  return node.postfix ? old : value;
}

/** An anonymous function takes the name it is assigned to, for evidence only. */
function named(_m: Machine, value: Value, _target: Pattern): Value {
  return value;
}

function readTarget(m: Machine, target: Pattern, env: Env): Value {
  if (target.type === 'name' || target.type === 'member' || target.type === 'index')
    return evaluate(m, target, env);
  return UNKNOWN;
}

/** Labels of facts and secrets that a container holds from then on although nothing else is known of it. */
const HELD: ReadonlySet<string> = new Set(['env', 'host', 'credentials', 'browser', 'wallet', 'input']);

/** `answer['key'] = secret` where `answer` is not known: sent on, it carries the secret. */
function taint(m: Machine, env: Env, name: string, object: Value, value: Value): void {
  const isAnswer = object.kind === 'ref' && object.path.endsWith('()');
  if (object.kind !== 'unknown' && !isAnswer) return;
  const more = [...labelsOf(value)].filter((label) => HELD.has(label) && !object.labels.has(label));
  if (more.length === 0) return;
  const labels = union(object.labels, new Set(more));
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    if (!at.names.has(name)) continue;
    setIn(m, at, name, isAnswer ? ref(object.path, labels, object.args) : unknown(labels));
    return;
  }
}

export function assignPattern(
  m: Machine,
  target: Pattern,
  value: Value,
  env: Env,
  declare: 'var' | 'let' | 'const' | undefined,
): void {
  switch (target.type) {
    case 'name': {
      const global =
        declare === undefined &&
        env.module.language === 'javascript' &&
        lookup(env, target.name) === undefined;
      if (global) fireWrite(m, target.name, value, undefined);
      assignName(m, env, target.name, value, declare);
      return;
    }
    case 'member': {
      const object = evaluateObject(m, target.object, env);
      m.position = target;
      writeProperty(m, isSuper(object) ? thisOf(env) : object, target.property, value);
      return;
    }
    case 'index': {
      const object = evaluateObject(m, target.object, env);
      if (target.index.type === 'slice') return;
      const index = evaluate(m, target.index, env);
      m.position = target;
      writeIndexed(m, object, index, value);
      if (target.object.type === 'name' && env.module.language === 'python')
        taint(m, env, target.object.name, object, value);
      return;
    }
    case 'default-pattern': {
      const isMissing = value.kind === 'known' && value.value === undefined;
      const actual = isMissing
        ? evaluate(m, target.default, env)
        : value.kind === 'unknown'
          ? join([value, evaluate(m, target.default, env)])
          : value;
      assignPattern(m, target.target, actual, env, declare);
      return;
    }
    case 'dict-pattern': {
      const taken = new Set<string>();
      for (const entry of target.entries) {
        const key =
          entry.key.type === 'constant' ? known(entry.key.value as string) : evaluate(m, entry.key, env);
        const name = keyOf(m, key);
        if (name !== undefined) taken.add(name);
        assignPattern(m, entry.target, readIndexed(m, value, key), env, declare);
      }
      if (target.rest !== undefined) {
        const rest =
          value.kind === 'dict'
            ? dict(new Map([...value.entries].filter(([key]) => !taken.has(key))), value.open, value.labels)
            : use(m, value);
        assignPattern(m, target.rest, rest, env, declare);
      }
      return;
    }
    case 'list-pattern':
      assignList(m, target, value, env, declare);
  }
}

function assignList(
  m: Machine,
  target: Pattern & { type: 'list-pattern' },
  value: Value,
  env: Env,
  declare: 'var' | 'let' | 'const' | undefined,
): void {
  const items = spreadOut(value);
  const restAt = target.rest === undefined ? undefined : (target.restAt ?? target.items.length);
  const after = restAt === undefined ? 0 : target.items.length - restAt;
  target.items.forEach((item, i) => {
    if (item === undefined) return;
    let element: Value;
    if (items === undefined)
      element = value.kind === 'ref' ? readProperty(m, value, String(i)) : elementOf(value);
    else {
      const index = restAt !== undefined && i >= restAt ? items.length - after + (i - restAt) : i;
      element = items[index] ?? UNDEFINED;
    }
    assignPattern(m, item, element, env, declare);
  });
  if (target.rest !== undefined && restAt !== undefined) {
    const rest =
      items === undefined ? unknown(labelsOf(value)) : list(items.slice(restAt, items.length - after));
    assignPattern(m, target.rest, rest, env, declare);
  }
}

function spreadOut(value: Value): readonly Value[] | undefined {
  if (value.kind === 'list' && (!value.open || value.items.length > 0)) return value.items;
  if (value.kind !== 'known' || typeof value.value !== 'string') return undefined;
  chargeReading(value);
  chargeCharacters(value.value.length, A_CHARACTER);
  return [...value.value].map((c) => known(c, value.labels));
}

export function makeFunction(
  m: Machine,
  node: FunctionExpression,
  env: Env,
  homeClass?: Class,
  isDeclaration = false,
): Value {
  let scope = env;
  // A named function expression sees its own name.
  if (
    !isDeclaration &&
    node.name !== '' &&
    env.module.language === 'javascript' &&
    node.flavor === 'function'
  ) {
    scope = m.newEnv(env, false);
  }
  const fn = func(node, scope, env.module.file, homeClass);
  if (scope !== env) scope.set(node.name, fn);
  if (!m.walkedFunctions.has(node) && !m.unwalked.has(node)) m.unwalked.set(node, fn);
  return decorate(m, fn, node.decorators, env);
}

/** Decorators are calls; what they return replaces the function unless nothing is known of it. */
function decorate(m: Machine, value: Value, decorators: readonly Expression[], env: Env): Value {
  let result = value;
  for (let i = decorators.length - 1; i >= 0; i--) {
    const node = decorators[i]!;
    const decorator = evaluate(m, node, env);
    m.position = node;
    if (
      env.module.language === 'python' &&
      node.type === 'member' &&
      /^(setter|deleter)$/.test(node.property)
    )
      continue;
    const native =
      decorator.kind === 'ref'
        ? callNative(m, decorator, [result], NO_KEYWORDS, undefined, false)
        : undefined;
    const made = native ?? callDecorator(m, decorator, result);
    if (made.kind === 'func' || made.kind === 'class') result = made;
  }
  return result;
}

/** Frameworks' decorators register the function; it is not called while it is being defined. */
function callDecorator(m: Machine, decorator: Value, value: Value): Value {
  if (decorator.kind === 'func' || decorator.kind === 'class')
    return callValue(m, decorator, [value], NO_KEYWORDS, undefined, false);
  if (decorator.kind === 'ref') callValue(m, decorator, [], NO_KEYWORDS, undefined, false);
  return value;
}

export function makeClass(m: Machine, node: ClassExpression, env: Env): Value {
  const bases = node.bases.map((base) => evaluate(m, base, env));
  const keywords = evaluateKeywords(m, node.keywords, env);
  const cls: Class = {
    kind: 'class',
    node,
    scope: env,
    file: env.module.file,
    bases,
    statics: new Map(),
    methods: new Map(),
    labels: NO_LABELS,
  };
  m.classes.set(node, cls);
  const python = env.module.language === 'python';
  const body = m.newEnv(env, true);
  body.isClassBody = python;
  if (!python) {
    body.thisValue = cls;
    body.homeClass = cls;
    if (node.name !== '') body.set(node.name, cls);
  }
  for (const member of node.members) {
    if (member.type === 'statements') {
      if (python) body.homeClass = cls;
      execute(m, member.body, body);
      if (python) collectMembers(m, cls, body);
      continue;
    }
    const key = evaluate(m, member.name, body);
    const name = key.kind === 'known' ? String(key.value) : '?';
    if (member.type === 'method') {
      const method = makeFunction(m, member.value, body, cls);
      const fn =
        method.kind === 'func' && member.accessor !== undefined
          ? alteredFunc(method, { accessor: member.accessor })
          : method;
      const into = member.isStatic ? cls.statics : cls.methods;
      noteChange();
      if (member.accessor === 'set') into.set(`%set:${name}`, fn);
      else into.set(name, fn);
      if (python) body.set(name, fn);
    } else if (member.isStatic) {
      const value = member.value === undefined ? UNDEFINED : evaluate(m, member.value, body);
      cls.statics.set(name, value);
      // What follows in the class body sees it by its name alone.
      if (python) body.set(name, value);
    }
  }
  const metaclass = keywords.get('metaclass');
  if (metaclass?.kind === 'class') runMetaclass(m, metaclass, cls);
  for (const base of bases) runSubclassHook(m, base, cls);
  return decorate(m, cls, node.decorators, env);
}

/** Names a Python class body bound: functions are methods, the rest is shared by all instances. */
function collectMembers(_m: Machine, cls: Class, body: Env): void {
  for (const [name, value] of body.names) {
    if (cls.methods.get(name) === value) continue;
    noteChange();
    cls.methods.set(
      name,
      value.kind === 'func' && value.homeClass === undefined ? alteredFunc(value, { homeClass: cls }) : value,
    );
  }
}

function runMetaclass(m: Machine, metaclass: Class, cls: Class): void {
  for (const name of ['__new__', '__init__']) {
    const method = findInClass(m, metaclass, name);
    if (method?.kind === 'func')
      callFunction(m, method, [cls, known(cls.node.name), list([]), dict()], NO_KEYWORDS, undefined);
  }
}

function runSubclassHook(m: Machine, base: Value, cls: Class): void {
  if (base.kind !== 'class') return;
  const hook = findInClass(m, base, '__init_subclass__');
  if (hook?.kind === 'func') callFunction(m, hook, [cls], NO_KEYWORDS, undefined);
}
