/** Names: where they are looked up and written, in both languages. */
import { type Dict, dict, known, type Value } from '../values.js';
import type { Env, Machine, Module } from './machine.js';
import { join, UNDEFINED } from './operations.js';

/** The value of a name, undefined when no scope holds it. */
export function lookup(env: Env, name: string): Value | undefined {
  let inner = true;
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    // A Python class body is seen by its own statements, not by the methods inside.
    if (at.isClassBody && !inner) continue;
    const found = at.names.get(name);
    if (found !== undefined) return found;
    const alias = at.aliases?.get(name);
    if (alias !== undefined) return readExport(alias.module, alias.name) ?? UNDEFINED;
    if (at.isFunction) inner = false;
  }
  return undefined;
}

/** A named export as it is now. `default` of a CommonJS module is its `module.exports`. */
export function readExport(module: Module, name: string, depth = 0): Value | undefined {
  const link = module.exports.get(name);
  if (link !== undefined) return lookup(link.env, link.local);
  const space = module.namespace;
  if (space.kind === 'dict') {
    const own = space.entries.get(name);
    if (own !== undefined && (module.isEsModule || name !== 'default')) return own;
    if (module.isEsModule && depth < 8) {
      for (const star of module.starExports) {
        const found = name === 'default' ? undefined : readExport(star, name, depth + 1);
        if (found !== undefined) return found;
      }
      return undefined;
    }
  }
  return name === 'default' ? space : undefined;
}

/** A scope as a dict that shares its names, as `globals()` does. */
export function namespaceOf(env: Env): Dict {
  env.isDict = true;
  return dict(env.names, true);
}

/** The nearest scope a function makes. */
export function functionEnv(env: Env): Env {
  let at = env;
  while (!at.isFunction && at.parent !== undefined) at = at.parent;
  return at;
}

/** The scope of the file, also from within code that is evaluated in it. */
export function moduleEnv(env: Env): Env {
  let at = env;
  while (at.parent !== undefined) at = at.parent;
  return at;
}

/** Writes a name in a scope; under an unknown condition the old value is kept for the other branch. */
export function setIn(m: Machine, env: Env, name: string, value: Value): void {
  if (m.trail !== undefined && env.serial <= m.trailSerial) {
    m.trail.push({ env, key: name, old: env.names.get(name) });
  }
  env.set(name, value);
}

/** JavaScript: `var` belongs to the function, `let` and `const` to the block; a plain write goes where the name is. */
export function assignName(
  m: Machine,
  env: Env,
  name: string,
  value: Value,
  declare: 'var' | 'let' | 'const' | undefined,
): void {
  if (env.module.language === 'python') {
    assignPython(m, env, name, value);
    return;
  }
  if (declare === 'let' || declare === 'const') {
    setIn(m, env, name, value);
    return;
  }
  if (declare === 'var') {
    setIn(m, functionEnv(env), name, value);
    return;
  }
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    if (at.names.has(name)) {
      setIn(m, at, name, value);
      return;
    }
  }
  // Sloppy mode: an undeclared name is a property of the global object, seen by every file of the process.
  m.refProperties.set(name, value);
}

function assignPython(m: Machine, env: Env, name: string, value: Value): void {
  const own = functionEnv(env);
  const outer = own.outer?.get(name);
  if (outer === 'global') {
    setIn(m, moduleEnv(env), name, value);
    return;
  }
  if (outer === 'nonlocal') {
    for (let at = own.parent; at !== undefined; at = at.parent) {
      if (at.isFunction && !at.isClassBody && at.names.has(name)) {
        setIn(m, at, name, value);
        return;
      }
    }
  }
  setIn(m, own, name, value);
}

/** `this` of the nearest function that has one of its own (arrow functions have none). */
export function thisOf(env: Env): Value {
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    if (at.thisValue !== undefined) return at.thisValue;
  }
  return UNDEFINED;
}

export function argumentsOf(env: Env): readonly Value[] {
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    if (at.args !== undefined) return at.args;
  }
  return [];
}

export function homeClassOf(env: Env): Env['homeClass'] {
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) {
    if (at.homeClass !== undefined) return at.homeClass;
  }
  return undefined;
}

/**
 * Walks branches of which one is taken, nobody knows which: each starts from the same names, and what they leave
 * behind is joined. A branch that returns or throws leaves nothing behind. Returns what each branch returned.
 */
export function branches<T>(m: Machine, thunks: readonly (() => T)[], leaves: (result: T) => boolean): T[] {
  const outerTrail = m.trail;
  const outerSerial = m.trailSerial;
  const serial = m.serial;
  const results: T[] = [];
  let touched: Map<Env, Map<string, Touched>> | undefined;
  let live = 0;
  for (const thunk of thunks) {
    const log: NonNullable<Machine['trail']> = [];
    m.trail = log;
    m.trailSerial = serial;
    m.uncertain++;
    let dropped = true;
    try {
      const result = thunk();
      results.push(result);
      dropped = leaves(result);
    } finally {
      m.uncertain--;
      if (!dropped) live++;
      if (log.length > 0) {
        touched ??= new Map();
        collect(touched, log, dropped);
      }
      m.trail = outerTrail;
      m.trailSerial = outerSerial;
    }
  }
  if (touched === undefined) return results;
  for (const [env, group] of touched) {
    for (const [key, { old, news }] of group) {
      if (news.length === 0) continue;
      if (env.serial <= outerSerial) outerTrail?.push({ env, key, old });
      env.set(key, join(news.length < live ? [...news, old] : news));
    }
  }
  return results;
}

/** A name that branches wrote: its value before them, and what each left in it. */
interface Touched {
  readonly old: Value | undefined;
  readonly news: Value[];
}

/** Takes back what a branch wrote and notes it. */
function collect(
  touched: Map<Env, Map<string, Touched>>,
  log: NonNullable<Machine['trail']>,
  dropped: boolean,
): void {
  for (const [env, values] of undo(log)) {
    let group = touched.get(env);
    if (group === undefined) {
      group = new Map();
      touched.set(env, group);
    }
    for (const [key, value] of values) {
      let record = group.get(key);
      if (record === undefined) {
        record = { old: env.names.get(key), news: [] };
        group.set(key, record);
      }
      if (!dropped && value !== undefined) record.news.push(value);
    }
  }
}

/** Takes a branch's writes back and returns what it had written last. */
function undo(log: NonNullable<Machine['trail']>): Map<Env, Map<string, Value | undefined>> {
  const finals = new Map<Env, Map<string, Value | undefined>>();
  for (let i = log.length - 1; i >= 0; i--) {
    const { env, key, old } = log[i]!;
    let values = finals.get(env);
    if (values === undefined) {
      values = new Map();
      finals.set(env, values);
    }
    if (!values.has(key)) values.set(key, env.names.get(key));
    if (old === undefined) env.delete(key);
    else env.set(key, old);
  }
  return finals;
}

/** Names every module of the language starts with. */
export function seed(env: Env, names: Readonly<Record<string, Value | string>>): void {
  for (const [name, value] of Object.entries(names)) {
    env.set(name, typeof value === 'string' ? known(value) : value);
  }
}

/** Names that `from x import *` hardly ever hides. */
export const PYTHON_BUILTINS = new Set(
  'abs all any bin bool bytearray bytes callable chr classmethod compile complex delattr dict dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash hex id input int isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print property range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip __import__ unicode xrange raw_input Exception BaseException ValueError TypeError KeyError ImportError OSError IOError NotImplementedError __builtins__'.split(
    ' ',
  ),
);
