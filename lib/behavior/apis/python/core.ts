/** Value helpers shared by the evaluation of Python's library: what a value is, and Python's own text of it. */
import type { Context } from '../../api.js';
import { chargeReading, isBasicText, isKnownText, type KnownText } from '../../joined-texts.js';
import { Look } from '../../looks.js';
import { plainText } from '../../plain-text.js';
import { chargeCharacters } from '../../text-work.js';
import {
  bytes,
  type Known,
  known,
  type Labels,
  type List,
  list,
  NO_LABELS,
  partialText,
  type Ref,
  ref,
  UNKNOWN_PIECE,
  union,
  unknown,
  type Value,
} from '../../values.js';

/** Results beyond this are not built: characters, bytes or items. */
export const MAX_LENGTH = 8_000_000;
/** Items of a list built by evaluation (`range`, `list(b'…')`). */
export const MAX_ITEMS = 200_000;

export type Keywords = ReadonlyMap<string, Value>;

/** The first decided option where control flow left several. */
export function settle(value: Value | undefined): Value | undefined {
  if (value?.kind !== 'choice') return value;
  return value.options.find((o) => o.kind !== 'unknown' && o.kind !== 'ref') ?? value.options[0];
}

export function stringOf(value: Value | undefined): string | undefined {
  const one = settle(value);
  return one?.kind === 'known' && typeof one.value === 'string' ? one.value : undefined;
}

/** Integers only: `bool` counts as one, as in Python. */
export function integerOf(value: Value | undefined): number | undefined {
  const one = settle(value);
  if (one?.kind !== 'known') return undefined;
  if (typeof one.value === 'number') return Number.isInteger(one.value) ? one.value : undefined;
  if (typeof one.value === 'boolean') return one.value ? 1 : 0;
  if (typeof one.value === 'bigint') {
    return one.value <= Number.MAX_SAFE_INTEGER && one.value >= Number.MIN_SAFE_INTEGER
      ? Number(one.value)
      : undefined;
  }
  return undefined;
}

export function bigintOf(value: Value | undefined): bigint | undefined {
  const one = settle(value);
  if (one?.kind !== 'known') return undefined;
  if (typeof one.value === 'bigint') return one.value;
  const integer = integerOf(one);
  return integer === undefined ? undefined : BigInt(integer);
}

export function numberOf(value: Value | undefined): number | undefined {
  const one = settle(value);
  if (one?.kind !== 'known') return undefined;
  if (typeof one.value === 'number') return one.value;
  if (typeof one.value === 'boolean') return one.value ? 1 : 0;
  if (typeof one.value === 'bigint') return Number(one.value);
  return undefined;
}

/** Small when it fits, so that equal integers are equal values. */
export function integer(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
    ? Number(value)
    : value;
}

/** Parts of `Look` that one character costs which is taken for a byte, made a value of its own, or quoted. */
const A_BYTE = 1 / 4;
const AN_ITEM = 8;
const QUOTED = 2;

/** Bytes of a bytes value, or of a `str` that only holds bytes (Python 2, and what `latin-1` gives). */
export function bytesOf(value: Value | undefined): Uint8Array | undefined {
  const one = settle(value);
  if (one?.kind === 'bytes') return one.value;
  const text = stringOf(one);
  if (text === undefined) return undefined;
  chargeReading(one);
  chargeCharacters(text.length, A_BYTE);
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) return new Uint8Array(Buffer.from(text, 'utf8'));
  }
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Elements of what Python can iterate, when they are all known to exist. */
export function itemsOf(value: Value | undefined): readonly Value[] | undefined {
  const one = settle(value);
  if (one === undefined) return undefined;
  if (one.kind === 'list') return one.open ? undefined : one.items;
  if (one.kind === 'bytes') {
    if (one.value.length > MAX_ITEMS) return undefined;
    chargeCharacters(one.value.length, AN_ITEM);
    return Array.from(one.value, (b) => known(b, one.labels));
  }
  if (one.kind === 'dict') {
    if (one.open || one.prototype !== undefined) return undefined;
    chargeCharacters(one.entries.size, AN_ITEM);
    return [...one.entries.keys()].map((k) => known(k, one.labels));
  }
  const text = stringOf(one);
  if (text === undefined || text.length > MAX_ITEMS) return undefined;
  chargeReading(one);
  chargeCharacters(text.length, AN_ITEM);
  return Array.from(text, (c) => known(c, one.labels));
}

/** Labels of a value and of what it holds, three containers deep. */
export function labelsOf(value: Value | undefined): Labels {
  if (value === undefined) return NO_LABELS;
  if (value.kind !== 'list' && value.kind !== 'dict' && value.kind !== 'choice') return value.labels;
  const found = new Set<string>();
  const look = new Look();
  collectLabels(value, 3, found, new Map(), look);
  look.done();
  return found.size === 0 ? NO_LABELS : found;
}

/** `seen`: containers, with the depth they were gone through to; shared ones are gone through once. */
function collectLabels(
  value: Value,
  depth: number,
  found: Set<string>,
  seen: Map<Value, number>,
  look: Look,
): void {
  if (!look.more()) return;
  for (const label of value.labels) found.add(label);
  const inner = depth === 0 ? [] : labelledParts(value);
  if (inner.length === 0 || (seen.get(value) ?? 0) >= depth) return;
  seen.set(value, depth);
  for (const part of inner) collectLabels(part, depth - 1, found, seen, look);
}

function labelledParts(value: Value): readonly Value[] {
  switch (value.kind) {
    case 'list':
      return value.items.length > 1_000 ? value.items.slice(0, 1_000) : value.items;
    case 'dict':
      return [...value.entries.values()].slice(0, 200);
    case 'choice':
      return value.options;
    default:
      return [];
  }
}

export function labelsOfAll(values: readonly (Value | undefined)[]): Labels {
  return union(...values.map((v) => labelsOf(v)));
}

const DECODED: Labels = new Set(['decoded']);
const ASSEMBLED: Labels = new Set(['assembled']);
export const decoded = (labels: Labels): Labels => union(labels, DECODED);
export const assembled = (labels: Labels): Labels => union(labels, ASSEMBLED);

export const text = (value: string, labels: Labels = NO_LABELS): Known | undefined =>
  value.length > MAX_LENGTH ? undefined : known(value, labels);
export const octets = (value: Uint8Array, labels: Labels = NO_LABELS): Value | undefined =>
  value.length > MAX_LENGTH ? undefined : bytes(value, labels);
export const items = (values: readonly Value[], labels: Labels = NO_LABELS): List | undefined =>
  values.length > MAX_ITEMS ? undefined : list([...values], false, labels);

/** `str(x)`. Undefined when not known. */
export function str(value: Value | undefined): string | undefined {
  const one = settle(value);
  if (one?.kind === 'known' && typeof one.value === 'string') return one.value;
  return repr(one);
}

/** What is known of `str(x)`, with `UNKNOWN_PIECE` for what is not. */
export function pieces(value: Value | undefined): string {
  return str(value) ?? partialText(settle(value)) ?? UNKNOWN_PIECE;
}

/** A text some pieces of which are not known. */
export function partly(value: string, labels: Labels): Value {
  chargeCharacters(value.length, A_BYTE);
  return value.includes(UNKNOWN_PIECE) ? unknown(labels, value) : known(value, labels);
}

/** For people: holes as dots. */
export function shown(value: string | undefined): string {
  return value === undefined ? '' : value.replaceAll(UNKNOWN_PIECE, '…');
}

/** Making the text of one part takes about as long as looking at so many. */
const LOOKS_A_SHOWN = 16;

/** `repr(x)`. Undefined when not known, or longer than is built. */
export function repr(value: Value | undefined): string | undefined {
  const look = new Look();
  const shown = shownIn(value, 0, { left: MAX_LENGTH, look });
  look.done();
  return shown;
}

/**
 * Ends at the first part that is not known: through what holds itself several times over (a list of blocks that name
 * their list) lead as many ways as the depth allows, and its text is known on none of them.
 */
function shownIn(
  value: Value | undefined,
  depth: number,
  room: { left: number; readonly look: Look },
): string | undefined {
  const one = settle(value);
  if (one === undefined || depth > 8 || !room.look.more(LOOKS_A_SHOWN)) return undefined;
  let shown: string | undefined;
  if (one.kind === 'known') shown = constant(one.value);
  else if (one.kind === 'bytes') shown = `b${quote(Buffer.from(one.value).toString('latin1'), true)}`;
  else {
    const parts: string[] = [];
    if (one.kind === 'list' && !one.open) {
      for (const item of one.items) {
        const inner = shownIn(item, depth + 1, room);
        if (inner === undefined) return undefined;
        parts.push(inner);
      }
      shown = `[${parts.join(', ')}]`;
    } else if (one.kind === 'dict' && !one.open && one.prototype === undefined) {
      for (const [key, entry] of one.entries) {
        const inner = shownIn(entry, depth + 1, room);
        if (inner === undefined) return undefined;
        parts.push(`${quote(key)}: ${inner}`);
      }
      shown = `{${parts.join(', ')}}`;
    }
  }
  if (shown === undefined) return undefined;
  room.left -= shown.length;
  return room.left < 0 ? undefined : shown;
}

function constant(value: Known['value']): string | undefined {
  if (value === null) return 'None';
  if (value === undefined) return undefined;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? quote(value) : plainText(value);
}

function quote(text: string, isBytes = false): string {
  chargeCharacters(text.length, QUOTED);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  // By runs of one character, not one by one: a text put together so is a tree as deep as it is long until it is looked at, and
  // what is quoted again and again is nearly all backslashes.
  const quoted = text.replace(isBytes ? ESCAPED_IN_BYTES : ESCAPED, (run, c: string) =>
    escaped(c, mark).repeat(run.length),
  );
  return `${mark}${quoted}${mark}`;
}
const ESCAPED = /([\0-\x1f'"\\\x7f-\x9f])\1*/g;
const ESCAPED_IN_BYTES = /([\0-\x1f'"\\\x7f-\xff])\1*/g;

function escaped(c: string, mark: string): string {
  switch (c) {
    case "'":
    case '"':
      return c === mark ? `\\${c}` : c;
    case '\\':
      return '\\\\';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default:
      return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  }
}

/** Keys of dicts are strings, as the interpreter keeps them: `1` and `'1'` share one. */
export function keyOf(value: Value | undefined): string | undefined {
  const one = settle(value);
  chargeReading(one);
  if (one?.kind === 'known') return plainText(one.value);
  return one?.kind === 'bytes' || one?.kind === 'list' ? repr(one) : undefined;
}

export function truth(value: Value | undefined): boolean | undefined {
  const one = settle(value);
  switch (one?.kind) {
    case 'known':
      return one.value === undefined ? undefined : Boolean(one.value);
    case 'bytes':
      return one.value.length > 0;
    case 'list':
      return one.items.length > 0 ? true : one.open ? undefined : false;
    case 'dict':
      if (one.prototype !== undefined) return undefined;
      return one.entries.size > 0 ? true : one.open ? undefined : false;
    case 'func':
    case 'class':
      return true;
  }
  return undefined;
}

/** Most characters keys and sort keys of one operation may have together: each is copied, and compared with others. */
const MOST_OF_KEYS = 4 * MAX_LENGTH;

/** Keys of all these values; undefined when one has none, or they are too long together. */
export function keysOf(values: readonly (Value | undefined)[]): string[] | undefined {
  const keys: string[] = [];
  const count = new KeyLength();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined || !count.has(value, key)) return undefined;
    keys.push(key);
  }
  count.done();
  return keys;
}

/** How long the keys of one operation are. */
export class KeyLength {
  private length = 0;

  /** False when they are too long together. */
  has(value: Value | undefined, key: string): boolean {
    this.length += key.length;
    if (this.length > MOST_OF_KEYS) return false;
    chargeReading(settle(value));
    return true;
  }

  /** To be called when the operation is over. `times`: how often each is looked at. */
  done(times = 1): void {
    if (this.length <= MOST_OF_KEYS) chargeCharacters(this.length, times * A_BYTE);
  }
}

/** Characters and bytes of two values of one length that are compared in the time one part is looked at. */
const COMPARED_A_LOOK = 64;

/** Two texts or byte strings of this length may have to be compared to their end. False when that is too much. */
const lookToTheEnd = (length: number, look: Look): boolean =>
  length < COMPARED_A_LOOK || look.more(length / COMPARED_A_LOOK);

/** `a == b`; undefined when not decidable. */
export function equal(left: Value | undefined, right: Value | undefined): boolean | undefined {
  const look = new Look();
  const same = equalWithin(left, right, 0, look);
  look.done();
  return same;
}

/**
 * Where the first value that equals `value` stands, -1 when none is known to. `look`: of the whole operation, since many
 * comparisons that look at little each are a lot together.
 */
export function indexWithin(values: readonly Value[], value: Value | undefined, look: Look): number {
  return values.findIndex((v) => equalWithin(v, value, 0, look) === true);
}

/** The same as an operation of its own. */
export function indexIn(values: readonly Value[], value: Value | undefined): number {
  const look = new Look();
  const at = indexWithin(values, value, look);
  look.done();
  return at;
}

export function equalWithin(
  left: Value | undefined,
  right: Value | undefined,
  depth: number,
  look: Look,
): boolean | undefined {
  const a = settle(left);
  const b = settle(right);
  if (a === undefined || b === undefined || depth > 6 || !look.more()) return undefined;
  if (a.kind === 'known' && b.kind === 'known') {
    if (a.value === undefined || b.value === undefined) return undefined;
    if (isKnownText(a) && isKnownText(b)) {
      if (a === b || a.value.length !== b.value.length) return a === b;
      chargeReading(a);
      chargeReading(b);
      return lookToTheEnd(a.value.length, look) ? a.value === b.value : undefined;
    }
    const x = numberOf(a);
    const y = numberOf(b);
    if (x !== undefined && y !== undefined) {
      return typeof a.value === 'bigint' || typeof b.value === 'bigint'
        ? bigintOf(a) === bigintOf(b)
        : x === y;
    }
    return a.value === b.value;
  }
  if (a.kind === 'bytes' && b.kind === 'bytes') {
    if (a.value === b.value || a.value.length !== b.value.length) return a.value === b.value;
    return lookToTheEnd(a.value.length, look) ? Buffer.compare(a.value, b.value) === 0 : undefined;
  }
  if (a.kind === 'list' && b.kind === 'list') {
    if (a === b) return true;
    if (a.open || b.open) return undefined;
    if (a.items.length !== b.items.length) return false;
    let all: boolean | undefined = true;
    for (let i = 0; i < a.items.length; i++) {
      const same = equalWithin(a.items[i], b.items[i], depth + 1, look);
      if (same === false) return false;
      if (same === undefined) all = undefined;
    }
    return all;
  }
  if (a.kind === 'unknown' || b.kind === 'unknown' || a.kind === 'ref' || b.kind === 'ref') return undefined;
  if (a.kind === 'dict' && b.kind === 'dict') return a === b ? true : undefined;
  if (a.kind !== b.kind) {
    // A Python 2 string and its bytes are the same thing.
    if (
      (a.kind === 'bytes' && stringOf(b) !== undefined) ||
      (b.kind === 'bytes' && stringOf(a) !== undefined)
    ) {
      return undefined;
    }
    return a.kind === 'dict' || b.kind === 'dict' ? undefined : false;
  }
  return a === b;
}

// Code that goes through a long text asks for its length at every pass.
const counts = new WeakMap<Known, number>();

/** Characters of a text some of which are two units. */
function characterCount(text: KnownText): number {
  let count = counts.get(text);
  if (count === undefined) {
    chargeReading(text);
    chargeCharacters(text.value.length, 1);
    count = text.value.length - (text.value.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
    counts.set(text, count);
  }
  return count;
}

/** `len(x)`. */
export function length(value: Value | undefined): number | undefined {
  const one = settle(value);
  if (one?.kind === 'known') {
    if (!isKnownText(one)) return undefined;
    return isBasicText(one) ? one.value.length : characterCount(one);
  }
  if (one?.kind === 'bytes') return one.value.length;
  if (one?.kind === 'list') return one.open ? undefined : one.items.length;
  if (one?.kind === 'dict') return one.open || one.prototype !== undefined ? undefined : one.entries.size;
  return undefined;
}

/** Calls a function value: pure library functions directly, anything else through the interpreter. */
export type Invoke = (fn: Value, args: readonly Value[]) => Value;
export type PureCall = (
  path: string,
  args: readonly Value[],
  keywords: Keywords,
  context: Context,
) => Value | undefined;

/** A library function with its first arguments given: calling it calls `path` with them in front. */
export function boundTo(path: string, ...args: readonly Value[]): Ref {
  return ref('%bound', labelsOfAll(args), [ref(path), ...args]);
}
