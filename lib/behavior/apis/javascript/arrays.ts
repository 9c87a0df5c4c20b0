/** Methods and properties of arrays, with callbacks of the package called in order. */
import type { Context } from '../../api.js';
import { chargeReading } from '../../joined-texts.js';
import { Look, noteLooked } from '../../looks.js';
import { itemsToChange, known, type List, list, ref, union, unknown, type Value } from '../../values.js';
import { MAX_TEXT, strictEquals, stringify, stringPieces, toPrimitive, truthy } from './operators.js';

/** Longest array whose callback is called for each element; of longer ones the first elements stand for all. */
const MAX_CALLS = 20_000;
const FEW_CALLS = 8;
const MAX_ITEMS = 200_000;

const UNDEFINED = known(undefined);

const number = (value: Value | undefined, otherwise: number): number | undefined => {
  if (value === undefined || (value.kind === 'known' && value.value === undefined)) return otherwise;
  const primitive = toPrimitive(value);
  return primitive === undefined ? undefined : Math.trunc(Number(primitive.value)) || 0;
};

export function arrayProperty(receiver: List, name: string): Value | undefined {
  if (name === 'length') return receiver.open ? unknown() : known(receiver.items.length);
  if (name === 'constructor') return ref('Array');
  if (/^\d+$/.test(name)) {
    return receiver.items[Number(name)] ?? (receiver.open ? unknown(receiver.labels) : UNDEFINED);
  }
  return name in Array.prototype ? ref(`Array.prototype.${name}`, receiver.labels) : undefined;
}

export function arrayMethod(
  receiver: List,
  name: string,
  args: readonly Value[],
  context: Context,
): Value | undefined {
  return (
    mutate(receiver, name, args, context) ??
    read(receiver, name, args) ??
    iterate(receiver, name, args, context)
  );
}

function mutate(receiver: List, name: string, args: readonly Value[], context: Context): Value | undefined {
  const { items } = receiver;
  switch (name) {
    case 'push':
      if (items.length + args.length > MAX_ITEMS) receiver.open = true;
      else itemsToChange(receiver).push(...args);
      return receiver.open ? unknown() : known(items.length);
    case 'unshift':
      if (items.length + args.length > MAX_ITEMS) receiver.open = true;
      else itemsToChange(receiver).unshift(...args);
      return receiver.open ? unknown() : known(items.length);
    case 'pop':
      return itemsToChange(receiver).pop() ?? (receiver.open ? unknown(receiver.labels) : UNDEFINED);
    case 'shift':
      return itemsToChange(receiver).shift() ?? (receiver.open ? unknown(receiver.labels) : UNDEFINED);
    case 'reverse':
      itemsToChange(receiver).reverse();
      return receiver;
    case 'splice': {
      const start = number(args[0], 0);
      const count = args.length < 2 ? Number.POSITIVE_INFINITY : number(args[1], 0);
      if (start === undefined || count === undefined || receiver.open) {
        receiver.open = true;
        return list([], true, receiver.labels);
      }
      return list(itemsToChange(receiver).splice(start, Math.min(count, items.length), ...args.slice(2)));
    }
    case 'fill': {
      const from = number(args[1], 0);
      const to = number(args[2], items.length);
      if (from === undefined || to === undefined) return receiver;
      itemsToChange(receiver).fill(args[0] ?? UNDEFINED, from, to);
      return receiver;
    }
    case 'sort':
      sort(receiver, args[0], context);
      return receiver;
    default:
      return undefined;
  }
}

function sort(receiver: List, comparator: Value | undefined, context: Context): void {
  const { items } = receiver;
  if (context.isFunction(comparator)) {
    if (items.length > 256) return;
    const sorted = [...items].sort((a, b) => {
      const order = toPrimitive(context.call(comparator!, [a, b]));
      return order === undefined ? 0 : Number(order.value) || 0;
    });
    // What the comparison itself put behind them stays.
    itemsToChange(receiver).splice(0, sorted.length, ...sorted);
    return;
  }
  const keys = new Map(items.map((item) => [item, stringify(item)]));
  if ([...keys.values()].some((k) => k === undefined)) return;
  itemsToChange(receiver).sort((a, b) =>
    keys.get(a)! < keys.get(b)! ? -1 : keys.get(a)! > keys.get(b)! ? 1 : 0,
  );
}

function read(receiver: List, name: string, args: readonly Value[]): Value | undefined {
  const { items } = receiver;
  switch (name) {
    case 'join':
      return join(receiver, args[0]);
    case 'toString':
      return join(receiver, undefined);
    case 'slice': {
      const from = number(args[0], 0);
      const to = number(args[1], Number.POSITIVE_INFINITY);
      if (from === undefined || to === undefined) return list([...items], true, receiver.labels);
      return list(items.slice(from, to), receiver.open, receiver.labels);
    }
    case 'concat': {
      const joined = [...items];
      let open = receiver.open;
      for (const arg of args) {
        if (arg.kind === 'list') {
          if (joined.length + arg.items.length > MAX_ITEMS) open = true;
          else joined.push(...arg.items);
          open ||= arg.open;
        } else {
          joined.push(arg);
          if (arg.kind === 'unknown' || arg.kind === 'ref') open = true;
        }
      }
      return list(joined, open, union(receiver.labels, ...args.map((a) => a.labels)));
    }
    case 'indexOf':
    case 'lastIndexOf':
    case 'includes':
      return find(receiver, name, args[0] ?? UNDEFINED);
    case 'at': {
      const i = number(args[0], 0);
      if (i === undefined || (receiver.open && i < 0)) return undefined;
      return items.at(i) ?? (receiver.open ? unknown(receiver.labels) : UNDEFINED);
    }
    case 'flat':
      return list(
        items.flatMap((item) => (item.kind === 'list' ? item.items : [item])),
        receiver.open || items.some((item) => item.kind === 'list' && item.open),
        receiver.labels,
      );
    case 'keys':
      return receiver.open ? undefined : list(items.map((_, i) => known(i)));
    case 'values':
    case 'Symbol.iterator':
      return receiver;
    case 'entries':
      return list(
        items.map((item, i) => list([known(i), item])),
        receiver.open,
      );
    case 'toReversed':
      return list([...items].reverse(), receiver.open, receiver.labels);
    case 'toSorted':
      return list([...items], receiver.open, receiver.labels);
    default:
      return undefined;
  }
}

/** Characters that are joined in the time one part is looked at. */
const JOINED_A_LOOK = 8;

function join(receiver: List, separator: Value | undefined): Value | undefined {
  const by =
    separator === undefined || (separator.kind === 'known' && separator.value === undefined)
      ? ','
      : stringify(separator);
  const labels = union(receiver.labels, ...receiver.items.slice(0, 64).map((item) => item.labels));
  if (by === undefined) return unknown(labels);
  const parts = receiver.items.map((item) => {
    chargeReading(item);
    return item.kind === 'known' && (item.value === null || item.value === undefined) ? '' : stringify(item);
  });
  if (!receiver.open && parts.every((p) => p !== undefined)) {
    const length = parts.reduce((sum, part) => sum + part!.length, by.length * Math.max(0, parts.length - 1));
    if (length > MAX_TEXT) return unknown(labels);
    const text = parts.join(by);
    noteLooked(length / JOINED_A_LOOK);
    // Words spelled letter by letter are put together to be hidden; lines and paths are not.
    const spelled = by === '' && parts.length >= 3 && text.length < parts.length * 4;
    return known(text, spelled ? union(labels, ASSEMBLED) : labels);
  }
  if (receiver.items.length > 1000) return unknown(labels);
  const pieces = receiver.items.map(stringPieces);
  if (receiver.open) pieces.push('\ufffc');
  return unknown(labels, pieces.join(by));
}

const ASSEMBLED: ReadonlySet<string> = new Set(['assembled']);

function find(receiver: List, name: string, wanted: Value): Value | undefined {
  const look = new Look();
  look.more(receiver.items.length);
  look.done();
  const answers = receiver.items.map((item) => strictEquals(item, wanted));
  const at = name === 'lastIndexOf' ? answers.lastIndexOf(true) : answers.indexOf(true);
  const before = at === -1 ? answers : answers.slice(0, at);
  if (name === 'includes') {
    if (at !== -1) return known(true);
    return receiver.open || answers.includes(undefined) ? undefined : known(false);
  }
  if (before.includes(undefined) || (at === -1 && receiver.open)) return undefined;
  return known(at);
}

const CALLBACK_METHODS = new Set([
  'forEach',
  'map',
  'filter',
  'reduce',
  'reduceRight',
  'some',
  'every',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'flatMap',
]);

function iterate(receiver: List, name: string, args: readonly Value[], context: Context): Value | undefined {
  const fn = args[0];
  if (!CALLBACK_METHODS.has(name) || fn === undefined) return undefined;
  const { items } = receiver;
  const all = items.length <= MAX_CALLS && !receiver.open;
  const visited = all ? items.map((item, i): [Value, number] => [item, i]) : sample(receiver);
  if (name === 'reduce' || name === 'reduceRight') {
    if (name === 'reduceRight') visited.reverse();
    return reduce(visited, args, all, receiver, context);
  }
  const results: Value[] = [];
  const answers: (boolean | undefined)[] = [];
  for (const [item, i] of visited) {
    const result = context.call(fn, [item, known(i), receiver], args[1]);
    results.push(result);
    if (name === 'map' || name === 'forEach' || name === 'flatMap') continue;
    const answer = truthy(result);
    answers.push(answer);
    if (all && stops(name, answer) && !answers.slice(0, -1).includes(undefined)) break;
  }
  switch (name) {
    case 'forEach':
      return UNDEFINED;
    case 'map':
      return list(results, !all);
    case 'flatMap':
      return list(
        results.flatMap((r) => (r.kind === 'list' ? r.items : [r])),
        !all,
      );
    case 'filter': {
      const decided = all && !answers.includes(undefined);
      return list(
        visited.filter((_, i) => answers[i] !== false).map(([item]) => item),
        !decided,
        receiver.labels,
      );
    }
    default:
      return search(name, visited, answers, all, receiver);
  }
}

/** What stands for an array too long or not known to its end: its first elements, and one unknown. */
function sample(receiver: List): [Value, number][] {
  const few = receiver.items.slice(0, FEW_CALLS).map((item, i): [Value, number] => [item, i]);
  if (few.length === 0) few.push([unknown(receiver.labels), 0]);
  return few;
}

function stops(name: string, answer: boolean | undefined): boolean {
  return name === 'every' ? answer === false : name !== 'filter' && answer === true;
}

function search(
  name: string,
  visited: readonly [Value, number][],
  answers: readonly (boolean | undefined)[],
  all: boolean,
  receiver: List,
): Value | undefined {
  const decided = all && !answers.includes(undefined);
  if (name === 'some') return decided ? known(answers.includes(true)) : undefined;
  if (name === 'every') return decided ? known(!answers.includes(false)) : undefined;
  const at = answers.indexOf(true);
  if (name === 'findIndex') return decided ? known(at) : unknown();
  if (!decided) return visited.find((_, i) => answers[i] !== false)?.[0] ?? unknown(receiver.labels);
  return at === -1 ? UNDEFINED : visited[at]![0];
}

function reduce(
  visited: readonly [Value, number][],
  args: readonly Value[],
  all: boolean,
  receiver: List,
  context: Context,
): Value {
  const [fn, initial] = args;
  let rest = visited;
  let total = initial;
  if (total === undefined) {
    if (rest.length === 0) return unknown(receiver.labels);
    total = rest[0]![0];
    rest = rest.slice(1);
  }
  for (const [item, i] of rest) total = context.call(fn!, [total, item, known(i), receiver]);
  return all ? total : unknown(union(total.labels, receiver.labels));
}
