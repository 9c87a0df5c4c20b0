/** Methods and properties of known strings, numbers and booleans. */
import type { Context } from '../../api.js';
import { chargeReading, noteUnread } from '../../joined-texts.js';
import { chargePieces, find, replaceWord, splitBy } from '../../text-work.js';
import { known, type Labels, list, partialText, ref, union, unknown, type Value } from '../../values.js';
import { chargeExpression, chargeMethod } from './method-costs.js';
import { MAX_TEXT, stringify, toPrimitive } from './operators.js';
import { affordable, toRegExp } from './regexp.js';

const MAX_PIECES = 200_000;

/** The locale of the code that is read, since it must not be that of the machine that reads. */
const LOCALE = 'en-US';
/** Methods that ask for a locale, with how many arguments come before it. */
const LOCALE_AT: ReadonlyMap<string, number> = new Map([
  ['toLocaleLowerCase', 0],
  ['toLocaleUpperCase', 0],
  ['localeCompare', 1],
]);

/** Methods that take and give primitives: run as they are. */
const PLAIN = new Set([
  'charAt',
  'charCodeAt',
  'codePointAt',
  'at',
  'slice',
  'substring',
  'substr',
  'toLowerCase',
  'toUpperCase',
  'toLocaleLowerCase',
  'toLocaleUpperCase',
  'trim',
  'trimStart',
  'trimEnd',
  'trimLeft',
  'trimRight',
  'concat',
  'indexOf',
  'lastIndexOf',
  'includes',
  'startsWith',
  'endsWith',
  'normalize',
  'toString',
  'valueOf',
  'localeCompare',
  'isWellFormed',
  'anchor',
  'big',
  'bold',
  'fontcolor',
  'italics',
  'link',
  'sub',
  'sup',
]);

const GROWING = new Set(['repeat', 'padStart', 'padEnd']);

/** Methods whose result the engine keeps as the parts it was put together from, unread. */
const JOINING = new Set(['concat', ...GROWING]);

/** Labels of a method's result: its receiver's and its arguments'. */
function resultLabels(receiver: Value, args: readonly Value[]): Labels {
  return union(receiver.labels, ...args.map((a) => a.labels));
}

export function stringMethod(
  text: string,
  receiver: Value,
  name: string,
  args: readonly Value[],
  context: Context,
): Value | undefined {
  const labels = resultLabels(receiver, args);
  if (!JOINING.has(name)) {
    chargeReading(receiver);
    for (const arg of args) chargeReading(arg);
  }
  if (PLAIN.has(name)) {
    const plain = args.map((arg) => toPrimitive(arg));
    if (plain.some((p) => p === undefined)) return undefined;
    const values = plain.map((p) => p!.value);
    const at = LOCALE_AT.get(name);
    if (at !== undefined && values.length >= at) values[at] ??= LOCALE;
    return run(text, name, values, labels);
  }
  if (GROWING.has(name)) {
    const count = Number(toPrimitive(args[0] ?? known(0))?.value);
    const filler = args[1] === undefined ? ' ' : stringify(args[1]);
    if (
      filler === undefined ||
      !(count >= 0) ||
      count * Math.max(1, name === 'repeat' ? text.length : 1) > MAX_TEXT
    ) {
      return undefined;
    }
    return run(text, name, name === 'repeat' ? [count] : [count, filler], labels);
  }
  switch (name) {
    case 'split':
      return split(text, args, receiver.labels);
    case 'replace':
    case 'replaceAll':
      return replace(text, name, args, labels, context);
    case 'match':
    case 'matchAll':
    case 'search':
      return match(text, name, args, receiver.labels);
    case 'codePoints':
    case 'entries':
      return undefined;
    default:
      return undefined;
  }
}

function run(text: string, name: string, args: readonly unknown[], labels: Labels): Value | undefined {
  try {
    if (name === 'includes') return known(findPlain(text, args, false) !== -1, labels);
    if (name === 'indexOf' || name === 'lastIndexOf')
      return known(findPlain(text, args, name === 'lastIndexOf'), labels);
    const method = (text as unknown as Record<string, (...a: unknown[]) => unknown>)[name];
    const value = method?.apply(text, [...args]);
    chargeMethod(name, text, args, value);
    if (typeof value === 'string' && value.length > MAX_TEXT) return undefined;
    const made = known(value as string, labels);
    return JOINING.has(name) ? noteUnread(made) : made;
  } catch {
    return undefined;
  }
}

/** Throws where the method would: a position that is a bigint or a symbol is no number. */
function findPlain(text: string, args: readonly unknown[], backwards: boolean): number {
  const [word, position] = args as [unknown, number | undefined];
  return find(text, String(word), position === undefined ? undefined : +position, backwards);
}

function split(text: string, args: readonly Value[], labels: Labels): Value | undefined {
  const [separator, limit] = args;
  const expression = toRegExp(separator);
  const asked = limit === undefined ? undefined : toPrimitive(limit)?.value;
  // As many as are asked for, by JavaScript's own rule, and no more than show that there are too many.
  const most = Math.min(MAX_PIECES + 1, asked === undefined ? MAX_PIECES + 1 : Number(asked) >>> 0);
  if (expression !== undefined) {
    if (!affordable(expression, text)) return undefined;
    chargeExpression(expression, text.length);
    const found = text.split(expression, most);
    chargePieces(found.length, 'match');
    return pieces(found, labels);
  }
  if (separator === undefined || (separator.kind === 'known' && separator.value === undefined)) {
    return list([known(text, labels)]);
  }
  const by = stringify(separator);
  if (by === undefined) return undefined;
  if (by === '' && text.length > MAX_PIECES) return undefined;
  return pieces(by === '' ? text.split(by, most) : splitBy(text, by, most), labels);
}

function pieces(texts: readonly (string | undefined)[], labels: Labels): Value | undefined {
  if (texts.length > MAX_PIECES) return undefined;
  return list(texts.map((t) => known(t, labels)));
}

function replace(
  text: string,
  name: 'replace' | 'replaceAll',
  args: readonly Value[],
  labels: Labels,
  context: Context,
): Value | undefined {
  const [what, by] = args;
  if (what === undefined || by === undefined) return undefined;
  const expression = toRegExp(what);
  const plain = expression === undefined ? (what.kind === 'ref' ? undefined : stringify(what)) : undefined;
  if (expression === undefined && plain === undefined) return undefined;
  if (expression !== undefined && !affordable(expression, text)) return undefined;
  if (expression !== undefined) chargeExpression(expression, text.length);
  const replaceBy = (replacer: (...groups: unknown[]) => string): string => {
    if (expression === undefined) return replaceWord(text, plain!, name === 'replaceAll', replacer);
    expression.lastIndex = 0;
    return text[name](expression as unknown as string, replacer);
  };
  try {
    if (!context.isFunction(by)) {
      const replacement = stringify(by);
      if (replacement === undefined) return undefined;
      const value = replaceByText(replacement, replaceBy);
      return value === undefined ? undefined : noteUnread(known(value, labels));
    }
    let decided = true;
    let calls = 0;
    let found: Labels = labels;
    const value = replaceBy((...groups) => {
      calls += 1;
      if (!decided || calls > 20_000) {
        decided = false;
        return '';
      }
      const result = context.call(
        by,
        groups.map((g) => (typeof g === 'object' ? unknown() : known(g as string, labels))),
      );
      found = union(found, result.labels);
      const piece = stringify(result);
      if (piece === undefined) decided = false;
      return piece ?? '';
    });
    if (decided && value.length > MAX_TEXT) return undefined;
    return decided ? noteUnread(known(value, found)) : unknown(found);
  } catch {
    return undefined;
  }
}

/** Undefined when the result is longer than is kept: it is not built to find that out. */
function replaceByText(
  by: string,
  replaceBy: (replacer: (...groups: unknown[]) => string) => string,
): string | undefined {
  const special = by.includes('$');
  let matches = 0;
  let added = 0;
  const value = replaceBy((...groups) => {
    matches++;
    if (added > MAX_TEXT) return '';
    const piece = special ? substituted(by, groups) : by;
    added += piece.length;
    return piece;
  });
  chargePieces(special ? 4 * matches : matches, 'match');
  return added > MAX_TEXT || value.length > MAX_TEXT ? undefined : value;
}

/** The replacement with what `$&`, `$1` and their like stand for; `groups`: what the engine gives a function in its place. */
function substituted(by: string, groups: readonly unknown[]): string {
  const last = groups.at(-1);
  const named = typeof last === 'object' ? (last as Record<string, string | undefined>) : undefined;
  const end = named === undefined ? groups.length : groups.length - 1;
  const text = groups[end - 1] as string;
  const at = groups[end - 2] as number;
  const captures = groups.slice(0, end - 2) as (string | undefined)[];
  const found = captures[0]!;
  const capture = (digits: string): string | undefined => {
    const number = Number(digits);
    return number > 0 && number < captures.length ? (captures[number] ?? '') : undefined;
  };
  return by.replace(
    /\$(?:([$&`'])|(\d\d?)|<([^>]*)>)/g,
    (whole, sign?: string, digits?: string, name?: string) => {
      if (sign === '$') return '$';
      if (sign === '&') return found;
      if (sign === '`') return text.slice(0, at);
      if (sign === "'") return text.slice(at + found.length);
      if (digits === undefined) return named === undefined ? whole : (named[name!] ?? '');
      const one = digits.length === 2 ? capture(digits[0]!) : undefined;
      return capture(digits) ?? (one === undefined ? whole : one + digits[1]);
    },
  );
}

function match(text: string, name: string, args: readonly Value[], labels: Labels): Value | undefined {
  let expression = toRegExp(args[0]);
  if (expression === undefined) {
    const source = args[0]?.kind === 'known' && typeof args[0].value === 'string' ? args[0].value : undefined;
    expression = toRegExp(source === undefined ? undefined : ref('RegExp()', undefined, [known(source)]));
  }
  if (expression === undefined || !affordable(expression, text)) return undefined;
  chargeExpression(expression, text.length);
  if (name === 'search') return known(text.search(expression));
  if (name === 'matchAll') {
    if (!expression.global) return undefined;
    const matches: Value[] = [];
    let groupCount = 0;
    for (const groups of text.matchAll(expression)) {
      if (matches.length === MAX_PIECES) break;
      matches.push(pieces(groups, labels) ?? unknown(labels));
      groupCount += groups.length;
    }
    // Each match comes as a list of its own.
    chargePieces(2 * matches.length + groupCount, 'match');
    return matches.length === MAX_PIECES ? undefined : list(matches);
  }
  const found = text.match(expression);
  if (found !== null) chargePieces(found.length, 'match');
  return found === null ? known(null) : pieces(found, labels);
}

export function stringProperty(text: string, receiver: Value, name: string): Value | undefined {
  if (name === 'length') return known(text.length);
  if (/^\d+$/.test(name)) {
    chargeReading(receiver);
    const i = Number(name);
    return known(i < text.length ? text[i] : undefined, receiver.labels);
  }
  if (name === 'constructor') return ref('String');
  return name in String.prototype ? ref(`String.prototype.${name}`, receiver.labels) : known(undefined);
}

/** Of a string that is only partly known: what cannot change with the unknown pieces. */
export function partialMethod(receiver: Value, name: string, args: readonly Value[]): Value | undefined {
  const text = partialText(receiver);
  if (text === undefined) return undefined;
  switch (name) {
    case 'toString':
    case 'valueOf':
    case 'trim':
    case 'normalize':
      return receiver;
    case 'concat': {
      const rest = args.map((a) => stringify(a) ?? partialText(a) ?? '\ufffc').join('');
      return unknown(resultLabels(receiver, args), text + rest);
    }
    case 'toLowerCase':
      return unknown(receiver.labels, text.toLowerCase());
    case 'replace':
    case 'replaceAll': {
      const what = args[0] && stringify(args[0]);
      const by = args[1] && (stringify(args[1]) ?? partialText(args[1]));
      if (what === undefined || by === undefined) return undefined;
      return unknown(
        resultLabels(receiver, args),
        text[name](what, () => by),
      );
    }
    default:
      return undefined;
  }
}

export function numberMethod(
  value: number | bigint | boolean,
  receiver: Value,
  name: string,
  args: readonly Value[],
): Value | undefined {
  const plain = args.map((arg) => toPrimitive(arg)?.value);
  if (!['toString', 'toFixed', 'toPrecision', 'toExponential', 'valueOf'].includes(name)) return undefined;
  try {
    const method = (value as unknown as Record<string, (...a: unknown[]) => unknown>)[name];
    return method === undefined ? undefined : known(method.apply(value, plain) as string, receiver.labels);
  } catch {
    return undefined;
  }
}
