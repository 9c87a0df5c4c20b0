/** Properties: reading and writing them on every kind of value, through prototypes and classes. */

import { chargeReading } from '../joined-texts.js';
import { plainText } from '../plain-text.js';
import {
  alteredFunc,
  type Class,
  type Dict,
  dict,
  type Func,
  inheritFrom,
  itemsToChange,
  known,
  type List,
  ref,
  setEntry,
  unknown,
  type Value,
} from '../values.js';
import { callFunction } from './calls.js';
import { type Env, LIMITS, type Machine, ThrowSignal } from './machine.js';
import { elementOf, extend, join, labelsOf, labelsOfItems, UNDEFINED } from './operations.js';
import { lookup, namespaceOf } from './scope.js';
import { fireRead, fireWrite } from './sites.js';

/** Names of the global object itself; reading through them changes nothing. */
const GLOBAL_OBJECTS = new Set(['globalThis', 'global', 'window', 'self', 'top', 'parent', 'frames']);

/** Reads `object.key`. */
export function readProperty(m: Machine, object: Value, key: string): Value {
  switch (object.kind) {
    case 'dict':
      return readDict(m, object, key);
    case 'ref':
      return readRef(m, object, key);
    case 'func':
      return readFunc(m, object, key);
    case 'class':
      return readClass(m, object, key);
    case 'list': {
      const named = m.listProperties.get(object)?.get(key);
      if (named !== undefined) return named;
      const index = /^-?\d+$/.test(key) ? Number(key) : undefined;
      if (index !== undefined) return readIndex(object.items, index, object.open, m);
      break;
    }
    case 'choice':
      return join(object.options.map((option) => readProperty(m, option, key)));
    case 'unknown':
      return object;
    default:
  }
  const own = m.language.library.builtins.readProperty(object, key, m.context);
  if (own !== undefined) return own;
  if (object.kind === 'known') {
    if (object.value === undefined || object.value === null) return missing(m, `Cannot read ${key}`);
    if (typeof object.value === 'string' && /^\d+$/.test(key)) {
      chargeReading(object);
      const char = object.value[Number(key)];
      return char === undefined ? UNDEFINED : known(char, object.labels);
    }
  }
  if (object.kind === 'bytes' && /^\d+$/.test(key)) {
    const byte = object.value[Number(key)];
    return byte === undefined ? UNDEFINED : known(byte, object.labels);
  }
  return methodReference(m, object, key);
}

/** `[].filter`, `''.constructor`: a function of the language itself, as obfuscators use them to reach `Function`. */
function methodReference(m: Machine, object: Value, key: string): Value {
  if (m.activation.env.module.language !== 'javascript') return unknown(object.labels);
  const own = m.refProperties.size > 0 ? builtinMethod(m, object, key) : undefined;
  if (own !== undefined) return own;
  const type =
    object.kind === 'list' ? 'Array' : object.kind === 'known' ? typeName(object.value) : undefined;
  if (type === undefined) return unknown(object.labels);
  if (key === 'constructor') return ref(type);
  if (object.kind === 'list' && object.open) return unknown(labelsOf(object));
  if (
    /^(at|concat|entries|fill|filter|find|flat|flatMap|forEach|includes|indexOf|italics|join|keys|link|map|pop|push|reverse|slice|sort|split|sub|toString|trim)$/.test(
      key,
    )
  ) {
    return ref(`${type}.prototype.${key}`, object.labels);
  }
  return object.kind === 'list' ? UNDEFINED : unknown(object.labels);
}

/** A method the package itself put on a built-in prototype. */
export function builtinMethod(m: Machine, object: Value, key: string): Value | undefined {
  const type =
    object.kind === 'list'
      ? 'Array'
      : object.kind === 'known'
        ? typeName(object.value)
        : object.kind === 'func'
          ? 'Function'
          : 'Object';
  return m.refProperties.get(`${type}.prototype.${key}`);
}

function typeName(value: unknown): string {
  const name = typeof value;
  return name[0]!.toUpperCase() + name.slice(1);
}

function readIndex(items: readonly Value[], index: number, open: boolean, m: Machine): Value {
  const at = index < 0 && m.activation.env.module.language === 'python' ? items.length + index : index;
  const found = items[at];
  if (found !== undefined) return found;
  return open ? unknown(labelsOfItems(items)) : UNDEFINED;
}

/** Reading a property of nothing: caught for sure when a `try` stands right around, else not known. */
function missing(m: Machine, message: string): Value {
  if (m.tryLevel === m.uncertain) throw new ThrowSignal(known(message));
  return unknown(new Set());
}

function readDict(m: Machine, object: Dict, key: string): Value {
  const own = object.entries.get(key);
  if (own !== undefined) return fromEntry(m, own, object);
  const inherited = fromPrototype(m, object, key);
  if (inherited !== undefined) return inherited;
  if (key === '__proto__' && object.prototype !== undefined) return object.prototype;
  if (key === 'constructor' && object.prototype !== undefined && object.prototype.kind !== 'dict')
    return object.prototype;
  if (key === '__class__' && object.prototype?.kind === 'class') return object.prototype;
  const builtin = m.language.library.builtins.readProperty(object, key, m.context);
  if (builtin !== undefined) return builtin;
  if (m.refProperties.size > 0) {
    const added = m.refProperties.get(`Object.prototype.${key}`);
    if (added !== undefined) return added;
  }
  const labels = object.open ? labelsOf(object) : object.labels;
  if (object.open || m.activation.env.module.language === 'python') return unknown(labels);
  return UNDEFINED;
}

function fromEntry(m: Machine, value: Value, receiver: Value): Value {
  if (value.kind === 'func' && value.accessor === 'get')
    return callFunction(m, value, [], NO_KEYWORDS, receiver);
  return value;
}
const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

function fromPrototype(m: Machine, object: Dict, key: string): Value | undefined {
  let at: Value | undefined = object.prototype;
  for (let i = 0; i < 16 && at !== undefined; i++) {
    if (at.kind === 'class') {
      const found = findInClass(m, at, key);
      return found === undefined ? undefined : bind(m, found, object);
    }
    const holder: Value | undefined = at.kind === 'func' ? at.properties.get('prototype') : at;
    if (holder === undefined || holder.kind !== 'dict') return undefined;
    const found = holder.entries.get(key);
    if (found !== undefined) return fromEntry(m, found, object);
    at = holder.prototype;
  }
  return undefined;
}

/** A member of a class or of what it inherits from; members of bases outside the package are references. */
export function findInClass(
  m: Machine,
  start: Class,
  key: string,
  skipOwn = false,
  depth = 0,
): Value | undefined {
  if (!skipOwn) {
    const own = start.methods.get(key) ?? (isPython(m) ? start.statics.get(key) : undefined);
    if (own !== undefined) return own;
  }
  if (depth > 16) return undefined;
  for (const base of start.bases) {
    const found = findInBase(m, base, key, depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInBase(m: Machine, base: Value, key: string, depth: number): Value | undefined {
  if (base.kind === 'class') return findInClass(m, base, key, false, depth + 1);
  if (base.kind === 'ref')
    return base.path.startsWith('builtins.') ? undefined : ref(`${base.path}().${key}`, base.labels);
  if (base.kind === 'func') {
    const prototype = base.properties.get('prototype');
    return prototype?.kind === 'dict' ? prototype.entries.get(key) : undefined;
  }
  if (base.kind === 'choice') {
    for (const option of base.options) {
      const found = findInBase(m, option, key, depth);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const isPython = (m: Machine): boolean => m.activation.env.module.language === 'python';

/** A method taken from an instance: getters run, Python methods carry their instance. */
export function bind(m: Machine, member: Value, instance: Dict): Value {
  if (member.kind === 'choice') return join(member.options.map((option) => bind(m, option, instance)));
  if (member.kind !== 'func') return member;
  if (member.accessor === 'get') return callFunction(m, member, [], NO_KEYWORDS, instance);
  if (!isPython(m) || member.thisValue !== undefined || member.properties.has('%static')) return member;
  if (member.properties.has('%class'))
    return alteredFunc(member, { thisValue: instance.prototype ?? instance });
  return alteredFunc(member, { thisValue: instance });
}

function readFunc(m: Machine, fn: Func, key: string): Value {
  const own = fn.properties.get(key);
  if (own !== undefined) return fromEntry(m, own, fn);
  if (key === 'prototype' && fn.node.flavor !== 'arrow') {
    const prototype = dict(new Map<string, Value>([['constructor', fn]]));
    fn.properties.set('prototype', prototype);
    return prototype;
  }
  if (key === 'name' || key === '__name__') return known(fn.node.name);
  if (key === 'length') return known(fn.node.params.length);
  if (key === 'constructor') return ref('Function');
  if (key === '__globals__' || key === 'func_globals') return pythonNamespace(fn);
  return m.language.library.builtins.readProperty(fn, key, m.context) ?? UNDEFINED;
}

function pythonNamespace(fn: Func): Value {
  let at = fn.scope as Env;
  while (at.parent !== undefined) at = at.parent;
  return namespaceOf(at);
}

function readClass(m: Machine, cls: Class, key: string): Value {
  const own = cls.statics.get(key);
  if (own !== undefined) return fromEntry(m, own, cls);
  if (key === 'prototype') return dict(cls.methods, false, cls.labels);
  if (key === 'name' || key === '__name__') return known(cls.node.name);
  if (isPython(m)) {
    const method = findInClass(m, cls, key);
    if (method !== undefined) {
      return method.kind === 'func' && method.properties.has('%class')
        ? alteredFunc(method, { thisValue: cls })
        : method;
    }
  }
  for (const base of cls.bases) {
    if (base.kind === 'class') {
      const found = readClass(m, base, key);
      if (found !== UNDEFINED) return found;
    } else if (base.kind === 'ref') return extend(base, key);
  }
  return UNDEFINED;
}

function readRef(m: Machine, object: Value & { kind: 'ref' }, key: string): Value {
  if (GLOBAL_OBJECTS.has(object.path) && !isPython(m)) {
    return (
      m.refProperties.get(key) ??
      lookup(m.activation.env.module.env, key) ??
      m.language.library.builtins.global(key)
    );
  }
  if (key === 'default' && !object.path.includes('(')) return object;
  if (
    key === 'constructor' &&
    /^(Array|String|Number|Function|Object|Boolean)\.prototype\.\w+$/.test(object.path)
  ) {
    return ref('Function');
  }
  const next = extend(object, key);
  if (next.kind !== 'ref') return next;
  if (m.refProperties.size > 0) {
    const assigned = m.refProperties.get(next.path);
    if (assigned !== undefined) return assigned;
  }
  return fireRead(m, next, false);
}

/** Writes `object.key = value`. Under an unknown condition the old value stays possible. */
export function writeProperty(m: Machine, object: Value, key: string, value: Value): void {
  switch (object.kind) {
    case 'dict':
      if (key === '__proto__' && (value.kind === 'dict' || value.kind === 'class')) {
        inheritFrom(object, value);
        return;
      }
      writeEntry(m, object, key, value);
      return;
    case 'func':
    case 'class':
      writeEntry(m, object, key, value);
      return;
    case 'list':
      if (!/^(?:-?\d+|length)$/.test(key)) {
        // A name on an array: decoders keep what they decoded on `arguments`.
        const named = m.listProperties.get(object) ?? new Map<string, Value>();
        m.listProperties.set(object, named);
        if (named.size < 5000) named.set(key, value);
        return;
      }
      m.changing(object);
      writeItem(m, object, key, value);
      return;
    case 'choice':
      for (const option of object.options) writeProperty(m, option, key, value);
      return;
    case 'bytes':
      // Out of range is ignored by typed arrays; what is not known becomes zero.
      if (/^\d+$/.test(key)) {
        object.value[Number(key)] = value.kind === 'known' ? Number(value.value) : 0;
      }
      return;
    case 'ref': {
      const path = GLOBAL_OBJECTS.has(object.path) && !isPython(m) ? key : `${object.path}.${key}`;
      fireWrite(m, path, value, object);
      if (m.refProperties.size < 5000) m.refProperties.set(path, value);
      return;
    }
    default:
  }
}

function writeEntry(m: Machine, holder: Dict | Func | Class, key: string, value: Value): void {
  const entries =
    holder.kind === 'dict' ? holder.entries : holder.kind === 'func' ? holder.properties : holder.statics;
  const old = entries.get(key);
  if (old?.kind === 'func' && old.accessor === 'get') return;
  if (value.kind === 'func' && !m.homes.has(value.node)) m.homes.set(value.node, holder);
  if (entries.size > LIMITS.listLength) return;
  const setter = entries.get(`%set:${key}`);
  if (setter?.kind === 'func') callFunction(m, setter, [value], NO_KEYWORDS, holder);
  setMember(holder, key, m.uncertain > 0 && old !== undefined ? join([value, old]) : value);
}

/** Sets a member of what has members, nothing on other values. */
export function setMember(holder: Value, key: string, value: Value): void {
  if (holder.kind === 'dict') setEntry(holder, key, value);
  else if (holder.kind === 'func') holder.properties.set(key, value);
  else if (holder.kind === 'class') holder.statics.set(key, value);
}

/** Numbers put into a table one by one, as ciphers do before they decode: a tenth of a decoding operation. */
const TABLE_WRITE = 0.1;

function writeItem(m: Machine, holder: List, key: string, value: Value): void {
  const items = itemsToChange(holder);
  if (key === 'length') {
    const length = value.kind === 'known' ? value.value : undefined;
    // A length no list can have is an error of the program that is read, not of the reader.
    if (typeof length === 'number' && Number.isInteger(length) && length >= 0 && length < items.length)
      items.length = length;
    return;
  }
  const index = Number(key);
  if (!Number.isInteger(index)) return;
  const at = index < 0 ? items.length + index : index;
  if (at < 0 || at > LIMITS.listLength) {
    holder.open = true;
    return;
  }
  while (items.length < at) items.push(UNDEFINED);
  items[at] = value;
  if (value.kind === 'known' && typeof value.value === 'number') m.decoded += TABLE_WRITE;
}

/** Reads with a key that may not be known. */
export function readIndexed(m: Machine, object: Value, index: Value): Value {
  if (object.kind === 'choice') return join(object.options.map((option) => readIndexed(m, option, index)));
  if (index.kind === 'choice') return join(index.options.map((option) => readIndexed(m, object, option)));
  const key = keyOf(m, index);
  if (key !== undefined) {
    if (object.kind === 'known' && typeof object.value === 'string' && /^-\d+$/.test(key) && isPython(m)) {
      chargeReading(object);
      const char = object.value.at(Number(key));
      return char === undefined ? UNDEFINED : known(char, object.labels);
    }
    if (object.kind === 'bytes' && /^-?\d+$/.test(key)) {
      const byte = object.value.at(Number(key));
      return byte === undefined ? UNDEFINED : known(byte, object.labels);
    }
    if (object.kind === 'unknown' && index.labels.size > 0)
      return unknown(new Set([...object.labels, ...index.labels]));
    return readProperty(m, object, key);
  }
  if (object.kind === 'ref') {
    const member = extend(object, '?');
    return member.kind === 'ref' ? fireRead(m, member, false) : member;
  }
  if (object.kind === 'dict' && object.entries.size > 0 && object.entries.size <= 64) {
    const functions = [...object.entries.values()].filter(
      (v) => v.kind === 'func' || v.kind === 'ref' || v.kind === 'class',
    );
    if (functions.length > 0) return join(functions);
  }
  if (object.kind === 'list' && object.items.length > 0) return elementOf(object);
  return unknown(new Set([...labelsOf(object), ...index.labels]));
}

export function writeIndexed(m: Machine, object: Value, index: Value, value: Value): void {
  const key = keyOf(m, index.kind === 'choice' ? index.options[0]! : index);
  if (key !== undefined) {
    writeProperty(m, object, key, value);
    return;
  }
  if (object.kind === 'dict') {
    object.open = true;
    setEntry(object, '?', join([object.entries.get('?'), value]));
  } else if (object.kind === 'list') {
    object.open = true;
    if (object.items.length < 64) itemsToChange(object).push(value);
  } else if (object.kind === 'ref') {
    writeProperty(m, object, '?', value);
  }
}

/** The property name a value is used as, when known. */
export function keyOf(m: Machine, index: Value): string | undefined {
  if (index.kind === 'known') {
    chargeReading(index);
    return plainText(index.value);
  }
  if (index.kind === 'list' || index.kind === 'bytes') return m.language.library.builtins.stringify(index);
  return undefined;
}
