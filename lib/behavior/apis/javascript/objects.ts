/** `Object`, `Reflect`, `JSON` and the methods every object has. */
import type { Context } from '../../api.js';
import {
  alteredFunc,
  type Dict,
  dict,
  inheritFrom,
  known,
  type Labels,
  list,
  NO_LABELS,
  ref,
  relabel,
  union,
  unknown,
  type Value,
} from '../../values.js';
import { stringify, toPrimitive } from './operators.js';

const UNDEFINED = known(undefined);
const MAX_ENTRIES = 20_000;

const keyText = (value: Value | undefined): string | undefined =>
  value === undefined ? undefined : stringify(value);

function entriesOf(value: Value | undefined): [string, Value][] | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'dict') return value.open ? undefined : [...value.entries];
  if (value.kind === 'list') return value.open ? undefined : value.items.map((item, i) => [String(i), item]);
  if (value.kind === 'known' && typeof value.value === 'string') {
    return [...value.value].map((c, i) => [String(i), known(c, value.labels)]);
  }
  if (value.kind === 'func') return [...value.properties];
  return undefined;
}

export function objectCall(name: string, args: readonly Value[], context: Context): Value | undefined {
  const [target] = args;
  switch (name) {
    case 'keys':
    case 'getOwnPropertyNames': {
      const entries = entriesOf(target);
      return entries && list(entries.map(([key]) => known(key)));
    }
    case 'values': {
      const entries = entriesOf(target);
      return entries && list(entries.map(([, value]) => value));
    }
    case 'entries': {
      const entries = entriesOf(target);
      return entries && list(entries.map(([key, value]) => list([known(key), value])));
    }
    case 'assign':
      return assign(args, context);
    case 'freeze':
    case 'seal':
    case 'preventExtensions':
    case 'setPrototypeOf':
      if (name === 'setPrototypeOf' && target?.kind === 'dict') setPrototype(target, args[1]);
      return target;
    case 'isFrozen':
    case 'isSealed':
      return known(false);
    case 'create': {
      const made = dict();
      setPrototype(made, target);
      return made;
    }
    case 'fromEntries': {
      if (target?.kind !== 'list' || target.open) return undefined;
      const entries = new Map<string, Value>();
      let open = false;
      for (const pair of target.items) {
        const key = pair.kind === 'list' ? keyText(pair.items[0]) : undefined;
        if (key === undefined || pair.kind !== 'list') open = true;
        else entries.set(key, pair.items[1] ?? UNDEFINED);
      }
      return dict(entries, open);
    }
    case 'defineProperty': {
      const key = keyText(args[1]);
      if (target !== undefined && key !== undefined) define(target, key, args[2], context);
      return target;
    }
    case 'defineProperties': {
      for (const [key, descriptor] of entriesOf(args[1]) ?? []) define(target!, key, descriptor, context);
      return target;
    }
    case 'getOwnPropertyDescriptor': {
      const value = context.property(target, keyText(args[1]) ?? '');
      return value === undefined ? UNDEFINED : dict(new Map([['value', value]]));
    }
    case 'is':
      return undefined;
    case 'hasOwn': {
      const key = keyText(args[1]);
      return target?.kind === 'dict' && key !== undefined && !target.open
        ? known(target.entries.has(key))
        : undefined;
    }
    default:
      return undefined;
  }
}

function setPrototype(target: Dict, prototype: Value | undefined): void {
  if (prototype?.kind === 'dict' || prototype?.kind === 'class' || prototype?.kind === 'func') {
    inheritFrom(target, prototype);
  } else if (prototype !== undefined && prototype.kind !== 'known') {
    target.open = true;
  }
}

function define(target: Value, key: string, descriptor: Value | undefined, context: Context): void {
  const value = context.property(descriptor, 'value');
  if (value !== undefined && !(value.kind === 'known' && value.value === undefined)) {
    context.setProperty(target, key, value);
    return;
  }
  const getter = context.property(descriptor, 'get');
  if (getter?.kind === 'func') context.setProperty(target, key, alteredFunc(getter, { accessor: 'get' }));
  else if (getter !== undefined) context.setProperty(target, key, unknown(getter.labels));
}

function assign(args: readonly Value[], context: Context): Value | undefined {
  const [target, ...sources] = args;
  if (target === undefined) return undefined;
  let labels: Labels = NO_LABELS;
  for (const source of sources) {
    labels = union(labels, context.labelsOf(source));
    const entries = entriesOf(source) ?? (source.kind === 'dict' ? [...source.entries] : []);
    if (entries.length > MAX_ENTRIES) continue;
    for (const [key, value] of entries) context.setProperty(target, key, value);
    if (target.kind === 'dict') {
      const isOpen =
        source.kind === 'dict' ? source.open : source.kind === 'ref' || source.kind === 'unknown';
      target.open ||= isOpen;
      if (isOpen) relabel(target, union(target.labels, source.labels));
    }
  }
  if (target.kind === 'ref') return ref(target.path, union(target.labels, labels), target.args);
  if (target.kind === 'unknown') return unknown(union(target.labels, labels), target.partial);
  return target;
}

export function reflectCall(name: string, args: readonly Value[], context: Context): Value | undefined {
  const [target, second, third] = args;
  switch (name) {
    case 'get': {
      const key = keyText(second);
      return key === undefined ? undefined : context.property(target, key);
    }
    case 'set': {
      const key = keyText(second);
      if (target !== undefined && key !== undefined && third !== undefined)
        context.setProperty(target, key, third);
      return known(true);
    }
    case 'apply':
      if (target === undefined) return undefined;
      return context.call(target, third?.kind === 'list' ? third.items : [], second);
    case 'construct':
      if (target === undefined) return undefined;
      return context.call(target, second?.kind === 'list' ? second.items : []);
    case 'ownKeys':
      return objectCall('keys', args, context);
    default:
      return undefined;
  }
}

/** Methods of objects made by the package, where the package defined none of that name. */
export function dictMethod(receiver: Dict, name: string, args: readonly Value[]): Value | undefined {
  switch (name) {
    case 'hasOwnProperty':
    case 'propertyIsEnumerable': {
      const key = keyText(args[0]);
      if (key === undefined || receiver.open) return undefined;
      return known(receiver.entries.has(key));
    }
    case 'toString':
    case 'toLocaleString':
      return receiver.open ? undefined : known('[object Object]');
    case 'valueOf':
      return receiver;
    default:
      return undefined;
  }
}

export function jsonCall(name: string, args: readonly Value[], context: Context): Value | undefined {
  const [value] = args;
  if (name === 'parse') {
    const text = value === undefined ? undefined : toPrimitive(value)?.value;
    if (typeof text !== 'string' || text.length > 4 << 20) return undefined;
    try {
      return fromJson(JSON.parse(text), value!.labels, 0);
    } catch {
      return undefined;
    }
  }
  if (name === 'stringify' && value !== undefined) {
    const state = { left: 5000 };
    const json = toJson(value, 0, state);
    const labels = context.labelsOf(value);
    if (json === undefined) return unknown(labels);
    return known(JSON.stringify(json.value), labels);
  }
  return undefined;
}

export function fromJson(json: unknown, labels: Labels, depth: number): Value {
  if (depth > 64) return unknown(labels);
  if (Array.isArray(json)) return list(json.map((item) => fromJson(item, labels, depth + 1)));
  if (typeof json === 'object' && json !== null) {
    return dict(new Map(Object.entries(json).map(([key, item]) => [key, fromJson(item, labels, depth + 1)])));
  }
  return known(json as string, labels);
}

function toJson(value: Value, depth: number, state: { left: number }): { value: unknown } | undefined {
  state.left -= 1;
  if (depth > 32 || state.left < 0) return undefined;
  switch (value.kind) {
    case 'known':
      return typeof value.value === 'bigint' ? undefined : { value: value.value };
    case 'list': {
      if (value.open) return undefined;
      const items = value.items.map((item) => toJson(item, depth + 1, state));
      return items.includes(undefined) ? undefined : { value: items.map((i) => i!.value) };
    }
    case 'dict': {
      if (value.open || value.prototype !== undefined || value.entries.has('toJSON')) return undefined;
      const out = Object.create(null) as Record<string, unknown>;
      for (const [key, item] of value.entries) {
        if (item.kind === 'func') continue;
        const inner = toJson(item, depth + 1, state);
        if (inner === undefined) return undefined;
        out[key] = inner.value;
      }
      return { value: out };
    }
    default:
      return undefined;
  }
}

export const objectConstructor = (): Value => ref('Object');
