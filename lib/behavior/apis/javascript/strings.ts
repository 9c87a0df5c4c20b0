/** Methods and properties of known strings, numbers and booleans. */
import type { Context } from '../../api.js';
import { known, type Labels, list, partialText, ref, union, unknown, type Value } from '../../values.js';
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
    const method = (text as unknown as Record<string, (...a: unknown[]) => unknown>)[name];
    const value = method?.apply(text, [...args]);
    if (typeof value === 'string' && value.length > MAX_TEXT) return undefined;
    return known(value as string, labels);
  } catch {
    return undefined;
  }
}

function split(text: string, args: readonly Value[], labels: Labels): Value | undefined {
  const [separator, limit] = args;
  const expression = toRegExp(separator);
  const most = limit === undefined ? undefined : Number(toPrimitive(limit)?.value);
  if (expression !== undefined) {
    if (!affordable(expression, text.length)) return undefined;
    return pieces(text.split(expression, most), labels);
  }
  if (separator === undefined || (separator.kind === 'known' && separator.value === undefined)) {
    return list([known(text, labels)]);
  }
  const by = stringify(separator);
  if (by === undefined) return undefined;
  if (by === '' && text.length > MAX_PIECES) return undefined;
  return pieces(text.split(by, most), labels);
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
  if (expression !== undefined && !affordable(expression, text.length)) return undefined;
  const searched = expression ?? plain!;
  try {
    if (!context.isFunction(by)) {
      const replacement = stringify(by);
      if (replacement === undefined) return undefined;
      const value = text[name](searched as string, replacement);
      return value.length > MAX_TEXT ? undefined : known(value, labels);
    }
    let decided = true;
    let calls = 0;
    let found: Labels = labels;
    const value = text[name](searched as string, (...groups: unknown[]) => {
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
    return decided ? known(value, found) : unknown(found);
  } catch {
    return undefined;
  }
}

function match(text: string, name: string, args: readonly Value[], labels: Labels): Value | undefined {
  let expression = toRegExp(args[0]);
  if (expression === undefined) {
    const source = args[0]?.kind === 'known' && typeof args[0].value === 'string' ? args[0].value : undefined;
    expression = toRegExp(source === undefined ? undefined : ref('RegExp()', undefined, [known(source)]));
  }
  if (expression === undefined || !affordable(expression, text.length)) return undefined;
  if (name === 'search') return known(text.search(expression));
  if (name === 'matchAll') {
    if (!expression.global) return undefined;
    return list([...text.matchAll(expression)].map((m) => pieces(m, labels) ?? unknown(labels)));
  }
  const found = text.match(expression);
  return found === null ? known(null) : pieces(found, labels);
}

export function stringProperty(text: string, receiver: Value, name: string): Value | undefined {
  if (name === 'length') return known(text.length);
  if (/^\d+$/.test(name)) {
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
