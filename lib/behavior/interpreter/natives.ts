/**
 * Functions of the two languages that act on the interpreter's own structures: module loading, reflection, binding,
 * promises. What a library function does to the world is a rule in `apis/`, not here.
 */
import {
  alteredFunc,
  dict,
  inheritFrom,
  itemsToChange,
  known,
  list,
  NO_LABELS,
  type Ref,
  ref,
  UNKNOWN,
  unknown,
  type Value,
} from '../values.js';
import { callMember, callValue, listItems } from './calls.js';
import type { Machine } from './machine.js';
import { importJavaScript, importPython, importUnknown, resolveInstalled } from './modules.js';
import { join, labelsOf, labelsOfAll, textOf, UNDEFINED } from './operations.js';
import { keyOf, readProperty, setMember, writeProperty } from './properties.js';
import { moduleEnv, namespaceOf } from './scope.js';
import { NO_KEYWORDS } from './sites.js';

type Keywords = ReadonlyMap<string, Value>;

/** The result when the reference is one of these, undefined otherwise. */
export function callNative(
  m: Machine,
  callee: Ref,
  args: readonly Value[],
  keywords: Keywords,
  receiver: Value | undefined,
  isNew: boolean,
): Value | undefined {
  return m.activation.env.module.language === 'javascript'
    ? javascript(m, callee, args, receiver, isNew)
    : python(m, callee, args, keywords);
}

const REQUIRE =
  /^(require|module\.require|process\.mainModule\.require|require\.main\.require|module\.parent\.require|(?:module|process\.mainModule|require\.main)\.constructor\._load|module\.Module\._load|module\.createRequire\(\)|createRequire\(\)|module\._load)$/;

function javascript(
  m: Machine,
  callee: Ref,
  args: readonly Value[],
  receiver: Value | undefined,
  isNew: boolean,
): Value | undefined {
  const path = callee.path;
  if (path === 'require' || (path.length > 8 && REQUIRE.test(path))) return requireValue(m, args[0]);
  const dot = path.lastIndexOf('.');
  const last = path.slice(dot + 1);
  if (dot > 0) {
    if (last === 'call' && receiver !== undefined) return callThis(m, receiver, args[0], args.slice(1));
    if (last === 'apply' && receiver !== undefined && path !== 'Reflect.apply') {
      return callThis(m, receiver, args[0], listItems(args[1]));
    }
    if (last === 'bind' && receiver?.kind === 'ref') {
      return args.length <= 1 ? receiver : ref('%bound', labelsOfAll(args), [receiver, ...args.slice(1)]);
    }
  }
  switch (path) {
    case '%bound':
      return callValue(
        m,
        callee.args?.[0] ?? UNKNOWN,
        [...(callee.args?.slice(1) ?? []), ...args],
        NO_KEYWORDS,
        undefined,
        isNew,
      );
    case '%resolve':
      if (callee.args?.[0]?.kind === 'list') itemsToChange(callee.args[0]).push(args[0] ?? UNDEFINED);
      return UNDEFINED;
    case 'require.resolve':
    case 'import.meta.resolve':
      return resolveInstalled(m, args[0]);
    case 'Reflect.apply':
      return callValue(m, args[0] ?? UNKNOWN, listItems(args[2]), NO_KEYWORDS, args[1], false);
    case 'Reflect.construct':
      return callValue(m, args[0] ?? UNKNOWN, listItems(args[1]), NO_KEYWORDS, undefined, true);
    case 'Reflect.get':
      return readKey(m, args[0], args[1]);
    case 'Reflect.set':
      if (args[0] !== undefined && args[2] !== undefined) writeKey(m, args[0], args[1], args[2]);
      return known(true);
    case 'Object.defineProperty':
    case 'Reflect.defineProperty':
      return defineProperty(m, args[0], args[1], args[2]);
    case 'Object.defineProperties':
      if (args[1]?.kind === 'dict')
        for (const [k, v] of args[1].entries) defineProperty(m, args[0], known(k), v);
      return args[0];
    case 'Object.create': {
      const proto = args[0];
      const inherited = proto?.kind === 'dict' || proto?.kind === 'class' ? proto : undefined;
      const open = proto?.kind !== 'dict' && proto?.kind !== 'known';
      const made = dict(new Map(), open, NO_LABELS, inherited);
      if (args[1]?.kind === 'dict')
        for (const [k, v] of args[1].entries) defineProperty(m, made, known(k), v);
      return made;
    }
    case 'Object.setPrototypeOf':
      if (args[0]?.kind === 'dict' && (args[1]?.kind === 'dict' || args[1]?.kind === 'class'))
        inheritFrom(args[0], args[1]);
      return args[0];
    case 'Object.getPrototypeOf':
      return args[0]?.kind === 'dict' && args[0].prototype !== undefined ? args[0].prototype : undefined;
    case 'util.inherits':
    case 'inherits':
      return inherits(m, args[0], args[1]);
    case 'Proxy':
      return isNew ? proxy(m, args) : undefined;
    case 'Promise':
      return isNew ? promise(m, args[0]) : undefined;
    case 'Promise.resolve':
      return args[0] ?? UNDEFINED;
    case 'Promise.all':
    case 'Promise.allSettled':
      return list([...listItems(args[0])]);
    case 'Promise.race':
    case 'Promise.any':
      return join(listItems(args[0]));
    default:
      return undefined;
  }
}

function requireValue(m: Machine, name: Value | undefined): Value {
  const results: Value[] = [];
  const options = name?.kind === 'choice' ? name.options : [name];
  for (const option of options) {
    const text = textOf(option);
    results.push(text === undefined ? importUnknown(m, option) : importJavaScript(m, text, option?.labels));
  }
  return join(results);
}

/** `f.call(this, …)` on a reference or on a method of a known value. */
function callThis(m: Machine, receiver: Value, thisValue: Value | undefined, args: readonly Value[]): Value {
  if (receiver.kind === 'ref') {
    const method = /^(?:Array|String|Object|Function|Number)\.prototype\.(\w+)$/.exec(receiver.path)?.[1];
    if (method !== undefined && thisValue !== undefined)
      return callMember(m, thisValue, method, args, NO_KEYWORDS, false);
  }
  return callValue(m, receiver, args, NO_KEYWORDS, thisValue, false);
}

function readKey(m: Machine, object: Value | undefined, key: Value | undefined): Value | undefined {
  const name = key === undefined ? undefined : keyOf(m, key);
  return object === undefined || name === undefined ? undefined : readProperty(m, object, name);
}

function writeKey(m: Machine, object: Value, key: Value | undefined, value: Value): void {
  const name = key === undefined ? undefined : keyOf(m, key);
  if (name !== undefined) writeProperty(m, object, name, value);
}

/** Getters stay getters: TypeScript and bundlers export through them. */
function defineProperty(
  m: Machine,
  object: Value | undefined,
  key: Value | undefined,
  descriptor: Value | undefined,
): Value | undefined {
  const name = textOf(key);
  if (object === undefined) return undefined;
  if (name === undefined || descriptor?.kind !== 'dict') return object;
  const getter = descriptor.entries.get('get');
  const setter = descriptor.entries.get('set');
  const value = descriptor.entries.get('value');
  if (getter?.kind === 'func') setMember(object, name, alteredFunc(getter, { accessor: 'get' }));
  if (setter?.kind === 'func') setMember(object, `%set:${name}`, setter);
  if (value !== undefined) writeProperty(m, object, name, value);
  return object;
}

function inherits(m: Machine, child: Value | undefined, parent: Value | undefined): Value | undefined {
  if (child?.kind !== 'func') return undefined;
  const prototype = readProperty(m, child, 'prototype');
  if (prototype.kind === 'dict' && (parent?.kind === 'func' || parent?.kind === 'class'))
    inheritFrom(prototype, parent);
  return UNDEFINED;
}

/** A proxy is its target; its handler's functions run when it is used, which is taken to happen. */
function proxy(m: Machine, args: readonly Value[]): Value {
  const handler = args[1];
  if (handler?.kind === 'dict') {
    for (const trap of [...handler.entries.values()]) {
      if (trap.kind === 'func') callValue(m, trap, [args[0] ?? UNKNOWN], NO_KEYWORDS, handler, false);
    }
  }
  return args[0] ?? UNKNOWN;
}

/** A promise stands for the value it resolves to. */
function promise(m: Machine, executor: Value | undefined): Value {
  const settled = list([]);
  if (executor !== undefined) {
    callValue(
      m,
      executor,
      [ref('%resolve', new Set(), [settled]), ref('%reject')],
      NO_KEYWORDS,
      undefined,
      false,
    );
  }
  return settled.items.length === 0 ? unknown(labelsOf(executor)) : join(settled.items);
}

function python(m: Machine, callee: Ref, args: readonly Value[], keywords: Keywords): Value | undefined {
  switch (callee.path) {
    case 'builtins.__import__': {
      const name = textOf(args[0]);
      if (name === undefined) return importUnknown(m, args[0]);
      const module = importPython(m, name, args[0]?.labels);
      const fromList = args[3] ?? keywords.get('fromlist');
      // Without a fromlist `__import__('a.b')` is `a`.
      return name.includes('.') && (fromList === undefined || listItems(fromList).length === 0)
        ? importPython(m, name.slice(0, name.indexOf('.')))
        : module;
    }
    case 'importlib.import_module':
    case 'importlib.__import__': {
      const name = textOf(args[0]);
      return name === undefined ? importUnknown(m, args[0]) : importPython(m, name, args[0]?.labels);
    }
    case 'builtins.globals':
      return namespaceOf(moduleEnv(m.activation.env));
    case 'builtins.locals':
      return namespaceOf(m.activation.env);
    case 'builtins.vars':
      return args.length === 0 ? namespaceOf(m.activation.env) : varsOf(args[0]!);
    case 'builtins.super':
      return ref('%super');
    case 'builtins.property':
      return args[0]?.kind === 'func' ? alteredFunc(args[0], { accessor: 'get' }) : undefined;
    case 'builtins.staticmethod':
      return mark(args[0], '%static');
    case 'builtins.classmethod':
      return mark(args[0], '%class');
    case 'functools.partial': {
      const fn = args[0];
      if (fn?.kind === 'func')
        return alteredFunc(fn, { boundArgs: [...(fn.boundArgs ?? []), ...args.slice(1)] });
      return fn === undefined ? undefined : ref('%bound', labelsOfAll(args), args);
    }
    case '%bound':
      return callValue(
        m,
        callee.args?.[0] ?? UNKNOWN,
        [...(callee.args?.slice(1) ?? []), ...args],
        keywords,
        undefined,
        false,
      );
    default:
      return undefined;
  }
}

function mark(value: Value | undefined, key: string): Value | undefined {
  if (value?.kind !== 'func') return undefined;
  const marked = alteredFunc(value, { properties: new Map(value.properties) });
  marked.properties.set(key, known(true));
  return marked;
}

function varsOf(object: Value): Value | undefined {
  if (object.kind === 'class') return dict(object.methods, true, object.labels);
  return object.kind === 'dict' || object.kind === 'ref' ? object : undefined;
}
