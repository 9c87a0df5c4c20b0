/** Import and export statements of both languages. */
import type { Statement } from '../ir.js';
import { ref, setEntry, UNKNOWN, type Value } from '../values.js';
import type { Env, Machine, Module } from './machine.js';
import { importJavaScript, importPython, loadJavaScript, loadPython } from './modules.js';
import { readProperty } from './properties.js';
import { assignName, moduleEnv, PYTHON_BUILTINS, setIn } from './scope.js';
import { fireImport, fireRead } from './sites.js';

type Import = Statement & { type: 'import' };

export function importStatement(m: Machine, node: Import, env: Env): void {
  if (node.style === 'from') importFrom(m, node, env);
  else if (env.module.language === 'javascript') importEs(m, node, env);
  else importPlain(m, node, env);
}

function importEs(m: Machine, node: Import, env: Env): void {
  env.module.isEsModule = true;
  const loaded = loadJavaScript(m, node.source);
  m.position = node;
  if (loaded !== undefined && !('kind' in loaded)) {
    env.aliases ??= new Map();
    for (const binding of node.bindings) {
      if (binding.imported === '*') setIn(m, env, binding.local, loaded.namespace);
      else env.aliases.set(binding.local, { module: loaded, name: binding.imported });
    }
    return;
  }
  const value = loaded ?? importJavaScript(m, node.source);
  m.position = node;
  for (const binding of node.bindings) {
    const whole = binding.imported === '*' || binding.imported === 'default';
    setIn(m, env, binding.local, whole ? value : readProperty(m, value, binding.imported));
  }
}

export function exportStatement(m: Machine, node: Statement & { type: 'export' }, env: Env): void {
  const module = env.module;
  module.isEsModule = true;
  if (node.source === undefined) {
    for (const binding of node.bindings) module.exports.set(binding.exported, { env, local: binding.local });
    return;
  }
  const loaded = loadJavaScript(m, node.source);
  m.position = node;
  if (loaded !== undefined && !('kind' in loaded)) {
    reexport(m, node, module, loaded, env);
    return;
  }
  const value = loaded ?? importJavaScript(m, node.source);
  if (module.namespace.kind !== 'dict') return;
  for (const { local, exported } of node.bindings) {
    const whole = local === '*' || local === 'default';
    if (exported !== '*') setEntry(module.namespace, exported, whole ? value : readProperty(m, value, local));
    else module.namespace.open = true;
  }
}

function reexport(
  m: Machine,
  node: Statement & { type: 'export' },
  module: Module,
  loaded: Module,
  _env: Env,
): void {
  for (const { local, exported } of node.bindings) {
    if (exported === '*') module.starExports.push(loaded);
    else if (local === '*') {
      if (module.namespace.kind === 'dict') setEntry(module.namespace, exported, loaded.namespace);
    } else {
      // A hidden local alias keeps the link live.
      const name = `%reexport:${exported}`;
      module.env.aliases ??= new Map();
      module.env.aliases.set(name, { module: loaded, name: local });
      module.exports.set(exported, { env: module.env, local: name });
    }
  }
  m.position = node;
}

/** `import a.b` binds `a`; `import a.b as c` binds the submodule. */
function importPlain(m: Machine, node: Import, env: Env): void {
  const value = importPython(m, node.source);
  m.position = node;
  for (const binding of node.bindings) {
    const top =
      node.style === 'python-import' &&
      node.source.includes('.') &&
      binding.local === node.source.slice(0, node.source.indexOf('.'));
    assignName(m, env, binding.local, top ? topOf(m, node.source) : value, undefined);
  }
}

function topOf(m: Machine, source: string): Value {
  const name = source.slice(0, source.indexOf('.'));
  return loadPython(m, name)?.namespace ?? ref(name);
}

function importFrom(m: Machine, node: Import, env: Env): void {
  const module = loadPython(m, node.source);
  m.position = node;
  if (module !== undefined) {
    for (const { imported, local } of node.bindings) importOne(m, node, module, imported, local, env);
    return;
  }
  const relative = node.source.startsWith('.');
  const value = relative ? UNKNOWN : fireImport(m, node.source);
  for (const { imported, local } of node.bindings) {
    if (imported === '*') {
      if (!relative) {
        const holder = moduleEnv(env);
        holder.stars ??= [];
        holder.stars.push(node.source);
        // Then they are found in `globals()` too.
        if (/^(?:builtins|__builtin__)$/.test(node.source)) {
          for (const name of PYTHON_BUILTINS)
            if (!name.startsWith('__') && !holder.names.has(name)) holder.set(name, ref(`builtins.${name}`));
        }
      }
      continue;
    }
    const submodule = loadPython(
      m,
      `${node.source}${relative && /^\.+$/.test(node.source) ? '' : '.'}${imported}`,
    );
    const bound =
      submodule?.namespace ?? (value.kind === 'ref' ? external(m, value.path, imported) : UNKNOWN);
    assignName(m, env, local, bound, undefined);
  }
}

/** A member, or a submodule whose import rules count too. */
function external(m: Machine, module: string, name: string): Value {
  const path = `${module}.${name}`;
  if (m.language.index.match('import', path).length > 0 && m.language.index.isContainer(path)) {
    const rules = m.language.index.match('call', path);
    if (rules.length === 0) return ref(path);
  }
  return fireRead(m, ref(path), false);
}

function importOne(
  m: Machine,
  node: Import,
  module: Module,
  imported: string,
  local: string,
  env: Env,
): void {
  const space = module.namespace;
  if (imported === '*') {
    if (space.kind !== 'dict') return;
    for (const [name, value] of [...space.entries]) {
      if (!name.startsWith('_') || name === '__all__') assignName(m, env, name, value, undefined);
    }
    // A copy: a package whose `__init__` imports * from itself would grow the list it is read from.
    for (const star of [...(module.env.stars ?? [])]) {
      const holder = moduleEnv(env);
      holder.stars ??= [];
      if (!holder.stars.includes(star)) holder.stars.push(star);
    }
    return;
  }
  let value = space.kind === 'dict' ? space.entries.get(imported) : undefined;
  if (value === undefined) {
    const dots = /^\.+$/.test(node.source) ? '' : '.';
    value = loadPython(m, `${node.source}${dots}${imported}`)?.namespace;
    m.position = node;
  }
  assignName(m, env, local, value ?? UNKNOWN, undefined);
}
