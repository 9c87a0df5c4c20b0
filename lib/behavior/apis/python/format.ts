/** `%` formatting, `str.format` and format specifications, on known values. */
import { chargeReading } from '../../joined-texts.js';
import { chargeDigits } from '../../plain-text.js';
import { chargeCharacters } from '../../text-work.js';
import type { Value } from '../../values.js';
import {
  bigintOf,
  bytesOf,
  integerOf,
  itemsOf,
  MAX_LENGTH,
  numberOf,
  pieces,
  repr,
  settle,
  str,
  stringOf,
} from './core.js';

/** Parts of `Look` one character costs that is counted, as Python counts them. */
const COUNTED = 8;
/** Digits up to which an expression groups them; beyond, each would be looked at as often as there are digits behind it. */
const FEW_DIGITS = 64;

const SPECIFICATION = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** `format(value, specification)`. Undefined when the value is not known or the specification is wrong. */
export function formatValue(value: Value | undefined, specification: string): string | undefined {
  if (specification === '') return str(value);
  const match = SPECIFICATION.exec(specification);
  if (match === null) return undefined;
  const [
    ,
    fillCharacter,
    alignment,
    sign = '-',
    ,
    alternate,
    zero,
    widthText,
    grouping,
    precisionText,
    type,
  ] = match;
  const width = widthText === undefined ? 0 : Number(widthText);
  if (width > MAX_LENGTH) return undefined;
  const precision = precisionText === undefined ? undefined : Number(precisionText);
  const body = formatBody(value, type, precision, alternate !== undefined, sign, grouping);
  if (body === undefined) return undefined;
  const isNumber =
    numberOf(value) !== undefined && typeof (settle(value) as { value?: unknown }).value !== 'boolean';
  const fill = fillCharacter ?? (zero === undefined ? ' ' : '0');
  const align = alignment ?? (zero !== undefined && isNumber ? '=' : isNumber ? '>' : '<');
  if (width === 0) return body;
  chargeCharacters(body.length, COUNTED);
  const missing = width - Array.from(body).length;
  if (missing <= 0) return body;
  if (align === '<') return body + fill.repeat(missing);
  if (align === '>') return fill.repeat(missing) + body;
  if (align === '^') return fill.repeat(missing >> 1) + body + fill.repeat(missing - (missing >> 1));
  const prefix = /^[-+ ]?(?:0[xXob])?/.exec(body)?.[0] ?? '';
  return prefix + fill.repeat(missing) + body.slice(prefix.length);
}

function formatBody(
  value: Value | undefined,
  type: string | undefined,
  precision: number | undefined,
  alternate: boolean,
  sign: string,
  grouping: string | undefined,
): string | undefined {
  const text = stringOf(value);
  if (text !== undefined && (type === undefined || type === 's')) {
    chargeReading(settle(value));
    if (precision === undefined) return text;
    // No more units than so many characters may have.
    const start = text.slice(0, 2 * precision);
    chargeCharacters(start.length, COUNTED);
    return Array.from(start).slice(0, precision).join('');
  }
  const signed = (negative: boolean, digits: string): string =>
    (negative ? '-' : sign === '-' ? '' : sign) + digits;
  const grouped = (digits: string, size: number): string =>
    grouping === undefined
      ? digits
      : digits.length > FEW_DIGITS
        ? inGroups(digits, size).join(grouping)
        : digits.replace(new RegExp(`\\B(?=(.{${size}})+$)`, 'g'), grouping);
  const whole = bigintOf(value);
  if (whole !== undefined && (type === undefined || 'bcdoxXn'.includes(type))) {
    if (type === 'c')
      return whole >= 0n && whole <= 0x10ffffn ? String.fromCodePoint(Number(whole)) : undefined;
    const base = type === 'b' ? 2 : type === 'o' ? 8 : type === 'x' || type === 'X' ? 16 : 10;
    let digits = (whole < 0n ? -whole : whole).toString(base);
    if (base === 10) chargeDigits(digits.length);
    if (type === 'X') digits = digits.toUpperCase();
    digits = grouped(digits, base === 10 ? 3 : 4);
    if (alternate && base !== 10)
      digits = (base === 2 ? '0b' : base === 8 ? '0o' : type === 'X' ? '0X' : '0x') + digits;
    return signed(whole < 0n, digits);
  }
  const number = numberOf(value);
  if (number === undefined) return type === undefined || type === 's' ? str(value) : undefined;
  const absolute = Math.abs(number);
  const digits = Math.min(precision ?? 6, 100);
  switch (type) {
    case 'f':
    case 'F': {
      const [head = '', ...tail] = absolute.toFixed(digits).split('.');
      return signed(number < 0, [grouped(head, 3), ...tail].join('.'));
    }
    case 'e':
    case 'E': {
      const shown = absolute.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
      return signed(number < 0, type === 'E' ? shown.toUpperCase() : shown);
    }
    case '%':
      return signed(number < 0, `${(absolute * 100).toFixed(digits)}%`);
    case undefined:
    case 'g':
    case 'G':
    case 'n':
      return signed(
        number < 0,
        precision === undefined
          ? String(absolute)
          : String(Number(absolute.toPrecision(Math.max(1, digits)))),
      );
  }
  return undefined;
}

/** The digits of a large integer, so many together from the end. */
function inGroups(digits: string, size: number): string[] {
  const groups: string[] = [];
  let start = 0;
  for (let end = digits.length % size || size; start < digits.length; end += size) {
    groups.push(digits.slice(start, end));
    start = end;
  }
  return groups;
}

/** Looks up `name[key].attribute` of a replacement field. */
export type FieldLookup = (
  name: string | number,
  rest: readonly { readonly kind: 'key' | 'attribute'; readonly name: string }[],
) => Value | undefined;

/** `text.format(…)`. Undefined as soon as one field is not known, unless `missing` stands for it. */
export function formatString(
  template: string,
  lookup: FieldLookup,
  depth = 0,
  missing?: string,
): string | undefined {
  let out = '';
  let automatic = 0;
  if (depth > 2) return undefined;
  for (let i = 0; i < template.length; i++) {
    const c = template[i]!;
    if (c === '{' && template[i + 1] === '{') {
      out += '{';
      i++;
    } else if (c === '}') {
      if (template[i + 1] !== '}') return undefined;
      out += '}';
      i++;
    } else if (c === '{') {
      let level = 1;
      let end = i + 1;
      while (end < template.length && level > 0) {
        if (template[end] === '{') level++;
        else if (template[end] === '}') level--;
        end++;
      }
      if (level > 0) return undefined;
      const field = template.slice(i + 1, end - 1);
      i = end - 1;
      const match = /^([^!:[.]*)((?:\.[^!:[.]+|\[[^\]]*\])*)(?:!([a-z]))?(?::([\s\S]*))?$/.exec(field);
      if (match === null) return undefined;
      const [, first = '', trail = '', conversion, rawSpecification = ''] = match;
      const name = first === '' ? automatic++ : /^\d+$/.test(first) ? Number(first) : first;
      const rest = [...trail.matchAll(/\.([^.[]+)|\[([^\]]*)\]/g)].map((part) =>
        part[1] !== undefined
          ? ({ kind: 'attribute', name: part[1] } as const)
          : ({ kind: 'key', name: part[2] ?? '' } as const),
      );
      const value = lookup(name, rest);
      const isAutomatic = rawSpecification.includes('{}');
      const nested: FieldLookup = (n, r) =>
        typeof n === 'number' && isAutomatic ? lookup(automatic++, r) : lookup(n, r);
      const specification = rawSpecification.includes('{')
        ? formatString(rawSpecification, nested, depth + 1)
        : rawSpecification;
      if (specification === undefined) return undefined;
      let shown: string | undefined;
      if (conversion === 'r' || conversion === 'a') {
        const quoted = repr(value);
        shown = quoted === undefined ? undefined : formatText(quoted, specification);
      } else if (conversion === 's') {
        const plain = str(value);
        shown = plain === undefined ? undefined : formatText(plain, specification);
      } else shown = formatValue(value, specification);
      shown ??= missing;
      if (shown === undefined) return undefined;
      out += shown;
    } else out += c;
    if (out.length > MAX_LENGTH) return undefined;
  }
  return out;
}

function formatText(text: string, specification: string): string | undefined {
  return formatValue({ kind: 'known', value: text, labels: new Set() }, specification);
}

/** One place of a `%` template: from its sign to behind its type. */
interface Field {
  readonly from: number;
  readonly to: number;
  readonly key: string | undefined;
  readonly flags: string;
  readonly width: string | undefined;
  readonly precision: string | undefined;
  readonly type: string;
}

/** What follows the key. The flags are taken as a whole: zeros are also digits, and would be shared out in every way. */
const FIELD = /(?=([-+ #0]*))\1(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([a-zA-Z%])/y;
/** Parts of `Look` one field costs. */
const A_FIELD = 32;

/**
 * The fields of a template, in one pass: the closing bracket of a key is looked for once however many open before it, and what
 * is no field behind it is so for all of them.
 */
function fieldsOf(template: string): Field[] {
  const fields: Field[] = [];
  let close = -1;
  /** Behind a key. */
  let wrong = -1;
  for (let from = template.indexOf('%'); from >= 0; ) {
    let start = from + 1;
    let key: string | undefined;
    if (template[start] === '(') {
      if (close >= 0 && close <= start) close = -1;
      if (close === -1) close = template.indexOf(')', start);
      if (close === -1) close = template.length;
      if (close < template.length) {
        key = template.slice(start + 1, close);
        start = close + 1;
      }
    }
    FIELD.lastIndex = start;
    const match = key !== undefined && start === wrong ? null : FIELD.exec(template);
    if (match !== null) {
      const [, flags = '', width, precision, type = ''] = match;
      fields.push({ from, to: FIELD.lastIndex, key, flags, width, precision, type });
    } else if (key !== undefined) wrong = start;
    from = template.indexOf('%', match === null ? from + 1 : FIELD.lastIndex);
  }
  chargeCharacters(template.length, 1);
  chargeCharacters(fields.length, A_FIELD);
  return fields;
}

/** `template % right`. The right side is a list for a tuple, a dict, or one value. `holes`: what is not known is left open. */
export function percentFormat(template: string, right: Value, holes = false): string | undefined {
  const one = settle(right);
  const fields = fieldsOf(template);
  const values =
    one?.kind === 'list' && !(one.items.length > 1 && takesOne(fields))
      ? (itemsOf(one) ?? (holes ? one.items : undefined))
      : [right];
  if (values === undefined) return undefined;
  let next = 0;
  const number = (text: string | undefined): number | undefined => {
    if (text !== '*') return text === undefined ? undefined : Number(text);
    return integerOf(values[next++]);
  };
  const parts: string[] = [];
  let room = MAX_LENGTH;
  let end = 0;
  for (const { from, to, key, flags, width: widthText, precision: precisionText, type } of fields) {
    parts.push(template.slice(end, from));
    end = to;
    if (type === '%') {
      parts.push('%');
      continue;
    }
    const width = number(widthText) ?? 0;
    const precision = number(precisionText);
    const value =
      key === undefined ? values[next++] : one?.kind === 'dict' ? one.entries.get(key) : undefined;
    if (width > MAX_LENGTH) return undefined;
    const body = percentBody(value, type, flags, precision) ?? (holes ? pieces(value) : undefined);
    if (body === undefined) return undefined;
    const shown = padded(body, flags, type, width);
    room -= shown.length;
    if (room < 0) return undefined;
    parts.push(shown);
  }
  return parts.length === 0 ? template : parts.join('') + template.slice(end);
}

function padded(body: string, flags: string, type: string, width: number): string {
  if (flags.includes('-')) return body.padEnd(width);
  if (flags.includes('0') && 'diouxXeEfFgG'.includes(type)) {
    const prefix = /^[-+ ]?(?:0[xXo])?/.exec(body)?.[0] ?? '';
    return prefix + body.slice(prefix.length).padStart(width - prefix.length, '0');
  }
  return body.padStart(width);
}

/** Lists and tuples are one kind here: where one value is wanted, several are a list that is shown whole. */
function takesOne(fields: readonly Field[]): boolean {
  let wanted = 0;
  for (const { width, precision, type } of fields) {
    if (type !== '%') wanted++;
    if (width === '*' || precision === '*') wanted++;
  }
  return wanted === 1;
}

function percentBody(
  value: Value | undefined,
  type: string,
  flags: string,
  precision: number | undefined,
): string | undefined {
  if (value === undefined) return undefined;
  const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '-';
  switch (type) {
    case 's':
    case 'b': {
      const one = settle(value);
      chargeReading(one);
      const shown = one?.kind === 'bytes' ? Buffer.from(one.value).toString('latin1') : str(one);
      return precision === undefined ? shown : shown?.slice(0, precision);
    }
    case 'r':
    case 'a':
      return repr(value)?.slice(0, precision);
    case 'c': {
      const code = integerOf(value);
      if (code !== undefined) return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
      const single = stringOf(value) ?? Buffer.from(bytesOf(value) ?? []).toString('latin1');
      return single.length <= 2 && Array.from(single).length === 1 ? single : undefined;
    }
    case 'd':
    case 'i':
    case 'u': {
      const number = numberOf(value);
      if (number === undefined || (precision ?? 0) > MAX_LENGTH) return undefined;
      const whole = bigintOf(value) ?? BigInt(Math.trunc(number));
      const digits = (whole < 0n ? -whole : whole).toString();
      chargeDigits(digits.length);
      return (whole < 0n ? '-' : sign === '-' ? '' : sign) + digits.padStart(precision ?? 0, '0');
    }
    case 'o':
    case 'x':
    case 'X':
      return formatValue(value, `${sign}${flags.includes('#') ? '#' : ''}${type}`);
    default:
      return formatValue(value, `${sign}${precision === undefined ? '' : `.${precision}`}${type}`);
  }
}
