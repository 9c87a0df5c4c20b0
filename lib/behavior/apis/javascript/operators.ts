/** JavaScript's operators on abstract values, exact where both sides are known. */
import { chargeReading, equalKnown } from '../../joined-texts.js';
import { Look, noteLooked } from '../../looks.js';
import {
  type Func,
  type Known,
  known,
  type Labels,
  partialText,
  UNKNOWN_PIECE,
  union,
  unknown,
  type Value,
} from '../../values.js';

/** No string longer than this is built; the value becomes unknown instead. */
export const MAX_TEXT = 8 << 20;

type Primitive = Known['value'];

/** A primitive wrapped, so that `undefined` is a value too. */
export interface Holder {
  readonly value: Primitive;
}

/**
 * ToPrimitive for what needs no user code: primitives themselves, arrays of them, plain objects, library functions
 * (`[].flat + ''` is how symbol-only encoders get at letters).
 */
export function toPrimitive(value: Value): Holder | undefined {
  if (value.kind === 'known') return value;
  const look = new Look();
  const primitive = primitiveWithin(value, 0, look);
  look.done();
  return primitive;
}

/** Characters and bytes that are copied into a text as fast as one part is looked at. */
const COPIED_A_LOOK = 16;

function primitiveWithin(value: Value, depth: number, look: Look): Holder | undefined {
  if (!look.more()) return undefined;
  switch (value.kind) {
    case 'known':
      return value;
    case 'bytes':
      look.more(value.value.length / COPIED_A_LOOK);
      return depth === 0 ? { value: latinOrUtf8(value.value) } : undefined;
    case 'list': {
      if (value.open || depth > 8 || value.items.length > 100_000) return undefined;
      const parts: string[] = [];
      let length = 0;
      for (const item of value.items) {
        const inner = primitiveWithin(item, depth + 1, look);
        if (inner === undefined) return undefined;
        const part = inner.value === null || inner.value === undefined ? '' : String(inner.value);
        length += part.length + 1;
        if (length > MAX_TEXT || !look.more(part.length / COPIED_A_LOOK)) return undefined;
        chargeReading(item);
        parts.push(part);
      }
      return { value: parts.join(',') };
    }
    case 'dict':
      if (value.prototype !== undefined || value.open) return undefined;
      return value.entries.has('toString') || value.entries.has('valueOf')
        ? undefined
        : { value: '[object Object]' };
    case 'ref': {
      const name = NATIVE_FUNCTION.exec(value.path)?.[1];
      return name === undefined ? undefined : { value: `function ${name}() { [native code] }` };
    }
    case 'func': {
      const span = value.node.span;
      if (span === undefined || span.end - span.start > MAX_FUNCTION_TEXT) return undefined;
      return { value: span.source.slice(span.start, span.end) };
    }
    default:
      return undefined;
  }
}

/** Longest function whose text is given: what looks at itself is short. */
const MAX_FUNCTION_TEXT = 20_000;

const NATIVE_FUNCTION =
  /^(?:(?:Array|String|Number|Boolean|Object|Function|RegExp)(?:\.prototype\.(\w+))?|Function|Array|String|Number|Boolean|Object|RegExp|Date)$/;

function latinOrUtf8(data: Uint8Array): string | undefined {
  return data.length > MAX_TEXT ? undefined : Buffer.from(data).toString('utf8');
}

export function stringify(value: Value): string | undefined {
  if (value.kind === 'ref' && !value.path.includes('.') && /^[A-Z]\w+$/.test(value.path)) {
    return NATIVE_FUNCTION.test(value.path) ? `function ${value.path}() { [native code] }` : undefined;
  }
  const primitive = toPrimitive(value);
  if (primitive === undefined || typeof primitive.value === 'symbol') return undefined;
  return String(primitive.value);
}

/** The known pieces of the string a value turns into. */
export function stringPieces(value: Value): string {
  return stringify(value) ?? partialText(value) ?? UNKNOWN_PIECE;
}

export function truthy(value: Value): boolean | undefined {
  switch (value.kind) {
    case 'known':
      return Boolean(value.value);
    case 'bytes':
    case 'list':
    case 'dict':
    case 'func':
    case 'class':
      return true;
    case 'choice': {
      const answers = value.options.map(truthy);
      return answers.every((a) => a === answers[0]) ? answers[0] : undefined;
    }
    default:
      return undefined;
  }
}

const isObject = (value: Value): boolean =>
  value.kind === 'list' ||
  value.kind === 'dict' ||
  value.kind === 'func' ||
  value.kind === 'class' ||
  value.kind === 'bytes';

const sameFunction = (left: Func, right: Func): boolean => left === right || left.node === right.node;

/** `===` of two values when it can be told; identity for objects of the package. */
export function strictEquals(left: Value, right: Value): boolean | undefined {
  if (left.kind === 'known' && right.kind === 'known') return equalKnown(left, right);
  if (left === right && isObject(left)) return true;
  if (left.kind === 'func' && right.kind === 'func') return sameFunction(left, right) ? undefined : false;
  if (isObject(left) && isObject(right)) return false;
  if ((isObject(left) && right.kind === 'known') || (left.kind === 'known' && isObject(right))) return false;
  return undefined;
}

function looseEquals(left: Value, right: Value): boolean | undefined {
  if (left.kind === 'known' && right.kind === 'known') {
    // biome-ignore lint/suspicious/noDoubleEquals: this is the operator being evaluated
    return left.value == right.value;
  }
  const nullish = (v: Value): boolean => v.kind === 'known' && (v.value === null || v.value === undefined);
  if ((nullish(left) && isObject(right)) || (isObject(left) && nullish(right))) return false;
  if (isObject(left) && isObject(right)) return strictEquals(left, right);
  const a = toPrimitive(left);
  const b = toPrimitive(right);
  // biome-ignore lint/suspicious/noDoubleEquals: as above
  return a === undefined || b === undefined ? undefined : a.value == b.value;
}

function arithmetic(operator: string, a: Primitive, b: Primitive): Primitive | undefined {
  // One cast for all: JavaScript's own operators do the conversions, that is the point.
  const x = a as number;
  const y = b as number;
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '%':
      return x % y;
    case '**':
      return typeof a === 'bigint' && typeof b === 'bigint' && b > 64n ? undefined : x ** y;
    case '&':
      return x & y;
    case '|':
      return x | y;
    case '^':
      return x ^ y;
    case '<<':
      return typeof a === 'bigint' && typeof b === 'bigint' && b > 4096n ? undefined : x << y;
    case '>>':
      return x >> y;
    case '>>>':
      return x >>> y;
    case '<':
      return x < y;
    case '>':
      return x > y;
    case '<=':
      return x <= y;
    case '>=':
      return x >= y;
    default:
      return undefined;
  }
}

const labelsOf = (left: Value, right: Value): Labels => union(left.labels, right.labels);

export function binary(operator: string, left: Value, right: Value): Value | undefined {
  switch (operator) {
    case '===':
    case '!==': {
      const same = strictEquals(left, right);
      return same === undefined ? undefined : known(operator === '===' ? same : !same);
    }
    case '==':
    case '!=': {
      const same = looseEquals(left, right);
      return same === undefined ? undefined : known(operator === '==' ? same : !same);
    }
    case 'in':
      return contains(left, right);
    case 'instanceof':
      return undefined;
  }
  const a = toPrimitive(left);
  const b = toPrimitive(right);
  if (a === undefined || b === undefined) {
    return operator === '+' ? concatenate(left, right) : undefined;
  }
  if (operator !== '+') {
    chargeNumber(left);
    chargeNumber(right);
  }
  const text = operator === '+' && (typeof a.value === 'string' || typeof b.value === 'string');
  if (text && String(a.value).length + String(b.value).length > MAX_TEXT)
    return unknown(labelsOf(left, right));
  try {
    const value = arithmetic(operator, a.value, b.value);
    if (value === undefined) return undefined;
    return known(value, labelsOf(left, right));
  } catch {
    return undefined; // bigint mixed with number: throws in JavaScript as well
  }
}

/** A text that is taken for a number, or put in order, is read. */
function chargeNumber(value: Value): void {
  if (value.kind !== 'known' || typeof value.value !== 'string') return;
  chargeReading(value);
  noteLooked(value.value.length / 2);
}

function concatenate(left: Value, right: Value): Value | undefined {
  const isString = (v: Value): boolean =>
    (v.kind === 'known' && typeof v.value === 'string') || (v.kind === 'unknown' && v.partial !== undefined);
  if (!isString(left) && !isString(right)) return undefined;
  return unknown(labelsOf(left, right), stringPieces(left) + stringPieces(right));
}

function contains(left: Value, right: Value): Value | undefined {
  const key = stringify(left);
  if (key === undefined) return undefined;
  if (right.kind === 'dict' && right.prototype === undefined) {
    if (right.entries.has(key)) return known(true);
    return right.open ? undefined : known(false);
  }
  if (right.kind === 'list' && !right.open && /^\d+$/.test(key)) {
    return known(Number(key) < right.items.length);
  }
  return undefined;
}

export function unary(operator: string, operand: Value): Value | undefined {
  if (operator === 'void') return known(undefined);
  if (operator === 'delete') return known(true);
  if (operator === '!') {
    const answer = truthy(operand);
    return answer === undefined ? undefined : known(!answer);
  }
  if (operator === 'typeof') {
    const type = typeOf(operand);
    return type === undefined ? undefined : known(type);
  }
  const value = toPrimitive(operand);
  if (value === undefined) return undefined;
  chargeNumber(operand);
  try {
    const x = value.value as number;
    const result = operator === '-' ? -x : operator === '+' ? +x : operator === '~' ? ~x : undefined;
    return result === undefined ? undefined : known(result, operand.labels);
  } catch {
    return undefined;
  }
}

function typeOf(value: Value): string | undefined {
  switch (value.kind) {
    case 'known':
      return typeof value.value;
    case 'bytes':
    case 'list':
    case 'dict':
      return 'object';
    case 'func':
    case 'class':
      return 'function';
    case 'choice': {
      const types = value.options.map(typeOf);
      return types.every((t) => t === types[0]) ? types[0] : undefined;
    }
    default:
      return undefined;
  }
}
