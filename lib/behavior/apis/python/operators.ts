/** Operators as Python has them, on known values. */
import { chargeReading, isKnownText, type KnownText, noteJoined, noteUnread } from '../../joined-texts.js';
import { Look, noteLooked } from '../../looks.js';
import { chargeCharacters, find } from '../../text-work.js';
import { bytes, dict, known, type Labels, partialText, union, unknown, type Value } from '../../values.js';
import {
  bigintOf,
  equal,
  equalWithin,
  indexWithin,
  integer,
  integerOf,
  items,
  itemsOf,
  keyOf,
  labelsOf,
  length,
  MAX_ITEMS,
  MAX_LENGTH,
  numberOf,
  octets,
  pieces,
  settle,
  str,
  stringOf,
  text,
  truth,
} from './core.js';
import { percentFormat } from './format.js';
import { joinPaths } from './paths.js';

/** Parts of `Look` that copying an entry of a dict costs. */
export const AN_ENTRY = 16;

/** Bits of an integer that is still computed. */
const MAX_BITS = 2_000_000;

const COMPARISONS = new Set(['==', '!=', 'is', 'is not', 'in', 'not in', '<', '<=', '>', '>=']);
const PLATFORM = unknown(new Set(['platform']));

/** Undefined when not decided; a comparison with a fact of the platform keeps saying so. */
export function binary(operator: string, left: Value, right: Value): Value | undefined {
  const result = decide(operator, left, right);
  if (result !== undefined || !COMPARISONS.has(operator)) return result;
  return left.labels.has('platform') || right.labels.has('platform') ? PLATFORM : undefined;
}

function decide(operator: string, left: Value, right: Value): Value | undefined {
  const a = settle(left);
  const b = settle(right);
  if (a === undefined || b === undefined) return undefined;
  const labels = union(a.labels, b.labels);
  const decided = (value: boolean | undefined): Value | undefined =>
    value === undefined ? undefined : known(value, labels);
  switch (operator) {
    case '==':
      return decided(equal(a, b));
    case '!=': {
      const same = equal(a, b);
      return decided(same === undefined ? undefined : !same);
    }
    case 'is':
    case 'is not': {
      const same = identical(a, b);
      return decided(same === undefined ? undefined : same === (operator === 'is'));
    }
    case 'in':
    case 'not in': {
      const inside = contains(b, a);
      return decided(inside === undefined ? undefined : inside === (operator === 'in'));
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return decided(compare(operator, a, b));
  }
  const joined = sequences(operator, a, b);
  if (joined !== undefined) return joined;
  const result = arithmetic(operator, a, b);
  return result === undefined ? undefined : known(result, labels);
}

function identical(a: Value, b: Value): boolean | undefined {
  const none = (v: Value): boolean => v.kind === 'known' && v.value === null;
  if (none(a) && none(b)) return true;
  if (none(a) || none(b)) {
    const other = none(a) ? b : a;
    return other.kind === 'unknown' || other.kind === 'ref' ? undefined : false;
  }
  if (
    a.kind === 'known' &&
    b.kind === 'known' &&
    typeof a.value === 'boolean' &&
    typeof b.value === 'boolean'
  ) {
    return a.value === b.value;
  }
  return undefined;
}

/** Bytes that are gone through, or copied, in the time one part is looked at. */
const BYTES_A_LOOK = 16;
/** Parts a character costs that is compared with that of another text. */
const ORDERED = 0.25;

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

function contains(container: Value, item: Value): boolean | undefined {
  const string = stringOf(container);
  if (string !== undefined) {
    const part = stringOf(item);
    if (part === undefined) return undefined;
    chargeReading(container);
    chargeReading(item);
    return find(string, part, undefined, false) >= 0;
  }
  if (container.kind === 'bytes') {
    const byte = integerOf(item);
    noteLooked(container.value.length / BYTES_A_LOOK);
    if (byte !== undefined) return container.value.includes(byte);
    if (item.kind !== 'bytes') return undefined;
    return find(latin1(container.value), latin1(item.value), undefined, false) >= 0;
  }
  if (container.kind === 'dict') {
    if (container.prototype !== undefined) return undefined;
    const key = keyOf(item);
    if (key === undefined) return undefined;
    return container.entries.has(key) ? true : container.open ? undefined : false;
  }
  if (container.kind !== 'list') return undefined;
  let open = container.open;
  const look = new Look();
  const found = container.items.some((entry) => {
    const same = equalWithin(entry, item, 0, look);
    if (same === undefined) open = true;
    return same;
  });
  look.done();
  return found || (open ? undefined : false);
}

/**
 * Those of `values` that are among `others`, or those that are not (`inside` false). Undefined when that takes more
 * comparisons than one operation may do: a union of what cannot be compared grows twofold each time.
 */
function those(values: readonly Value[], others: readonly Value[], inside: boolean): Value[] | undefined {
  const look = new Look();
  const kept: Value[] = [];
  for (const value of values) {
    if (indexWithin(others, value, look) >= 0 === inside) kept.push(value);
    if (look.over) break;
  }
  look.done();
  return look.over ? undefined : kept;
}

function compare(operator: string, a: Value, b: Value): boolean | undefined {
  const order = (x: number | string | bigint, y: number | string | bigint): boolean =>
    operator === '<' ? x < y : operator === '<=' ? x <= y : operator === '>' ? x > y : x >= y;
  const x = numberOf(a);
  const y = numberOf(b);
  if (x !== undefined && y !== undefined) return order(bigintOf(a) ?? x, bigintOf(b) ?? y);
  const s = stringOf(a);
  const t = stringOf(b);
  if (s !== undefined && t !== undefined) {
    chargeReading(a);
    chargeReading(b);
    noteLooked(ORDERED * Math.min(s.length, t.length));
    return order(s, t);
  }
  if (a.kind === 'bytes' && b.kind === 'bytes') {
    noteLooked(Math.min(a.value.length, b.value.length) / BYTES_A_LOOK);
    return order(Buffer.compare(a.value, b.value), 0);
  }
  return undefined;
}

/** Concatenation, repetition and formatting of text, bytes and lists; union of dicts. */
function sequences(operator: string, a: Value, b: Value): Value | undefined {
  const labels = union(a.labels, b.labels);
  const s = stringOf(a);
  const t = stringOf(b);
  if (operator === '+') {
    if (isKnownText(a) && isKnownText(b)) {
      const made = text(a.value + b.value, labels);
      if (made !== undefined) noteJoined(made as KnownText, a, b);
      return made;
    }
    if (a.kind === 'bytes' && b.kind === 'bytes')
      return octets(new Uint8Array(Buffer.concat([a.value, b.value])), labels);
    // Python 2 mixes both; Python 3 raises.
    if (a.kind === 'bytes' && t !== undefined)
      return text(Buffer.from(a.value).toString('latin1') + t, labels);
    if (b.kind === 'bytes' && s !== undefined)
      return text(s + Buffer.from(b.value).toString('latin1'), labels);
    const holes = (v: Value): boolean => v.kind === 'unknown' || v.kind === 'ref';
    if ((holes(a) || holes(b)) && (hasText(a) || hasText(b))) {
      return unknown(union(labelsOf(a), labelsOf(b)), textPieces(a) + textPieces(b));
    }
    if (a.kind === 'list' && b.kind === 'list') {
      if (a.items.length + b.items.length > MAX_ITEMS) return undefined;
      return { kind: 'list', items: [...a.items, ...b.items], open: a.open || b.open, labels };
    }
    return undefined;
  }
  if (operator === '*') {
    const count = integerOf(isSequence(a) ? b : a);
    const sequence = isSequence(a) ? a : isSequence(b) ? b : undefined;
    if (sequence === undefined || count === undefined) return undefined;
    // Nothing so many times is nothing, and takes no time.
    const times = length(sequence) === 0 ? 0 : Math.max(0, count);
    const of = stringOf(sequence);
    if (of !== undefined) return of.length * times > MAX_LENGTH ? undefined : text(of.repeat(times), labels);
    if (sequence.kind === 'bytes') {
      if (sequence.value.length * times > MAX_LENGTH) return undefined;
      const out = new Uint8Array(sequence.value.length * times);
      for (let i = 0; i < times; i++) out.set(sequence.value, i * sequence.value.length);
      return bytes(out, labels);
    }
    const all = itemsOf(sequence);
    if (all === undefined || all.length * times > MAX_ITEMS) return undefined;
    return items(Array.from({ length: times }, () => all).flat(), labels);
  }
  // Only a `pathlib.Path`, which is kept as its text, can be divided.
  if (operator === '/' && s !== undefined && t !== undefined) {
    const made = text(joinPaths([s, t]), labels);
    return made === undefined ? undefined : noteUnread(made);
  }
  if (operator === '%') {
    if (s !== undefined) {
      chargeReading(a);
      const result = percentFormat(s, b);
      if (result === undefined) return holed(s, b, labels);
      return text(result, union(labels, ...(itemsOf(b) ?? []).map((i) => i.labels)));
    }
    if (a.kind === 'bytes') {
      const template = Buffer.from(a.value).toString('latin1');
      const result = percentFormat(template, b);
      if (result !== undefined) return octets(new Uint8Array(Buffer.from(result, 'latin1')), labels);
      return holed(template, b, labels);
    }
    return undefined;
  }
  if (operator === '|' && a.kind === 'dict' && b.kind === 'dict') {
    chargeCharacters(a.entries.size + b.entries.size, AN_ENTRY);
    return dict(new Map([...a.entries, ...b.entries]), a.open || b.open, labels);
  }
  if ((operator === '|' || operator === '&' || operator === '-') && a.kind === 'list' && b.kind === 'list') {
    if (a.open || b.open) return undefined;
    if (operator === '|') {
      const more = those(b.items, a.items, false);
      return more === undefined ? undefined : items([...a.items, ...more], labels);
    }
    const left = those(a.items, b.items, operator === '&');
    return left === undefined ? undefined : items(left, labels);
  }
  return undefined;
}

/** Bits of two integers up to which an operation on them takes no time. */
const FEW_BITS = 4096;
/** So many bits, to the power of one and a half, are multiplied or divided in the time one part is looked at. */
export const A_MULTIPLICATION = 40;
/** Parts a bit costs any other operation. */
const A_BIT = 0.05;

/** Charges an operation on integers of so many bits together. */
function chargeInteger(operator: string, size: number): void {
  if (size > FEW_BITS)
    noteLooked(/^(?:\*\*?|\/\/|%)$/.test(operator) ? size ** 1.5 / A_MULTIPLICATION : size * A_BIT);
}

function arithmetic(operator: string, a: Value, b: Value): number | bigint | undefined {
  const m = bigintOf(a);
  const n = bigintOf(b);
  if (m !== undefined && n !== undefined) {
    const size = bits(m) + bits(n);
    chargeInteger(operator, size);
    switch (operator) {
      case '+':
        return integer(m + n);
      case '-':
        return integer(m - n);
      case '*':
        return size > MAX_BITS ? undefined : integer(m * n);
      case '/':
        return n === 0n ? undefined : Number(m) / Number(n);
      case '//':
        return n === 0n ? undefined : integer(floorDivide(m, n));
      case '%':
        return n === 0n ? undefined : integer(m - floorDivide(m, n) * n);
      case '**':
        if (n < 0n) return Number(m) ** Number(n);
        if (bits(m) * Number(n) > MAX_BITS) return undefined;
        chargeInteger(operator, bits(m) * Number(n));
        return integer(m ** n);
      case '<<':
        if (n < 0n || Number(n) + bits(m) > MAX_BITS) return undefined;
        chargeInteger(operator, Number(n));
        return integer(m << n);
      case '>>':
        return n < 0n ? undefined : integer(m >> n);
      case '&':
        return integer(m & n);
      case '|':
        return integer(m | n);
      case '^':
        return integer(m ^ n);
    }
    return undefined;
  }
  const x = numberOf(a);
  const y = numberOf(b);
  if (x === undefined || y === undefined) return undefined;
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return y === 0 ? undefined : x / y;
    case '//':
      return y === 0 ? undefined : Math.floor(x / y);
    case '%':
      return y === 0 ? undefined : x - Math.floor(x / y) * y;
    case '**':
      return x ** y;
  }
  return undefined;
}

function floorDivide(m: bigint, n: bigint): bigint {
  const quotient = m / n;
  return m % n !== 0n && m < 0n !== n < 0n ? quotient - 1n : quotient;
}

export function bits(value: bigint): number {
  return value <= 0xffff_ffffn && value >= -0xffff_ffffn ? 32 : value.toString(16).length * 4;
}

export function unary(operator: string, operand: Value): Value | undefined {
  const one = settle(operand);
  if (one === undefined) return undefined;
  if (operator === '!') {
    const value = truth(one);
    return value === undefined ? undefined : known(!value, one.labels);
  }
  const whole = bigintOf(one);
  if (whole !== undefined) {
    if (operator === '-') return known(integer(-whole), one.labels);
    if (operator === '~') return known(integer(~whole), one.labels);
    if (operator === '+') return known(integer(whole), one.labels);
  }
  const number = numberOf(one);
  if (number === undefined) return undefined;
  if (operator === '-') return known(-number, one.labels);
  return operator === '+' ? known(number, one.labels) : undefined;
}

export function stringify(value: Value): string | undefined {
  return str(value);
}

/** `template % right`, some of which is not known. */
function holed(template: string, right: Value, labels: Labels): Value | undefined {
  const result = percentFormat(template, right, true);
  return result === undefined ? undefined : unknown(union(labels, labelsOf(right)), result);
}

/** What is known of a text, or of bytes as text. */
const textPieces = (value: Value): string =>
  value.kind === 'bytes' ? Buffer.from(value.value).toString('latin1') : pieces(value);

function hasText(value: Value): boolean {
  return value.kind === 'bytes' || stringOf(value) !== undefined || partialText(value) !== undefined;
}

function isSequence(value: Value): boolean {
  return value.kind === 'bytes' || value.kind === 'list' || stringOf(value) !== undefined;
}
