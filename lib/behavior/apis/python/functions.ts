/** Python's builtin functions and the pure part of its library, on known values. */
import type { Context } from '../../api.js';
import { chargeReading } from '../../joined-texts.js';
import { noteLooked } from '../../looks.js';
import { chargeDigits } from '../../plain-text.js';
import { chargeCharacters } from '../../text-work.js';
import { dict, known, type List, list, ref, union, unknown, type Value } from '../../values.js';
import {
  decodeBytes,
  encodeText,
  fromBase32,
  fromBase64,
  fromBase85,
  fromHex,
  fromQuotedPrintable,
  gunzip,
  inflate,
  percentDecode,
  toBase32,
  toBase64,
} from './codecs.js';
import { dictMethod, indexValue, invoker, listMethod, sortValues } from './container-methods.js';
import {
  assembled,
  bigintOf,
  boundTo,
  bytesOf,
  decoded,
  type Invoke,
  integer,
  integerOf,
  items,
  itemsOf,
  KeyLength,
  type Keywords,
  keyOf,
  keysOf,
  labelsOf,
  labelsOfAll,
  length,
  MAX_ITEMS,
  MAX_LENGTH,
  numberOf,
  octets,
  repr,
  settle,
  str,
  stringOf,
  text,
  truth,
} from './core.js';
import { formatValue } from './format.js';
import { A_MULTIPLICATION, AN_ENTRY, binary, bits } from './operators.js';
import { pathFunction } from './paths.js';
import { bytesMethod, makeTable, readsNothing, textMethod } from './text-methods.js';

interface CallSite {
  readonly args: readonly Value[];
  readonly keywords: Keywords;
  readonly context: Context;
  readonly invoke: Invoke;
}
type PureFunction = (
  first: Value | undefined,
  second: Value | undefined,
  site: CallSite,
) => Value | undefined;

const table = new Map<string, PureFunction>();
function define(names: string, fn: PureFunction): void {
  for (const name of names.split(' ')) table.set(name, fn);
}

const NONE = known(null);

// Characters and numbers
define('builtins.chr builtins.unichr', (a) => {
  const code = integerOf(a);
  return code === undefined || code < 0 || code > 0x10ffff
    ? undefined
    : known(String.fromCodePoint(code), decoded(labelsOf(a)));
});
define('builtins.ord', (a) => {
  const one = settle(a);
  if (one?.kind === 'bytes' && one.value.length === 1) return known(one.value[0]!, one.labels);
  const characters = stringOf(one);
  if (characters === undefined || characters.length > 2 || Array.from(characters).length !== 1)
    return undefined;
  return known(characters.codePointAt(0) ?? 0, labelsOf(one));
});
define('builtins.int builtins.long', (a, b, { args, keywords }) => {
  if (args.length === 0) return known(0);
  const number = numberOf(a);
  if (number !== undefined)
    return known(bigintOf(a) === undefined ? Math.trunc(number) : integer(bigintOf(a)!), labelsOf(a));
  const raw = bytesOf(a);
  const base = integerOf(b ?? keywords.get('base')) ?? 10;
  if (raw === undefined || raw.length > 50_000) return undefined;
  const digits = Buffer.from(raw).toString('latin1').trim().replaceAll('_', '').toLowerCase();
  const parsed = parseInteger(digits, base);
  return parsed === undefined ? undefined : known(parsed, labelsOf(a));
});
function parseInteger(digits: string, base: number): number | bigint | undefined {
  chargeDigits(digits.length);
  const match = /^([+-]?)(0[xob])?([0-9a-z]+)$/.exec(digits);
  if (match === null) return undefined;
  const [, sign, prefix = '', body = ''] = match;
  const radix = base !== 0 ? base : prefix === '0x' ? 16 : prefix === '0o' ? 8 : prefix === '0b' ? 2 : 10;
  const all = prefix === '0b' && radix > 11 ? prefix.slice(1) + body : body;
  if (radix < 2 || radix > 36) return undefined;
  let value: bigint;
  if (radix === 16 || radix === 8 || radix === 2 || radix === 10) {
    const valid = radix === 16 ? /^[0-9a-f]+$/ : radix === 8 ? /^[0-7]+$/ : radix === 2 ? /^[01]+$/ : /^\d+$/;
    if (!valid.test(all)) return undefined;
    value = BigInt((radix === 16 ? '0x' : radix === 8 ? '0o' : radix === 2 ? '0b' : '') + all);
  } else {
    if (all.length > 2_000) return undefined;
    value = 0n;
    for (const c of all) {
      const digit = Number.parseInt(c, 36);
      if (digit >= radix) return undefined;
      value = value * BigInt(radix) + BigInt(digit);
    }
  }
  return integer(sign === '-' ? -value : value);
}
define('builtins.float', (a) => {
  const number = numberOf(a) ?? (stringOf(a) === undefined ? undefined : Number(stringOf(a)));
  return number === undefined || Number.isNaN(number) ? undefined : known(number, labelsOf(a));
});
define('builtins.bool', (a, _b, { args }) => {
  const value = args.length === 0 ? false : truth(a);
  return value === undefined ? undefined : known(value);
});
for (const [name, base] of [
  ['hex', 16],
  ['oct', 8],
  ['bin', 2],
] as const) {
  define(`builtins.${name}`, (a) => {
    const value = bigintOf(a);
    if (value === undefined) return undefined;
    const prefix = base === 16 ? '0x' : base === 8 ? '0o' : '0b';
    return text(
      `${value < 0n ? '-' : ''}${prefix}${(value < 0n ? -value : value).toString(base)}`,
      labelsOf(a),
    );
  });
}
define('builtins.abs', (a) => {
  const number = numberOf(a);
  return number === undefined ? undefined : known(Math.abs(number), labelsOf(a));
});
define('builtins.round', (a, b) => {
  const number = numberOf(a);
  const digits = b === undefined ? 0 : integerOf(b);
  if (number === undefined || digits === undefined) return undefined;
  const scale = 10 ** digits;
  return known(Math.round(number * scale) / scale, labelsOf(a));
});
define('builtins.pow', (a, b, { args }) => {
  const modulus = bigintOf(args[2]);
  if (modulus === undefined) return a === undefined || b === undefined ? undefined : binary('**', a, b);
  let base = bigintOf(a);
  let exponent = bigintOf(b);
  if (base === undefined || exponent === undefined || modulus <= 0n || exponent < 0n) return undefined;
  if (modulus.toString(16).length > 2_000 || exponent.toString(16).length > 600) return undefined;
  const size = bits(modulus);
  noteLooked((bits(exponent) * size ** 1.5) / A_MULTIPLICATION);
  let result = 1n;
  base %= modulus;
  while (exponent > 0n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
    exponent >>= 1n;
  }
  return known(integer(result), labelsOfAll(args));
});
define('builtins.divmod', (a, b) => {
  if (a === undefined || b === undefined) return undefined;
  const quotient = binary('//', a, b);
  const rest = binary('%', a, b);
  return quotient === undefined || rest === undefined ? undefined : list([quotient, rest]);
});

// Text and bytes
define('builtins.str builtins.unicode builtins.basestring', (a, b, { args, keywords }) => {
  if (args.length === 0) return known('');
  const one = settle(a);
  const codec = b ?? keywords.get('encoding');
  if (one?.kind === 'bytes' && codec !== undefined)
    return bytesMethod(one.value, one.labels, 'decode', [codec], new Map());
  const shown = str(one);
  return shown === undefined ? undefined : text(shown, labelsOf(one));
});
define('builtins.repr builtins.ascii', (a) => {
  const shown = repr(a);
  return shown === undefined ? undefined : text(shown, labelsOf(a));
});
define('builtins.format', (a, b) => {
  const specification = b === undefined ? '' : stringOf(b);
  const shown = specification === undefined ? undefined : formatValue(a, specification);
  return shown === undefined ? undefined : text(shown, labelsOf(a));
});
define(
  'builtins.bytes builtins.bytearray builtins.memoryview builtins.buffer',
  (a, b, { args, keywords }) => {
    if (args.length === 0) return octets(new Uint8Array());
    const one = settle(a);
    if (one?.kind === 'bytes') return octets(one.value.slice(), one.labels);
    const string = stringOf(one);
    if (string !== undefined) {
      const codec = b ?? keywords.get('encoding');
      return textMethod(
        string,
        labelsOf(one),
        'encode',
        codec === undefined ? [known('latin-1')] : [codec],
        new Map(),
      );
    }
    const size = integerOf(one);
    if (size !== undefined) return size < 0 || size > MAX_LENGTH ? undefined : octets(new Uint8Array(size));
    const codes = itemsOf(one)?.map(integerOf);
    if (codes === undefined || codes.includes(undefined)) return undefined;
    return octets(
      Uint8Array.from(codes as number[]),
      codes.length > 3 ? decoded(labelsOf(one)) : labelsOf(one),
    );
  },
);
define('builtins.bytes.fromhex builtins.bytearray.fromhex', (a) => {
  const string = stringOf(a);
  const result = string === undefined ? undefined : fromHex(string);
  return result === undefined ? undefined : octets(result, decoded(labelsOf(a)));
});
define('builtins.str.maketrans builtins.bytes.maketrans string.maketrans', (_a, _b, { args }) =>
  makeTable(args),
);
define('builtins.int.from_bytes builtins.long.from_bytes', (a, b, { keywords }) => {
  const raw = bytesOf(a) ?? undefined;
  const order = stringOf(b ?? keywords.get('byteorder')) ?? 'big';
  if (raw === undefined || raw.length > 200_000) return undefined;
  const ordered = order === 'little' ? raw.slice().reverse() : raw;
  if (ordered.length === 0) return known(0);
  let value = BigInt(`0x${Buffer.from(ordered).toString('hex')}`);
  if (truth(keywords.get('signed')) === true) value = BigInt.asIntN(ordered.length * 8, value);
  return known(integer(value), labelsOf(a));
});

// Sequences
define('builtins.len', (a) => {
  const size = length(a);
  return size === undefined ? undefined : known(size);
});
define('builtins.list builtins.tuple builtins.iter collections.deque numpy.array', (a, _b, { args }) => {
  if (args.length === 0) return list([]);
  const all = itemsOf(a);
  if (all !== undefined) return items(all, a!.labels);
  const one = settle(a);
  return one?.kind === 'list' ? list([...one.items], one.open, one.labels) : undefined;
});
define('builtins.set builtins.frozenset', (a, _b, { args }) => {
  if (args.length === 0) return list([]);
  const all = itemsOf(a);
  if (all === undefined) return undefined;
  const keys = keysOf(all);
  if (keys === undefined) return undefined;
  const seen = new Map<string, Value>(keys.map((key, i) => [key, all[i]!]));
  return items([...seen.values()], a!.labels);
});
define('builtins.dict collections.OrderedDict collections.defaultdict', (a, _b, { args, keywords }) => {
  const entries = new Map<string, Value>();
  let open = false;
  const first = settle(a);
  if (args.length > 0 && first?.kind === 'dict') {
    for (const [key, value] of first.entries) entries.set(key, value);
    open = first.open;
  } else if (args.length > 0) {
    const pairs = itemsOf(first);
    if (pairs === undefined) return undefined;
    const lengths = new KeyLength();
    for (const pair of pairs) {
      const [key, value] = itemsOf(pair) ?? [];
      const name = keyOf(key);
      if (name !== undefined && !lengths.has(key, name)) return undefined;
      if (name === undefined || value === undefined) open = true;
      else entries.set(name, value);
    }
    lengths.done();
  }
  for (const [key, value] of keywords) if (key !== '**') entries.set(key, value);
  chargeCharacters(entries.size, AN_ENTRY);
  return dict(entries, open, a?.labels);
});
define('builtins.dict.fromkeys', (a, b) => {
  const keys = keysOf(itemsOf(a) ?? [undefined]);
  return keys === undefined ? undefined : dict(new Map(keys.map((k) => [k, b ?? NONE])));
});
define('builtins.range builtins.xrange', (a, b, { args }) => {
  const from = args.length > 1 ? integerOf(a) : 0;
  const to = args.length > 1 ? integerOf(b) : integerOf(a);
  const step = args[2] === undefined ? 1 : integerOf(args[2]);
  if (from === undefined || to === undefined || step === undefined || step === 0) return undefined;
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > MAX_ITEMS) return undefined;
  return list(Array.from({ length: count }, (_, i) => known(from + i * step)));
});
define('builtins.map itertools.imap', (fn, _b, { args, invoke }) => {
  const columns = args.slice(1).map(itemsOf);
  if (fn === undefined || columns.length === 0) return undefined;
  const known = columns.filter((c) => c !== undefined);
  if (known.length !== columns.length) {
    // The function still runs, on something.
    const result = invoke(
      fn,
      args.slice(1).map((a) => unknown(labelsOf(a))),
    );
    return list([result], true, labelsOfAll(args.slice(1)));
  }
  const size = Math.min(...known.map((c) => c.length));
  const out: Value[] = [];
  for (let i = 0; i < size; i++)
    out.push(
      invoke(
        fn,
        known.map((c) => c[i]!),
      ),
    );
  return items(out);
});
define('itertools.starmap', (fn, rows, { invoke }) => {
  const all = itemsOf(rows)?.map(itemsOf);
  if (fn === undefined || all === undefined || all.includes(undefined)) return undefined;
  return items(all.map((row) => invoke(fn, row!)));
});
define('builtins.filter itertools.ifilter', (fn, values, { invoke }) => {
  const all = itemsOf(values);
  if (fn === undefined || all === undefined) return undefined;
  const kept: Value[] = [];
  for (const item of all) {
    const keep = fn.kind === 'known' && fn.value === null ? truth(item) : truth(invoke(fn, [item]));
    if (keep === undefined) return list(kept, true, labelsOf(values));
    if (keep) kept.push(item);
  }
  return items(kept);
});
define('builtins.zip itertools.izip itertools.zip_longest', (_a, _b, { args }) => {
  const columns = args.map(itemsOf);
  if (columns.includes(undefined)) return undefined;
  const size = columns.length === 0 ? 0 : Math.min(...columns.map((c) => c!.length));
  return items(Array.from({ length: size }, (_, i) => list(columns.map((c) => c![i]!))));
});
define('builtins.enumerate', (a, b, { keywords }) => {
  const all = itemsOf(a);
  const start = integerOf(b ?? keywords.get('start')) ?? 0;
  return all === undefined ? undefined : items(all.map((item, i) => list([known(start + i), item])));
});
define('builtins.reversed', (a) => {
  const all = itemsOf(a);
  return all === undefined
    ? undefined
    : items([...all].reverse().map((v) => ({ ...v, labels: decoded(v.labels) }) as Value));
});
define('builtins.sorted', (a, _b, { keywords, invoke }) => {
  const all = itemsOf(a);
  const sorted = all === undefined ? undefined : sortValues(all, keywords, invoke);
  return sorted === undefined ? undefined : items(sorted);
});
define('builtins.sum', (a, b) => {
  const all = itemsOf(a);
  if (all === undefined) return undefined;
  let total: Value | undefined = b ?? known(0);
  // Lists put together one by one would be copied as often as there are lists.
  const lists = [total, ...all].map(settle).filter((one): one is List => one?.kind === 'list');
  if (lists.length === all.length + 1) {
    if (lists.reduce((sum, { items: inner }) => sum + inner.length, 0) > MAX_ITEMS) return undefined;
    const open = lists.some((one) => one.open);
    const labels = new Set(lists.flatMap((one) => [...one.labels]));
    return list(
      lists.flatMap((one) => one.items),
      open,
      labels,
    );
  }
  for (const item of all) {
    total = total === undefined ? undefined : binary('+', total, item);
    if (total === undefined) return undefined;
  }
  return total;
});
for (const name of ['min', 'max'] as const) {
  define(`builtins.${name}`, (a, _b, { args, keywords, invoke }) => {
    const all = args.length === 1 ? itemsOf(a) : args;
    const sorted = all === undefined ? undefined : sortValues(all, keywords, invoke);
    return sorted === undefined ? undefined : name === 'min' ? sorted[0] : sorted[sorted.length - 1];
  });
}
define('builtins.any builtins.all', () => undefined);
define('builtins.next', (a, b) => {
  const one = settle(a);
  if (one?.kind !== 'list') return undefined;
  return one.items[0] ?? (one.open ? undefined : b);
});
define('functools.reduce builtins.reduce', (fn, values, { args, invoke }) => {
  const all = itemsOf(values);
  if (fn === undefined || all === undefined) return undefined;
  const rest = args[2] === undefined ? [...all] : [args[2], ...all];
  let total = rest.shift();
  for (const item of rest) total = invoke(fn, [total!, item]);
  return total;
});
define('itertools.chain', (_a, _b, { args }) => {
  const all = args.map(itemsOf);
  return all.includes(undefined) ? undefined : items(all.flatMap((c) => c!));
});
define('itertools.chain.from_iterable', (a) => {
  const all = itemsOf(a)?.map(itemsOf);
  return all === undefined || all.includes(undefined) ? undefined : items(all.flatMap((c) => c!));
});
/** `cycle` without end is as long as it is ever zipped with in what we have seen. */
define('itertools.cycle', (a) => {
  const all = itemsOf(a);
  if (all === undefined || all.length === 0) return undefined;
  const times = Math.ceil(150_000 / all.length);
  return all.length > 2_000
    ? undefined
    : list(Array.from({ length: times }, () => all).flat(), false, a!.labels);
});
define('itertools.repeat', (a, b) => {
  const count = b === undefined ? 10_000 : integerOf(b);
  return a === undefined || count === undefined || count > MAX_ITEMS
    ? undefined
    : list(Array.from({ length: count }, () => a));
});
define('itertools.islice', (a, b, { args }) => {
  const all = itemsOf(a);
  const [from, to] = args.length > 2 ? [integerOf(b), integerOf(args[2])] : [0, integerOf(b)];
  return all === undefined || from === undefined || to === undefined ? undefined : items(all.slice(from, to));
});
define('random.choice secrets.choice', (a) => {
  const one = settle(a);
  if (one?.kind !== 'list' || one.items.length === 0) return undefined;
  return one.items.length === 1
    ? one.items[0]
    : {
        kind: 'choice',
        options: one.items.slice(0, 8),
        labels: union(...one.items.slice(0, 8).map((i) => i.labels)),
      };
});

// Objects
define('builtins.getattr', (a, b, { args, context }) => {
  const name = context.text(b);
  if (a === undefined) return undefined;
  if (name === undefined)
    return a.kind === 'ref' ? ref(`${a.path}.?`, union(a.labels, labelsOf(b))) : undefined;
  const found = context.property(a, name);
  return found ?? args[2];
});
define('builtins.hasattr', () => undefined);
define('builtins.setattr', (a, b, { args, context }) => {
  const name = stringOf(b);
  if (a !== undefined && name !== undefined && args[2] !== undefined) context.setProperty(a, name, args[2]);
  return NONE;
});
define('functools.partial functools.partialmethod', (fn, _b, { args }) =>
  fn === undefined ? undefined : ref('%bound', labelsOfAll(args), args),
);
define('operator.attrgetter', (a) => (a === undefined ? undefined : boundTo('operator.attrgetter()', a)));
define('operator.attrgetter()', (key, object, { context }) => {
  let value = object;
  for (const part of stringOf(key)?.split('.') ?? []) value = context.property(value, part);
  return stringOf(key) === undefined ? undefined : value;
});
define('operator.itemgetter', (a) => (a === undefined ? undefined : boundTo('operator.itemgetter()', a)));
define('operator.itemgetter()', (key, object, { context }) => {
  if (object === undefined) return undefined;
  const name = keyOf(key);
  return indexValue(object, key) ?? (name === undefined ? undefined : context.property(object, name));
});
define('operator.methodcaller', (_a, _b, { args }) =>
  args.length === 0 ? undefined : boundTo('operator.methodcaller()', list([...args])),
);
define('operator.methodcaller()', (given, object, { context }) => {
  const [name, ...rest] = itemsOf(given) ?? [];
  const method = stringOf(name) === undefined ? undefined : context.property(object, stringOf(name)!);
  return method === undefined ? undefined : context.call(method, rest, object);
});
define('operator.getitem', (a, b) => (a === undefined ? undefined : indexValue(a, b)));
for (const [names, operator] of [
  ['add concat iadd', '+'],
  ['sub', '-'],
  ['mul', '*'],
  ['mod', '%'],
  ['xor ixor', '^'],
  ['and_', '&'],
  ['or_', '|'],
  ['lshift', '<<'],
  ['rshift', '>>'],
  ['floordiv', '//'],
  ['truediv', '/'],
  ['pow', '**'],
  ['eq', '=='],
  ['ne', '!='],
] as const) {
  define(
    names
      .split(' ')
      .map((n) => `operator.${n}`)
      .join(' '),
    (a, b) => (a === undefined || b === undefined ? undefined : binary(operator, a, b)),
  );
}
define('typing.cast', (_a, b) => b);
define('copy.copy copy.deepcopy', (a) => a);
define('html.unescape html.parser.HTMLParser().unescape', (a) => {
  const string = stringOf(a);
  return string === undefined ? undefined : text(unescapeHtml(string), labelsOf(a));
});
function unescapeHtml(string: string): string {
  chargeCharacters(string.length, 4);
  const names: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: '\u00a0',
  };
  return string.replace(
    /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/g,
    (whole, hex?: string, decimal?: string, name?: string) => {
      const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal ?? Number.NaN);
      if (!Number.isNaN(code)) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      return names[name ?? ''] ?? whole;
    },
  );
}

// Encodings
/** Parts of `Look` one byte costs: where the engine does it, and where it is done here, bit by bit. */
const A_BYTE = 0.25;
const A_BYTE_HERE = 32;
const transform =
  (decode: (raw: Uint8Array, site: CallSite) => Uint8Array | undefined, each = A_BYTE): PureFunction =>
  (a, _b, site) => {
    const raw = bytesOf(a);
    if (raw === undefined || raw.length > MAX_LENGTH) return undefined;
    chargeCharacters(raw.length, each);
    const result = decode(raw, site);
    return result === undefined ? undefined : octets(result, decoded(labelsOf(a)));
  };
const latin1 = (raw: Uint8Array): string => Buffer.from(raw).toString('latin1');
const toText = (encode: (raw: Uint8Array) => string, each = A_BYTE): PureFunction =>
  transform((raw) => new Uint8Array(Buffer.from(encode(raw), 'latin1')), each);

define(
  'base64.b64decode base64.standard_b64decode base64.decodestring base64.decodebytes binascii.a2b_base64 pybase64.b64decode',
  transform((raw, { args, keywords }) =>
    fromBase64(latin1(raw), altCharacters(args[1] ?? keywords.get('altchars'))),
  ),
);
function altCharacters(value: Value | undefined): string | undefined {
  const raw = bytesOf(value);
  return raw?.length === 2 ? latin1(raw) : undefined;
}
define(
  'base64.urlsafe_b64decode',
  transform((raw) => fromBase64(latin1(raw), '-_')),
);
define(
  'base64.b32decode',
  transform((raw) => fromBase32(latin1(raw)), A_BYTE_HERE),
);
define(
  'base64.b32hexdecode',
  transform((raw) => fromBase32(latin1(raw), true), A_BYTE_HERE),
);
define(
  'base64.b16decode binascii.unhexlify binascii.a2b_hex',
  transform((raw) => fromHex(latin1(raw))),
);
define(
  'base64.b85decode',
  transform((raw) => fromBase85(latin1(raw), false), A_BYTE_HERE),
);
define(
  'base64.a85decode',
  transform((raw) => fromBase85(latin1(raw), true), A_BYTE_HERE),
);
define(
  'quopri.decodestring binascii.a2b_qp',
  transform((raw) => fromQuotedPrintable(latin1(raw)), A_BYTE_HERE),
);
define(
  'base64.b64encode base64.standard_b64encode base64.encodestring base64.encodebytes binascii.b2a_base64',
  toText(toBase64),
);
define(
  'base64.urlsafe_b64encode',
  toText((raw) => toBase64(raw).replaceAll('+', '-').replaceAll('/', '_')),
);
define('base64.b32encode', toText(toBase32, A_BYTE_HERE));
define(
  'base64.b16encode',
  toText((raw) => Buffer.from(raw).toString('hex').toUpperCase()),
);
define(
  'binascii.hexlify binascii.b2a_hex',
  toText((raw) => Buffer.from(raw).toString('hex')),
);
define(
  'zlib.decompress',
  transform((raw, { args, keywords }) => inflate(raw, integerOf(args[1] ?? keywords.get('wbits')) ?? 15)),
);
define('gzip.decompress', transform(gunzip));
define('codecs.decode', (a, b, { args }) => {
  const raw = bytesOf(a);
  const codec = b === undefined ? 'utf-8' : stringOf(b);
  if (raw === undefined || codec === undefined) return undefined;
  const string = stringOf(a);
  // `codecs.decode(text, 'rot13')` takes text.
  const result =
    /^rot/i.test(codec) && string !== undefined
      ? encodeText(string, codec)
      : decodeBytes(raw, codec, stringOf(args[2]));
  const of = /^utf|ascii|latin/i.test(codec) ? labelsOf(a) : decoded(labelsOf(a));
  return result === undefined
    ? undefined
    : typeof result === 'string'
      ? text(result, of)
      : octets(result, of);
});
define('codecs.encode', (a, b) => {
  const codec = b === undefined ? 'utf-8' : stringOf(b);
  if (codec === undefined) return undefined;
  const string = stringOf(a) ?? (bytesOf(a) === undefined ? undefined : latin1(bytesOf(a)!));
  const result = string === undefined ? undefined : encodeText(string, codec);
  const of = /hex|base|rot/i.test(codec) ? decoded(labelsOf(a)) : labelsOf(a);
  return result === undefined
    ? undefined
    : typeof result === 'string'
      ? text(result, of)
      : octets(result, of);
});
define(
  'urllib.parse.unquote urllib.unquote urllib.parse.unquote_plus urllib.unquote_plus requests.utils.unquote',
  (a) => {
    const string = stringOf(a);
    return string === undefined
      ? undefined
      : text(percentDecoded(string), string.includes('%') ? decoded(labelsOf(a)) : labelsOf(a));
  },
);
define('urllib.parse.quote urllib.quote urllib.parse.quote_plus urllib.quote_plus', (a) => {
  const string = stringOf(a);
  return string === undefined ? undefined : text(encodedForUrl(string).replaceAll('%2F', '/'), labelsOf(a));
});
/** Parts of `Look` a character costs that is put into an address. */
const IN_URL = 16;
function encodedForUrl(string: string): string {
  chargeCharacters(string.length, IN_URL);
  return encodeURIComponent(wellFormed(string));
}
function percentDecoded(string: string): string {
  chargeCharacters(string.length, 4);
  return percentDecode(string);
}
/** Lone surrogates cannot be percent-encoded. */
function wellFormed(string: string): string {
  return Buffer.from(string, 'utf8').toString('utf8');
}
define('urllib.parse.urljoin urlparse.urljoin', (a, b) => {
  const base = stringOf(a);
  const path = stringOf(b);
  if (base === undefined || path === undefined) return undefined;
  chargeCharacters(base.length + path.length, IN_URL);
  try {
    return text(new URL(path, base).href, labelsOfAll([a, b]));
  } catch {
    return text(base + path, labelsOfAll([a, b]));
  }
});
define('urllib.parse.urlencode urllib.urlencode', (a) => {
  const one = settle(a);
  if (one?.kind !== 'dict' || one.open) return undefined;
  const parts: string[] = [];
  let length = 0;
  for (const [key, value] of one.entries) {
    const shown = str(value);
    length += key.length + (shown?.length ?? 0);
    if (shown === undefined || length > MAX_LENGTH) return undefined;
    chargeReading(value);
    chargeCharacters(key.length + shown.length, IN_URL);
    parts.push(`${encodeURIComponent(wellFormed(key))}=${encodeURIComponent(wellFormed(shown))}`);
  }
  return text(parts.join('&'), labelsOf(one));
});
define('json.loads simplejson.loads ujson.loads orjson.loads ast.literal_eval', (a) => {
  const string =
    stringOf(a) ?? (bytesOf(a) === undefined ? undefined : Buffer.from(bytesOf(a)!).toString('utf8'));
  if (string === undefined || string.length > 1_000_000) return undefined;
  chargeCharacters(string.length, IN_JSON);
  try {
    return fromJson(JSON.parse(string), labelsOf(a));
  } catch {
    return undefined;
  }
});
function fromJson(value: unknown, labels: ReadonlySet<string>, depth = 0): Value {
  if (depth > 50) return unknown(labels);
  if (Array.isArray(value))
    return list(
      value.map((v) => fromJson(v, labels, depth + 1)),
      false,
      labels,
    );
  if (typeof value === 'object' && value !== null) {
    return dict(
      new Map(Object.entries(value).map(([k, v]) => [k, fromJson(v, labels, depth + 1)])),
      false,
      labels,
    );
  }
  return known(value as string | number | boolean | null, labels);
}
define('json.dumps simplejson.dumps', (a) => {
  const shown = toJson(a);
  return shown === undefined ? undefined : text(shown, labelsOf(a));
});
/** Parts of `Look` a character of JSON costs, read or written. */
const IN_JSON = 4;
/** Values shown as JSON at most; a list that holds itself twice would otherwise never end. */
const JSON_VALUES = 100_000;

function toJson(
  value: Value | undefined,
  depth = 0,
  budget = { left: JSON_VALUES, characters: MAX_LENGTH },
): string | undefined {
  const one = settle(value);
  if (depth > 20 || one === undefined || --budget.left < 0) return undefined;
  if (one.kind === 'known' && typeof one.value !== 'bigint' && one.value !== undefined) {
    const plain = one.value;
    const size = typeof plain === 'string' ? plain.length : 1;
    budget.characters -= size;
    if (budget.characters < 0) return undefined;
    chargeReading(one);
    chargeCharacters(size, IN_JSON);
    return JSON.stringify(plain);
  }
  const parts: string[] = [];
  if (one.kind === 'list' && !one.open) {
    for (const item of one.items) {
      const shown = toJson(item, depth + 1, budget);
      if (shown === undefined) return undefined;
      parts.push(shown);
    }
    return `[${parts.join(', ')}]`;
  }
  if (one.kind === 'dict' && !one.open && one.prototype === undefined) {
    for (const [key, item] of one.entries) {
      const shown = toJson(item, depth + 1, budget);
      if (shown === undefined) return undefined;
      parts.push(`${JSON.stringify(key)}: ${shown}`);
    }
    return `{${parts.join(', ')}}`;
  }
  return undefined;
}
define('struct.pack', (a, _b, { args }) => {
  const format = stringOf(a);
  const numbers = args.slice(1).map(bigintOf);
  const match = /^([<>=!@]?)([bBhHiIlLqQ\d]*)$/.exec(format ?? '');
  if (match === null || numbers.includes(undefined)) return undefined;
  const little = match[1] !== '>' && match[1] !== '!';
  let room = numbers.length + 1;
  const kinds = (match[2] ?? '').replace(/(\d+)(\w)/g, (_, n: string, c: string) => {
    const run = c.repeat(Math.min(Number(n), 10_000, room));
    room -= run.length;
    return run;
  });
  const out: number[] = [];
  if (kinds.length !== numbers.length) return undefined;
  Array.from(kinds).forEach((kind, i) => {
    const size = { b: 1, h: 2, i: 4, l: 4, q: 8 }[kind.toLowerCase()] ?? 1;
    let rest = BigInt.asUintN(size * 8, numbers[i]!);
    const part: number[] = [];
    for (let j = 0; j < size; j++) {
      part.push(Number(rest & 0xffn));
      rest >>= 8n;
    }
    out.push(...(little ? part : part.reverse()));
  });
  return octets(Uint8Array.from(out), assembled(labelsOfAll(args)));
});

/** Evaluates a library function on known arguments; undefined when it is not pure, not here, or not decided. */
export function callPath(
  path: string,
  args: readonly Value[],
  keywords: Keywords,
  context: Context,
): Value | undefined {
  const fn = table.get(path);
  if (fn !== undefined) {
    if (!READS_NOTHING.has(path)) for (const arg of args) chargeReading(arg);
    const invoke = invoker(context, (p, a) => callPath(p, a, NO_KEYWORDS, context));
    return fn(args[0], args[1], { args, keywords, context, invoke });
  }
  if (
    path.startsWith('os.') ||
    path.startsWith('pathlib.') ||
    path.startsWith('posixpath.') ||
    path.startsWith('ntpath.')
  ) {
    return pathFunction(path, args);
  }
  // `str.join('', parts)`, `bytes.decode(x)`: a method taken from its type.
  const method = /^builtins\.(str|unicode|bytes|bytearray|list|dict)\.(\w+)$/.exec(path);
  if (method !== null && args.length > 0) {
    const self = settle(args[0]);
    const string = stringOf(self);
    if (!readsNothing(method[2]!)) chargeReading(self);
    if (string !== undefined) return textMethod(string, self!.labels, method[2]!, args.slice(1), keywords);
    if (self?.kind === 'bytes')
      return bytesMethod(self.value, self.labels, method[2]!, args.slice(1), keywords);
    if (self?.kind === 'dict') return dictMethod(self, method[2]!, args.slice(1), keywords);
    if (self?.kind === 'list') {
      const invoke = invoker(context, (p, a) => callPath(p, a, NO_KEYWORDS, context));
      return listMethod(self, method[2]!, args.slice(1), keywords, invoke);
    }
  }
  return undefined;
}
const NO_KEYWORDS: Keywords = new Map();
/** What asks for no character of a text, or only as far as it charges for itself. */
const READS_NOTHING = new Set([
  'builtins.len',
  'builtins.bool',
  'builtins.hasattr',
  'operator.add',
  'operator.concat',
]);
