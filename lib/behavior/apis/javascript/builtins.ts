/** The pure part of JavaScript and of Node: what a call gives when its arguments are known. */
import type { Builtins, Context } from '../../api.js';
import { chargeReading } from '../../joined-texts.js';
import { noteLooked } from '../../looks.js';
import { dict, type Known, known, type Labels, list, ref, union, unknown, type Value } from '../../values.js';
import { arrayMethod, arrayProperty } from './arrays.js';
import {
  bufferFrom,
  bytesAsList,
  bytesMethod,
  bytesProperty,
  concatBuffers,
  decodedLabels,
  fromBase64,
  typedArray,
} from './bytes.js';
import { chargeExpression } from './method-costs.js';
import { dictMethod, jsonCall, objectCall, reflectCall } from './objects.js';
import { binary, MAX_TEXT, stringify, toPrimitive, truthy, unary } from './operators.js';
import { fileUrlToPath, pathCall } from './paths.js';
import { promiseMethod } from './promises.js';
import { affordable, REGEXP_PATH, toRegExp } from './regexp.js';
import { numberMethod, partialMethod, stringMethod, stringProperty } from './strings.js';

type Handler = (args: readonly Value[], context: Context) => Value | undefined;

const primitives = (args: readonly Value[]): Known['value'][] | undefined => {
  const out: Known['value'][] = [];
  for (const arg of args) {
    const holder = toPrimitive(arg);
    if (holder === undefined) return undefined;
    out.push(holder.value);
  }
  return out;
};

/** A function of primitives to a primitive, run as it is. */
const pure =
  (run: (...args: never[]) => unknown, decodes = false): Handler =>
  (args) => {
    const plain = primitives(args);
    if (plain === undefined) return undefined;
    try {
      const value = (run as (...a: unknown[]) => unknown)(...plain);
      if (typeof value === 'string' && value.length > MAX_TEXT) return undefined;
      const labels: Labels = decodes ? decodedLabels(...args) : union(...args.map((a) => a.labels));
      return known(value as string, labels);
    } catch {
      return undefined;
    }
  };

/** Changes the text only when it was encoded; `decoded` is said only then. */
const textDecoder =
  (run: (text: string) => string): Handler =>
  (args) => {
    const text = args[0] === undefined ? undefined : stringify(args[0]);
    if (text === undefined || text.length > MAX_TEXT) return undefined;
    try {
      const value = run(text);
      // Escapes of ordinary letters hide; escapes of spaces and umlauts are what the function is for.
      const hides = value !== text && text.length > value.length * 1.5;
      return known(value, hides ? decodedLabels(args[0]) : args[0]!.labels);
    } catch {
      return undefined;
    }
  };

const MATH = [
  'abs',
  'ceil',
  'floor',
  'round',
  'trunc',
  'sign',
  'sqrt',
  'cbrt',
  'pow',
  'exp',
  'log',
  'log2',
  'log10',
  'sin',
  'cos',
  'tan',
  'atan',
  'atan2',
  'min',
  'max',
  'imul',
  'hypot',
  'fround',
  'clz32',
] as const;

const TYPED = [
  'Uint8Array',
  'Uint8ClampedArray',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'ArrayBuffer',
] as const;

const newArray: Handler = (args) => {
  const [size] = args;
  if (args.length === 1 && size?.kind === 'known' && typeof size.value === 'number') {
    const n = size.value;
    if (!(n >= 0 && n <= 100_000)) return list([], true);
    return list(Array.from({ length: n }, () => known(undefined)));
  }
  return list([...args]);
};

/** Elements of the longest list made of a text. */
const MAX_LIST = 200_000;

const arrayFrom: Handler = (args, context) => {
  const [source, fn] = args;
  let items: Value | undefined;
  if (source?.kind === 'list') items = list([...source.items], source.open, source.labels);
  else if (source?.kind === 'bytes') items = bytesAsList(source.value, source.labels);
  else if (source?.kind === 'known' && typeof source.value === 'string' && source.value.length <= MAX_LIST) {
    items = list([...source.value].map((c) => known(c, source.labels)));
  } else if (source?.kind === 'dict') {
    const length = Number(toPrimitive(source.entries.get('length') ?? known(Number.NaN))?.value);
    if (!(length >= 0 && length <= 100_000)) return list([], true, context.labelsOf(source));
    items = list(Array.from({ length }, (_, i) => source.entries.get(String(i)) ?? known(undefined)));
  }
  if (items === undefined) return list([], true, context.labelsOf(source));
  return fn === undefined || items.kind !== 'list' ? items : arrayMethod(items, 'map', [fn], context);
};

const fromCharCodes =
  (run: (...codes: number[]) => string): Handler =>
  (args) => {
    const plain = primitives(args);
    if (plain === undefined) return undefined;
    try {
      return known(run(...(plain as number[])), union(ASSEMBLED, ...args.map((a) => a.labels)));
    } catch {
      return undefined;
    }
  };

const ASSEMBLED: Labels = new Set(['assembled']);

const CALLS = new Map<string, Handler>(
  Object.entries({
    'String.fromCharCode': fromCharCodes(String.fromCharCode),
    'String.fromCodePoint': fromCharCodes(String.fromCodePoint),
    String: (args) => {
      const [value] = args;
      if (value === undefined) return known('');
      const text = stringify(value);
      return text === undefined ? undefined : known(text, value.labels);
    },
    Number: pure((...a: unknown[]) => (a.length === 0 ? 0 : Number(a[0]))),
    Boolean: (args) => {
      const answer = args[0] === undefined ? false : truthy(args[0]);
      return answer === undefined ? undefined : known(answer);
    },
    BigInt: pure((v: string) => BigInt(v)),
    Object: (args) => args[0] ?? dict(),
    parseInt: pure((a: string, b?: number) => Number.parseInt(a, b)),
    'Number.parseInt': pure((a: string, b?: number) => Number.parseInt(a, b)),
    parseFloat: pure((a: string) => Number.parseFloat(a)),
    'Number.parseFloat': pure((a: string) => Number.parseFloat(a)),
    isNaN: pure((a: number) => Number.isNaN(Number(a))),
    isFinite: pure((a: number) => Number.isFinite(Number(a))),
    'Number.isNaN': pure(Number.isNaN),
    'Number.isInteger': pure(Number.isInteger),
    'Number.isSafeInteger': pure(Number.isSafeInteger),
    'Number.isFinite': pure(Number.isFinite),
    atob: (args) => {
      const text = args[0] === undefined ? undefined : stringify(args[0]);
      return text === undefined ? undefined : fromBase64(text, args[0]!);
    },
    btoa: pure((text: string) => Buffer.from(text, 'latin1').toString('base64')),
    unescape: textDecoder(unescape),
    decodeURIComponent: textDecoder(decodeURIComponent),
    decodeURI: textDecoder(decodeURI),
    'querystring.unescape': textDecoder(decodeURIComponent),
    escape: pure((text: string) => escape(text)),
    encodeURIComponent: pure((text: string) => encodeURIComponent(text)),
    encodeURI: pure((text: string) => encodeURI(text)),
    Array: newArray,
    'Array.of': (args) => list([...args]),
    'Array.from': arrayFrom,
    'Array.isArray': (args) => {
      const [value] = args;
      if (value === undefined || value.kind === 'unknown' || value.kind === 'ref' || value.kind === 'choice')
        return undefined;
      return known(value.kind === 'list');
    },
    'Buffer.from': bufferFrom,
    Buffer: (args, context) =>
      args[0]?.kind === 'known' && typeof args[0].value === 'number'
        ? typedArray('Buffer', args, context)
        : bufferFrom(args, context),
    'Buffer.alloc': (args, context) => typedArray('Buffer', args.slice(0, 1), context),
    'Buffer.allocUnsafe': (args, context) => typedArray('Buffer', args.slice(0, 1), context),
    'Buffer.concat': (args, context) => concatBuffers(args[0], context),
    'Buffer.isBuffer': (args) => (args[0]?.kind === 'bytes' ? known(true) : undefined),
    'Buffer.byteLength': pure((text: string) => Buffer.byteLength(text)),
    RegExp: (args) =>
      args[0]?.kind === 'ref' && args[0].path === REGEXP_PATH ? args[0] : ref(REGEXP_PATH, undefined, args),
    'TextDecoder().decode': (args) => {
      const [data] = args;
      return data?.kind === 'bytes' && data.value.length <= MAX_TEXT
        ? known(Buffer.from(data.value).toString('utf8'), data.labels)
        : undefined;
    },
    'TextEncoder().encode': bufferFrom,
    'url.fileURLToPath': (args) => fileUrlToPath(args[0]),
    'Symbol.for': () => undefined,
    // Error objects are plain: message and name.
    ...Object.fromEntries(
      ['Error', 'TypeError', 'RangeError', 'SyntaxError'].map((name) => [
        name,
        (args: readonly Value[]) =>
          dict(
            new Map<string, Value>([
              ['message', args[0] ?? known('')],
              ['name', known(name)],
              ['stack', unknown()],
            ]),
          ),
      ]),
    ),
    ...Object.fromEntries(
      MATH.map((name) => [`Math.${name}`, pure(Math[name] as (...args: never[]) => unknown)]),
    ),
    ...Object.fromEntries(
      TYPED.map((name): [string, Handler] => [name, (args, context) => typedArray(name, args, context)]),
    ),
    'Uint8Array.from': (args, context) => {
      const items = arrayFrom(args, context);
      const data = context.toBytes(items);
      return data === undefined ? items : typedArray('Uint8Array', [items!], context);
    },
  } satisfies Record<string, Handler>),
);

const PREFIXED: readonly [
  string,
  (name: string, args: readonly Value[], context: Context) => Value | undefined,
][] = [
  ['Object.', objectCall],
  ['Reflect.', reflectCall],
  ['JSON.', jsonCall],
  ['path.posix.', (name, args) => pathCall(name, args, '.')],
  ['path.win32.', (name, args) => pathCall(name, args, '.')],
  ['path.', (name, args) => pathCall(name, args, '.')],
];

/** Parts a character costs a function that reads a text, and one that writes it in another form. */
const READ = 0.5;
const REWRITTEN = 4;
const READS_NOTHING =
  /^(?:Array(?:\.isArray|\.of)?|Boolean|Object|Object\..*|Reflect\..*|Buffer\.isBuffer|RegExp|\w*Error)$/;
const REWRITES = /^(?:JSON\.|encode|decode|escape$|unescape$|querystring\.)/;

/** A function of texts goes through all of them. */
function chargeTexts(path: string, args: readonly Value[]): void {
  for (const arg of args) {
    if (arg.kind !== 'known' || typeof arg.value !== 'string' || READS_NOTHING.test(path)) continue;
    chargeReading(arg);
    noteLooked(arg.value.length * (REWRITES.test(path) ? REWRITTEN : READ));
  }
}

const METHOD_CALL = /^(?:Array|String|Object|Function|Number)\.prototype\.(\w+)(?:\.(call|apply))?$/;

function callPath(
  path: string,
  args: readonly Value[],
  _keywords: ReadonlyMap<string, Value>,
  context: Context,
): Value | undefined {
  const handler = CALLS.get(path);
  if (handler !== undefined) {
    chargeTexts(path, args);
    return handler(args, context);
  }
  for (const [prefix, call] of PREFIXED) {
    if (path.startsWith(prefix) && !path.includes('.', prefix.length)) {
      chargeTexts(path, args);
      const value = call(path.slice(prefix.length), args, context);
      if (value !== undefined) return value;
    }
  }
  const method = METHOD_CALL.exec(path);
  if (method?.[2] !== undefined && args[0] !== undefined) {
    const rest = method[2] === 'call' ? args.slice(1) : args[1]?.kind === 'list' ? args[1].items : [];
    return callMethod(args[0], method[1]!, rest, NO_KEYWORDS, context);
  }
  const shape = /^(.*)\.(call|apply)$/.exec(path);
  if (shape !== null) {
    const rest = shape[2] === 'call' ? args.slice(1) : args[1]?.kind === 'list' ? args[1].items : undefined;
    const inner = CALLS.get(shape[1]!);
    if (inner === undefined || rest === undefined) return undefined;
    chargeTexts(shape[1]!, rest);
    return inner(rest, context);
  }
  return undefined;
}

const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

function callMethod(
  receiver: Value,
  name: string,
  args: readonly Value[],
  _keywords: ReadonlyMap<string, Value>,
  context: Context,
): Value | undefined {
  switch (receiver.kind) {
    case 'known': {
      const { value } = receiver;
      if (typeof value === 'string') {
        const result = stringMethod(value, receiver, name, args, context);
        if (result !== undefined) return result;
      } else if (value !== null && value !== undefined) {
        const result = numberMethod(value, receiver, name, args);
        if (result !== undefined) return result;
      }
      break;
    }
    case 'list': {
      const item = /^\d+$/.test(name) ? receiver.items[Number(name)] : undefined;
      if (item !== undefined) return context.call(item, args, receiver);
      const result = arrayMethod(receiver, name, args, context);
      if (result !== undefined) return result;
      break;
    }
    case 'bytes': {
      const result = bytesMethod(receiver.value, receiver, name, args);
      if (result !== undefined) return result;
      // Each byte becomes a value of its own, which takes some eight times as long as a look.
      context.looksAt(8 * receiver.value.length);
      const items = bytesAsList(receiver.value, receiver.labels);
      if (items?.kind === 'list') {
        const asArray = arrayMethod(items, name, args, context);
        if (asArray !== undefined) return name === 'map' ? typedFrom(asArray, context) : asArray;
      }
      break;
    }
    case 'dict': {
      const result = dictMethod(receiver, name, args);
      if (result !== undefined) return result;
      break;
    }
    case 'func': {
      const result = functionMethod(receiver, name, args, context);
      if (result !== undefined) return result;
      break;
    }
    case 'ref': {
      const result = refMethod(receiver, name, args);
      if (result !== undefined) return result;
      break;
    }
    case 'unknown': {
      const result = partialMethod(receiver, name, args);
      if (result !== undefined) return result;
      break;
    }
    case 'choice':
      break;
  }
  return promiseMethod(receiver, name, args, context);
}

/** A typed array maps to a typed array. */
function typedFrom(value: Value, context: Context): Value {
  const data = context.toBytes(value);
  return data === undefined ? value : { kind: 'bytes', value: data, labels: context.labelsOf(value) };
}

function functionMethod(
  receiver: Value,
  name: string,
  args: readonly Value[],
  context: Context,
): Value | undefined {
  if (receiver.kind !== 'func') return undefined;
  switch (name) {
    case 'call':
      return context.call(receiver, args.slice(1), args[0]);
    case 'apply': {
      const list = args[1];
      if (list?.kind === 'list') return context.call(receiver, list.items, args[0]);
      return context.call(receiver, list === undefined ? [] : [unknown(list.labels)], args[0]);
    }
    case 'toString': {
      const text = stringify(receiver);
      return text === undefined ? undefined : known(text);
    }
    case 'bind': {
      const [self, ...bound] = args;
      return {
        ...receiver,
        ...(self === undefined ? {} : { thisValue: self }),
        boundArgs: [...(receiver.boundArgs ?? []), ...bound],
      };
    }
    default:
      return undefined;
  }
}

function refMethod(receiver: Value, name: string, args: readonly Value[]): Value | undefined {
  if (receiver.kind !== 'ref') return undefined;
  if (receiver.path === REGEXP_PATH) {
    const expression = toRegExp(receiver);
    const text = args[0] === undefined ? undefined : stringify(args[0]);
    if (expression === undefined || text === undefined || !affordable(expression, text)) return undefined;
    chargeReading(args[0]);
    chargeExpression(expression, text.length);
    // A global expression remembers where it stopped; the value here does not, so only the first answer is right.
    expression.lastIndex = 0;
    if (name === 'test') return expression.global ? undefined : known(expression.test(text));
    if (name === 'exec' && !expression.global) {
      const found = expression.exec(text);
      return found === null ? known(null) : list(found.map((m) => known(m as string, args[0]!.labels)));
    }
    return undefined;
  }
  if (name === 'toString' && args.length === 0) {
    const text = stringify(receiver);
    if (text !== undefined) return known(text);
  }
  return undefined;
}

function readProperty(receiver: Value, name: string): Value | undefined {
  switch (receiver.kind) {
    case 'known':
      if (typeof receiver.value === 'string') return stringProperty(receiver.value, receiver, name);
      if (name === 'constructor') {
        return typeof receiver.value === 'number'
          ? ref('Number')
          : typeof receiver.value === 'boolean'
            ? ref('Boolean')
            : undefined;
      }
      return undefined;
    case 'list':
      return arrayProperty(receiver, name);
    case 'bytes':
      return bytesProperty(receiver.value, receiver, name);
    case 'func':
    case 'class':
      if (name === 'constructor') return ref('Function');
      if (receiver.kind === 'func' && name === 'length') return known(receiver.node.params.length);
      if (name === 'name') return known(receiver.node.name);
      return undefined;
    case 'dict':
      return name === 'constructor' && receiver.prototype === undefined && !receiver.open
        ? ref('Object')
        : undefined;
    case 'ref':
      if (receiver.path === REGEXP_PATH && name === 'source') return receiver.args?.[0];
      if (name === 'constructor' && NATIVE.test(receiver.path)) return ref('Function');
      if (name === 'name' && NATIVE.test(receiver.path)) return known(receiver.path.split('.').at(-1)!);
      return undefined;
    default:
      return undefined;
  }
}

const NATIVE =
  /^(?:(?:Array|String|Number|Boolean|Object|Function|RegExp|Date)(?:\.prototype\.\w+)?|Date|Array|String|Number|Boolean|Object|RegExp)$/;

export const javascriptBuiltins: Builtins = {
  callPath,
  callMethod,
  readProperty: (receiver, name) => readProperty(receiver, name),
  binary,
  unary,
  stringify,
  truthy,
  global: (name) =>
    name === 'NaN' ? known(Number.NaN) : name === 'Infinity' ? known(Number.POSITIVE_INFINITY) : ref(name),
};
