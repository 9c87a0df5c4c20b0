/** Methods of `str`, `bytes` and `bytearray` on known values. */
import { chargeReading, isBasic, noteUnread } from '../../joined-texts.js';
import { noteLooked } from '../../looks.js';
import { chargeCharacters, chargePieces, cutAt, find, places, replaceWord } from '../../text-work.js';
import {
  dict,
  known,
  type Labels,
  partialText,
  UNKNOWN_PIECE,
  type Unknown,
  unknown,
  type Value,
} from '../../values.js';
import { decodeBytes, encodeText } from './codecs.js';
import {
  assembled,
  bytesOf,
  decoded,
  integerOf,
  items,
  itemsOf,
  type Keywords,
  labelsOfAll,
  MAX_ITEMS,
  MAX_LENGTH,
  numberOf,
  octets,
  partly,
  pieces,
  settle,
  stringOf,
  text,
  truth,
} from './core.js';
import { type FieldLookup, formatString } from './format.js';

/** A text some pieces of which are not known, encoded or decoded: letters of host names stay what they are. */
export function partialMethod(self: Unknown, name: string, args: readonly Value[]): Value | undefined {
  if (self.partial === undefined || (name !== 'encode' && name !== 'decode')) return undefined;
  const codec = args[0] === undefined ? 'utf-8' : stringOf(args[0]);
  return codec !== undefined && /^(?:utf[-_]?8|ascii|latin[-_]?1|idna)$/i.test(codec) ? self : undefined;
}

/** Methods that work alike on text and on bytes seen as Latin-1. Gives text, or any other value. */
type TextMethod = (
  self: string,
  args: readonly Value[],
  keywords: Keywords,
  labels: Labels,
) => string | readonly string[] | number | boolean | undefined;

const WHITESPACE = ' \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0';

/** Parts of `Look` that one character costs a method that goes through all of its text. */
const A_CHARACTER: Readonly<Record<string, number>> = {
  lower: 1,
  casefold: 1,
  upper: 1,
  title: 32,
  capitalize: 1,
  swapcase: 48,
  splitlines: 1,
  expandtabs: 1,
  isdigit: 1,
  isdecimal: 1,
  isnumeric: 1,
  isalpha: 1,
  isalnum: 1,
  isspace: 1,
  isupper: 2,
  islower: 2,
  istitle: 32,
  isidentifier: 1,
  isascii: 1,
  isprintable: 1,
  format: 32,
  translate: 32,
};
/** Parts a byte costs a method of bytes: most see them as text and give text back. */
const A_BYTE = 1 / 8;
/** Parts a character costs that is compared with the one at the same place in another text. */
const COMPARED = 0.25;
/** Parts an element costs that `join` puts together, and one of its characters. */
const A_JOINED = 8;
const A_JOINED_CHARACTER = 1 / 8;
/** Characters that one operation may compare. */
const MOST_COMPARED = 500_000_000;

/** Methods whose result the engine keeps as the parts it was put together from, unread. */
const JOINING = new Set(['ljust', 'rjust', 'center', '__add__']);

/** Whether a method of `str` asks for no character of the text. */
export const readsNothing = (method: string): boolean => JOINING.has(method);

/** Looking for a character in so many others takes no time. */
const FEW_CHARACTERS = 32;

function strip(self: string, args: readonly Value[], left: boolean, right: boolean): string | undefined {
  const first = settle(args[0]);
  const given =
    first === undefined || (first.kind === 'known' && first.value === null) ? WHITESPACE : like(first);
  if (given === undefined) return undefined;
  let start = 0;
  let end = self.length;
  const all = given.length > FEW_CHARACTERS ? new Set(given.split('')) : undefined;
  const goes = (c: string): boolean => (all === undefined ? given.includes(c) : all.has(c));
  if (left) while (start < end && goes(self[start]!)) start++;
  if (right) while (end > start && goes(self[end - 1]!)) end--;
  chargeCharacters(self.length - (end - start) + given.length, 4);
  return self.slice(start, end);
}

/** The argument as text, whether text or bytes. */
function like(value: Value | undefined): string | undefined {
  const one = settle(value);
  return one?.kind === 'bytes' ? Buffer.from(one.value).toString('latin1') : stringOf(one);
}

function split(
  self: string,
  args: readonly Value[],
  keywords: Keywords,
  fromRight: boolean,
): string[] | undefined {
  const given = settle(args[0] ?? keywords.get('sep'));
  const limitValue = args[1] ?? keywords.get('maxsplit');
  const limit = limitValue === undefined ? -1 : integerOf(limitValue);
  if (limit === undefined) return undefined;
  if (given === undefined || (given.kind === 'known' && given.value === null)) {
    return splitAtWhitespace(self, limit, fromRight);
  }
  const separator = like(given);
  if (separator === undefined || separator === '') return undefined;
  const found = places(self, separator, mostCuts(limit, fromRight));
  const cuts = fromRight && limit >= 0 ? found.slice(Math.max(0, found.length - limit)) : found;
  return cuts.length >= MAX_ITEMS ? undefined : cutAt(self, cuts, separator.length);
}

/** No more than show that there are too many pieces; all where the last ones are wanted. */
function mostCuts(limit: number, fromRight: boolean): number {
  if (limit < 0) return MAX_ITEMS;
  return fromRight ? Number.POSITIVE_INFINITY : Math.min(limit, MAX_ITEMS);
}

/** What is left over by a limit keeps its own white space. Negative: no limit. */
function splitAtWhitespace(self: string, limit: number, fromRight: boolean): string[] | undefined {
  const trimmed = self.trim();
  chargeCharacters(self.length, 1);
  if (trimmed === '') return [];
  // Where each gap begins and ends.
  const gaps: number[] = [];
  const most = 2 * mostCuts(limit, fromRight);
  const gap = /\s+/g;
  while (gaps.length < most) {
    const match = gap.exec(trimmed);
    if (match === null) break;
    gaps.push(match.index, gap.lastIndex);
  }
  chargePieces(gaps.length / 2, 'match');
  const cuts = fromRight && limit >= 0 ? gaps.slice(Math.max(0, gaps.length - 2 * limit)) : gaps;
  if (cuts.length >= 2 * MAX_ITEMS) return undefined;
  const parts: string[] = [];
  let end = 0;
  for (let i = 0; i < cuts.length; i += 2) {
    parts.push(trimmed.slice(end, cuts[i]));
    end = cuts[i + 1]!;
  }
  parts.push(trimmed.slice(end));
  return parts;
}

function bounds(self: string, args: readonly Value[]): [number, number] | undefined {
  const start = args[1] === undefined ? 0 : integerOf(args[1]);
  const end = args[2] === undefined ? self.length : integerOf(args[2]);
  if (start === undefined || end === undefined) return undefined;
  const clamp = (n: number): number => Math.min(self.length, n < 0 ? Math.max(0, self.length + n) : n);
  return [clamp(start), clamp(end)];
}

function search(self: string, args: readonly Value[], last: boolean): number | undefined {
  const wanted =
    like(args[0]) ??
    (integerOf(args[0]) === undefined ? undefined : String.fromCharCode(integerOf(args[0])!));
  const range = bounds(self, args);
  if (wanted === undefined || range === undefined) return undefined;
  const part = self.slice(...range);
  const at = find(part, wanted, undefined, last);
  return at < 0 ? -1 : at + range[0];
}

function affix(
  self: string,
  args: readonly Value[],
  test: (part: string, affix: string) => boolean,
): boolean | undefined {
  const one = settle(args[0]);
  const options = one?.kind === 'list' ? itemsOf(one)?.map(like) : [like(one)];
  const range = bounds(self, args);
  if (options === undefined || range === undefined || options.includes(undefined)) return undefined;
  const part = self.slice(...range);
  const compared = options.reduce((sum, o) => sum + Math.min(part.length, o?.length ?? 0), 0);
  if (compared > MOST_COMPARED) return undefined;
  noteLooked(COMPARED * compared);
  return options.some((o) => test(part, o ?? ''));
}

function pad(self: string, args: readonly Value[], where: 'left' | 'right' | 'both'): string | undefined {
  const width = integerOf(args[0]);
  const fill = args[1] === undefined ? ' ' : like(args[1]);
  if (width === undefined || fill === undefined || width > MAX_LENGTH) return undefined;
  // A character, of two units at most; anything else is an error in Python.
  if (fill.length > 2) return undefined;
  const missing = Math.max(0, width - self.length);
  if (where === 'left') return fill.repeat(missing) + self;
  if (where === 'right') return self + fill.repeat(missing);
  return fill.repeat(missing >> 1) + self + fill.repeat(missing - (missing >> 1));
}

const capitalize = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1).toLowerCase();
const whole =
  (pattern: RegExp): TextMethod =>
  (s) =>
    pattern.test(s);

const SHARED: Readonly<Record<string, TextMethod>> = {
  lower: (s) => s.toLowerCase(),
  casefold: (s) => s.toLowerCase(),
  upper: (s) => s.toUpperCase(),
  title: (s) => s.replace(/[A-Za-z\u00c0-\u024f]+/g, capitalize),
  capitalize,
  swapcase: (s) => Array.from(s, (c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join(''),
  strip: (s, a) => strip(s, a, true, true),
  lstrip: (s, a) => strip(s, a, true, false),
  rstrip: (s, a) => strip(s, a, false, true),
  removeprefix: (s, a) => {
    const p = like(a[0]);
    if (p === undefined) return undefined;
    noteLooked(COMPARED * p.length);
    return s.startsWith(p) ? s.slice(p.length) : s;
  },
  removesuffix: (s, a) => {
    const p = like(a[0]);
    if (p === undefined) return undefined;
    noteLooked(COMPARED * p.length);
    return p !== '' && s.endsWith(p) ? s.slice(0, -p.length) : s;
  },
  split: (s, a, k) => split(s, a, k, false),
  rsplit: (s, a, k) => split(s, a, k, true),
  splitlines: (s, a) => {
    const parts = s.split(/(\r\n|\n|\r|\v|\f)/);
    const lines: string[] = [];
    const keep = truth(a[0]) === true;
    chargePieces(parts.length, 'match');
    for (let i = 0; i < parts.length; i += 2) {
      if (i === parts.length - 1 && parts[i] === '') break;
      lines.push(parts[i]! + (keep ? (parts[i + 1] ?? '') : ''));
    }
    return lines;
  },
  partition: (s, a) => {
    const sep = like(a[0]);
    if (sep === undefined) return undefined;
    const at = find(s, sep, undefined, false);
    return at < 0 ? [s, '', ''] : [s.slice(0, at), sep, s.slice(at + sep.length)];
  },
  rpartition: (s, a) => {
    const sep = like(a[0]);
    if (sep === undefined) return undefined;
    const at = find(s, sep, undefined, true);
    return at < 0 ? ['', '', s] : [s.slice(0, at), sep, s.slice(at + sep.length)];
  },
  replace: (s, a) => {
    const from = like(a[0]);
    const to = like(a[1]);
    const count = a[2] === undefined ? -1 : integerOf(a[2]);
    if (from === undefined || to === undefined || count === undefined) return undefined;
    if (to.length > from.length && (s.length / Math.max(1, from.length)) * to.length > MAX_LENGTH)
      return undefined;
    if (from === '') {
      const at = count < 0 ? s.length + 1 : Math.min(count, Math.max(0, s.length - 1));
      chargePieces(at, 'match');
      if (count < 0) return replaceWord(s, '', true, () => to);
      return (
        s
          .slice(0, at + 1)
          .split('')
          .join(to) + s.slice(at + 1)
      );
    }
    const found = places(s, from, count < 0 ? Number.POSITIVE_INFINITY : count);
    chargePieces(found.length, 'match');
    return found.length === 0 ? s : cutAt(s, found, from.length).join(to);
  },
  find: (s, a) => search(s, a, false),
  rfind: (s, a) => search(s, a, true),
  index: (s, a) => search(s, a, false),
  rindex: (s, a) => search(s, a, true),
  count: (s, a) => {
    const wanted = like(a[0]);
    const range = bounds(s, a);
    if (wanted === undefined || range === undefined) return undefined;
    return wanted === '' ? s.length + 1 : places(s.slice(...range), wanted, Number.POSITIVE_INFINITY).length;
  },
  startswith: (s, a) => affix(s, a, (part, p) => part.startsWith(p)),
  endswith: (s, a) => affix(s, a, (part, p) => part.endsWith(p)),
  ljust: (s, a) => pad(s, a, 'right'),
  rjust: (s, a) => pad(s, a, 'left'),
  center: (s, a) => pad(s, a, 'both'),
  zfill: (s, a) => {
    const width = integerOf(a[0]);
    if (width === undefined || width > MAX_LENGTH) return undefined;
    const sign = /^[+-]/.exec(s)?.[0] ?? '';
    return sign + s.slice(sign.length).padStart(width - sign.length, '0');
  },
  expandtabs: (s) => {
    const tabs = places(s, '\t', Number.POSITIVE_INFINITY);
    if (s.length + 7 * tabs.length > MAX_LENGTH) return undefined;
    return tabs.length === 0 ? s : cutAt(s, tabs, 1).join('        ');
  },
  isdigit: whole(/^\p{Nd}+$/u),
  isdecimal: whole(/^\p{Nd}+$/u),
  isnumeric: whole(/^\p{N}+$/u),
  isalpha: whole(/^\p{L}+$/u),
  isalnum: whole(/^[\p{L}\p{N}]+$/u),
  isspace: whole(/^\s+$/),
  isupper: (s) => s !== s.toLowerCase() && s === s.toUpperCase(),
  islower: (s) => s !== s.toUpperCase() && s === s.toLowerCase(),
  istitle: (s) => s !== '' && s === s.replace(/[A-Za-z]+/g, capitalize),
  isidentifier: whole(/^[\p{L}_][\p{L}\p{N}_]*$/u),
  isascii: (s) => !/[^\x00-\x7f]/.test(s),
  isprintable: (s) => !/[\x00-\x1f\x7f]/.test(s),
};

/** What a method's result carries: the labels of the text itself and of its arguments. */
function withArguments(own: Labels, args: readonly Value[]): Labels {
  const given = labelsOfAll(args);
  return given.size === 0 ? own : new Set([...own, ...given]);
}

const costOf = (method: string): number => (Object.hasOwn(A_CHARACTER, method) ? A_CHARACTER[method]! : 0);

/** A method of a known `str`. */
export function textMethod(
  self: string,
  selfLabels: Labels,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
): Value | undefined {
  const labels = (): Labels => withArguments(selfLabels, args);
  const joins = JOINING.has(name);
  if (!joins) for (const arg of args) chargeReading(arg);
  chargeCharacters(self.length, costOf(name));
  const shared = Object.hasOwn(SHARED, name) ? SHARED[name] : undefined;
  if (shared !== undefined) {
    const result = shared(self, args, keywords, selfLabels);
    if (result === undefined) return undefined;
    if (typeof result === 'string') {
      const made = text(result, name === 'replace' && result !== self ? assembled(labels()) : labels());
      return made !== undefined && joins ? noteUnread(made) : made;
    }
    if (typeof result === 'object')
      return items(
        result.map((r) => known(r, selfLabels)),
        labels(),
      );
    return known(result, labels());
  }
  switch (name) {
    case 'join': {
      const list = settle(args[0]);
      const given = list?.kind === 'list' ? list.items : itemsOf(list);
      if (given === undefined || given.length > 10_000_000) return undefined;
      const parts: string[] = [];
      let room = MAX_LENGTH;
      for (const part of given) {
        chargeReading(part);
        const shown = like(part) ?? pieces(part);
        room -= shown.length + self.length;
        // The last one has no separator behind it.
        if (room + self.length < 0) return undefined;
        parts.push(shown);
      }
      chargeCharacters(parts.length, A_JOINED);
      noteLooked((MAX_LENGTH - room) * A_JOINED_CHARACTER);
      if (list?.kind === 'list' && list.open) parts.push(UNKNOWN_PIECE);
      const joined = labels();
      const result = parts.join(self);
      if (result.length > MAX_LENGTH) return undefined;
      return partly(result, self === '' && parts.length > 1 ? assembled(joined) : joined);
    }
    case 'format': {
      const lookup: FieldLookup = (field, rest) => {
        let value = settle(typeof field === 'number' ? args[field] : keywords.get(field));
        for (const step of rest) {
          if (value?.kind === 'list') value = settle(value.items[Number(step.name)]);
          else if (value?.kind === 'dict') value = settle(value.entries.get(step.name));
          else return undefined;
        }
        return value;
      };
      const all = new Set([...selfLabels, ...labelsOfAll([...args, ...keywords.values()])]);
      const result = formatString(self, lookup);
      if (result !== undefined) return text(result, all);
      return unknown(all, formatString(self, lookup, 0, UNKNOWN_PIECE));
    }
    case 'format_map': {
      const map = settle(args[0]);
      if (map?.kind !== 'dict') return undefined;
      return textMethod(self, selfLabels, 'format', [], map.entries);
    }
    case 'encode': {
      const codec = args[0] ?? keywords.get('encoding');
      const codecName = codec === undefined ? 'utf-8' : stringOf(codec);
      if (codecName === undefined) return undefined;
      const result = encodeText(self, codecName, stringOf(args[1] ?? keywords.get('errors')));
      if (result === undefined) return undefined;
      const of = /hex|base|rot/i.test(codecName) ? decoded(labels()) : labels();
      return typeof result === 'string' ? text(result, of) : octets(result, of);
    }
    case 'decode': {
      // Python 2: a `str` is bytes.
      return bytesMethod(bytesOf(known(self)) ?? new Uint8Array(), selfLabels, 'decode', args, keywords);
    }
    case 'translate':
      return translate(self, args[0], labels());
    case 'maketrans':
      return makeTable(args);
    case 'conjugate':
    case '__str__':
    case '__format__':
      return known(self, selfLabels);
    case '__len__':
      return known(isBasic(self) ? self.length : Array.from(self).length);
    case '__contains__': {
      const part = stringOf(args[0]);
      return part === undefined ? undefined : known(find(self, part, undefined, false) >= 0);
    }
    case '__add__': {
      const other = stringOf(args[0]);
      const made = other === undefined ? undefined : text(self + other, assembled(labels()));
      return made === undefined ? undefined : noteUnread(made);
    }
    case '__mod__':
    case '__mul__':
      return undefined;
  }
  return undefined;
}

function translate(self: string, table: Value | undefined, labels: Labels): Value | undefined {
  const one = settle(table);
  if (one?.kind === 'bytes') {
    const map = one.value;
    return text(
      Array.from(self, (c) => String.fromCharCode(map[c.charCodeAt(0)] ?? c.charCodeAt(0))).join(''),
      assembled(labels),
    );
  }
  const flat = stringOf(one);
  if (flat !== undefined) {
    return text(Array.from(self, (c) => flat[c.charCodeAt(0)] ?? c).join(''), decoded(labels));
  }
  if (one?.kind !== 'dict' || one.open) return undefined;
  let out = '';
  for (const c of self) {
    const to = settle(one.entries.get(String(c.codePointAt(0))));
    if (to === undefined) out += c;
    else if (to.kind === 'known' && typeof to.value === 'string') out += to.value;
    else if (to.kind === 'known' && to.value === null) continue;
    else {
      const code = integerOf(to);
      if (code === undefined || code < 0 || code > 0x10ffff) return undefined;
      out += String.fromCodePoint(code);
    }
  }
  return text(out, decoded(labels));
}

/** `str.maketrans` and `bytes.maketrans`: a dict from code point to character, code point or None. */
export function makeTable(args: readonly Value[]): Value | undefined {
  const entries = new Map<string, Value>();
  const first = settle(args[0]);
  if (first?.kind === 'dict') {
    for (const [key, value] of first.entries) {
      // Keys are characters or code points; a digit stands for itself only in the form of a longer number.
      const point = Array.from(key).length === 1 ? key.codePointAt(0) : Number(key);
      entries.set(String(point), value);
    }
    return dict(entries, first.open, first.labels);
  }
  const from = like(first);
  const to = like(args[1]);
  if (from === undefined || to === undefined) return undefined;
  chargeCharacters(from.length + to.length, 40);
  const target = Array.from(to);
  Array.from(from).forEach((c, i) => {
    entries.set(String(c.codePointAt(0)), known(target[i] ?? ''));
  });
  for (const c of like(args[2]) ?? '') entries.set(String(c.codePointAt(0)), known(null));
  if (first?.kind === 'bytes') {
    const table = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const [key, value] of entries) table[Number(key)] = (stringOf(value) ?? '').charCodeAt(0);
    return octets(table);
  }
  return dict(entries, false, labelsOfAll(args));
}

/** A method of a known `bytes` or `bytearray`. */
export function bytesMethod(
  self: Uint8Array,
  selfLabels: Labels,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
): Value | undefined {
  const labels = (): Labels => withArguments(selfLabels, args);
  for (const arg of args) chargeReading(arg);
  noteLooked(self.length * A_BYTE);
  switch (name) {
    case 'decode': {
      const codec = args[0] ?? keywords.get('encoding');
      const codecName = codec === undefined ? 'utf-8' : stringOf(codec);
      if (codecName === undefined) return undefined;
      const result = decodeBytes(self, codecName, stringOf(args[1] ?? keywords.get('errors')));
      if (result === undefined) return undefined;
      const of = /hex|base|rot|zip|zlib|uu|quopri|escape/i.test(codecName) ? decoded(labels()) : labels();
      return typeof result === 'string' ? text(result, of) : octets(result, of);
    }
    case 'hex': {
      const separator = args[0] === undefined ? '' : like(args[0]);
      if (separator === undefined) return undefined;
      if (self.length * (2 + separator.length) > MAX_LENGTH + separator.length) return undefined;
      if (separator === '') return text(Buffer.from(self).toString('hex'), labels());
      chargeCharacters(self.length, 16);
      return text(Array.from(self, (b) => b.toString(16).padStart(2, '0')).join(separator), labels());
    }
    case 'join': {
      const given = itemsOf(args[0]);
      const parts = given?.map(bytesOf);
      if (given === undefined || parts === undefined) return undefined;
      // Some of it is not known: what is left is a text with holes, if anything is.
      if (parts.includes(undefined)) {
        const holed = textMethod(Buffer.from(self).toString('latin1'), selfLabels, 'join', args, keywords);
        return partialText(holed) === undefined ? undefined : holed;
      }
      const size = parts.reduce((sum, part) => sum + part!.length + self.length, 0);
      if (size > MAX_LENGTH + self.length) return undefined;
      const joined: Uint8Array[] = [];
      parts.forEach((part, i) => {
        if (i > 0) joined.push(self);
        joined.push(part!);
      });
      return octets(new Uint8Array(Buffer.concat(joined)), assembled(labels()));
    }
    case 'translate': {
      const table = bytesOf(args[0]);
      if (table === undefined) return undefined;
      chargeCharacters(self.length, 4);
      return octets(
        self.map((b) => table[b] ?? b),
        assembled(labels()),
      );
    }
    case 'fromhex':
    case 'maketrans':
      return name === 'maketrans' ? makeTable(args) : undefined;
    case 'tobytes':
    case 'copy':
    case '__bytes__':
      return octets(self, selfLabels);
    case 'tolist':
      return items(
        Array.from(self, (b) => known(b, selfLabels)),
        selfLabels,
      );
    case '__len__':
      return known(self.length);
  }
  const shared = Object.hasOwn(SHARED, name) ? SHARED[name] : undefined;
  if (shared === undefined) return undefined;
  chargeCharacters(self.length, costOf(name));
  const result = shared(Buffer.from(self).toString('latin1'), args, keywords, selfLabels);
  if (result === undefined) return undefined;
  const back = (part: string): Uint8Array => new Uint8Array(Buffer.from(part, 'latin1'));
  if (typeof result === 'string') return octets(back(result), labels());
  if (typeof result === 'object') {
    return items(
      result.map((part): Value => ({ kind: 'bytes', value: back(part), labels: selfLabels })),
      labels(),
    );
  }
  return known(result, labels());
}

/** A method of a known number. */
export function numberMethod(
  self: number | bigint,
  labels: Labels,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
): Value | undefined {
  if (name === 'to_bytes') {
    const size = integerOf(args[0] ?? keywords.get('length') ?? known(1));
    const order = stringOf(args[1] ?? keywords.get('byteorder') ?? known('big'));
    if (size === undefined || order === undefined || size > 1_000_000) return undefined;
    let digits = BigInt.asUintN(size * 8, BigInt(self)).toString(16);
    digits = digits.padStart(size * 2, '0');
    const out = new Uint8Array(Buffer.from(digits, 'hex'));
    return octets(order === 'little' ? out.reverse() : out, decoded(labels));
  }
  if (name === 'bit_length')
    return known(self === 0 || self === 0n ? 0 : BigInt(self < 0 ? -self : self).toString(2).length);
  if (name === '__str__' || name === '__repr__') return known(String(self), labels);
  const other = numberOf(args[0]);
  if (other !== undefined && name === '__add__') return known(Number(self) + other, labels);
  return undefined;
}
