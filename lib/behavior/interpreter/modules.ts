/** Module loading inside the artifact: which file a name means, and running it at its first import. */

import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import type { Place } from '../api.js';
import { PACKAGE_ROOT, PROJECT_ROOT } from '../strings.js';
import {
  dict,
  entriesToShare,
  known,
  type Labels,
  list,
  NO_LABELS,
  type Ref,
  ref,
  setEntry,
  unknown,
  type Value,
} from '../values.js';
import { emit } from './emit.js';
import { type Activation, Env, type Machine, type Module } from './machine.js';
import { textOf, UNDEFINED } from './operations.js';
import { programOf } from './programs.js';
import { resolveJavaScript, resolvePython } from './resolve.js';
import { namespaceOf } from './scope.js';
import { fireImport } from './sites.js';
import { execute } from './statements.js';

/** `require(x)`, `import x`: a package file is run at its first import, everything else is a reference. */
export function importJavaScript(m: Machine, specifier: string, labels: Labels = NO_LABELS): Value {
  const module = loadJavaScript(m, specifier, labels);
  if (module === undefined) return externalJavaScript(m, specifier, labels);
  return 'kind' in module ? module : module.namespace;
}

function externalJavaScript(m: Machine, specifier: string, labels: Labels): Value {
  const name = installedName(specifier) ?? specifier.replace(/^node:/, '');
  if (name.startsWith('.') || name.startsWith('/')) {
    // A file that the package does not have, perhaps one that its code wrote.
    fireImport(m, posix.resolve(PACKAGE_ROOT, posix.dirname(m.file), name));
    return unknown(labels);
  }
  hiddenName(m, name, labels);
  return fireImport(m, name);
}

const INSTALLED = `${PROJECT_ROOT}/node_modules/`;
/** What stands for the main file of another package, whose name is not known. */
const MAIN = '/index.js';

/**
 * `require.resolve(x)`: where the module of another package stands, so that what is done to that file is done to that
 * package. Node's own modules and those of the artifact stay the name they were asked for by.
 */
export function resolveInstalled(m: Machine, name: Value | undefined): Value | undefined {
  const text = textOf(name);
  if (text === undefined || !PACKAGE_NAME.test(text) || isBuiltin(text)) return name;
  if (resolveJavaScript(m.artifact, m.file, text) !== undefined) return name;
  const isName = text.split('/').length === (text.startsWith('@') ? 2 : 1);
  return known(`${INSTALLED}${text}${isName ? MAIN : ''}`, name?.labels);
}

const PACKAGE_NAME = /^(?:@[\w.-]+\/)?\w[\w.-]*(?:\/|$)/;

/** The other way round: the name that a path of another package was resolved from. */
function installedName(path: string): string | undefined {
  if (!path.startsWith(INSTALLED)) return undefined;
  const name = path.slice(INSTALLED.length);
  return name.endsWith(MAIN) ? name.slice(0, -MAIN.length) : name;
}

/** A module name that the text does not show is a behaviour of its own. */
function hiddenName(m: Machine, name: string, labels: Labels): void {
  if (labels.has('decoded') || labels.has('assembled')) emit(m, 'hidden-string', { detail: name });
}

/** The module a specifier leads to inside the artifact; a value for data files; undefined outside. */
export function loadJavaScript(
  m: Machine,
  specifier: string,
  labels: Labels = NO_LABELS,
): Module | Value | undefined {
  const path = resolveJavaScript(m.artifact, m.file, specifier);
  if (path === undefined) return undefined;
  hiddenName(m, specifier, labels);
  const loaded = m.modules.get(path);
  if (loaded !== undefined) return loaded;
  if (path.endsWith('.json')) return readJson(m, path);
  if (path.endsWith('.node')) {
    emit(m, 'load-native', { qualifiers: ['path:own'], detail: path });
    return ref('%native');
  }
  return runModule(m, path, 'javascript', false);
}

function readJson(m: Machine, path: string): Value {
  const file = m.artifact.files.get(path);
  if (file === undefined || file.bytes.length > 1_000_000) return unknown(NO_LABELS);
  try {
    return fromJson(
      JSON.parse(
        Buffer.from(file.bytes)
          .toString('utf8')
          .replace(/^\uFEFF/, ''),
      ),
      0,
    );
  } catch {
    return unknown(NO_LABELS);
  }
}

/** A value from parsed JSON. */
export function fromJson(data: unknown, depth: number): Value {
  if (data === null || typeof data === 'string' || typeof data === 'number' || typeof data === 'boolean')
    return known(data);
  if (depth > 32) return unknown(NO_LABELS);
  if (Array.isArray(data)) return list(data.map((item) => fromJson(item, depth + 1)));
  if (typeof data === 'object') {
    return dict(new Map(Object.entries(data).map(([key, value]) => [key, fromJson(value, depth + 1)])));
  }
  return UNDEFINED;
}

/** Python `import a.b`: runs every package on the way; the value is the last module. */
export function importPython(m: Machine, name: string, labels: Labels = NO_LABELS): Value {
  const loaded = loadPython(m, name);
  if (loaded !== undefined) {
    hiddenName(m, name, labels);
    return loaded.namespace;
  }
  if (name.startsWith('.')) return unknown(labels);
  hiddenName(m, name, labels);
  return fireImport(m, name);
}

/** The module of the package a dotted name leads to, run with its parents; undefined outside the package. */
export function loadPython(m: Machine, name: string): Module | undefined {
  const paths = resolvePython(m.artifact, m.file, name);
  if (paths === undefined) return undefined;
  let parent: Module | undefined;
  let last: Module | undefined;
  for (const { path, name: part } of paths) {
    last = path === undefined ? undefined : (m.modules.get(path) ?? runModule(m, path, 'python', false));
    if (last !== undefined && parent?.namespace.kind === 'dict' && !parent.namespace.entries.has(part)) {
      setEntry(parent.namespace, part, last.namespace);
    }
    parent = last;
  }
  return last;
}

/** A module name that cannot be told. */
export function importUnknown(m: Machine, name: Value | undefined): Value {
  emit(m, 'dynamic-import', {});
  m.unknownCalls++;
  return unknown(name?.labels ?? NO_LABELS);
}

/** Runs a file as a module, once in a process. `main`: as a program (`__name__ == '__main__'`). */
export function runModule(
  m: Machine,
  path: string,
  language: 'javascript' | 'python',
  main: boolean,
): Module {
  const module = newModule(m, path, language, main);
  m.modules.set(path, module);
  const program = programOf(m, path, language);
  if (program === undefined) {
    module.done = true;
    if (module.namespace.kind === 'dict') module.namespace.open = true;
    return module;
  }
  module.isEsModule = program.sourceType === 'module';
  runIn(m, module.env, () => {
    execute(m, program.body, module.env);
  });
  finish(module);
  return module;
}

/** Makes the scope the activation, as if it were called, and puts everything back after. */
export function runIn(m: Machine, env: Env, body: () => void): void {
  const saved = {
    activation: m.activation,
    position: m.position,
    tryLevel: m.tryLevel,
    label: m.label,
  };
  const activation: Activation = { env, returns: [], yields: undefined };
  m.activation = activation;
  m.depth++;
  try {
    body();
  } finally {
    m.depth--;
    m.activation = saved.activation;
    m.position = saved.position;
    m.tryLevel = saved.tryLevel;
    m.label = saved.label;
  }
}

/** After the body: what CommonJS code assigned to `module.exports`, what ES exports hold. */
function finish(module: Module): void {
  module.done = true;
  if (module.language === 'python') return;
  if (!module.isEsModule) {
    module.namespace = module.moduleObject?.entries.get('exports') ?? module.namespace;
    return;
  }
  if (module.namespace.kind !== 'dict') return;
  for (const [name, { env, local }] of module.exports) {
    const value = env.names.get(local);
    if (value !== undefined) setEntry(module.namespace, name, value);
  }
  for (const star of module.starExports) {
    if (star.namespace.kind !== 'dict') continue;
    for (const [name, value] of star.namespace.entries) {
      if (name !== 'default' && !module.namespace.entries.has(name)) setEntry(module.namespace, name, value);
    }
  }
}

function newModule(m: Machine, path: string, language: 'javascript' | 'python', main: boolean): Module {
  const module: Module = {
    file: path,
    language,
    host: undefined,
    hidden: false,
    namespace: UNDEFINED,
    env: undefined as unknown as Env,
    moduleObject: undefined,
    isEsModule: false,
    exports: new Map(),
    starExports: [],
    done: false,
  };
  module.env = new Env(undefined, true, module, ++m.serial);
  const absolute = `${PACKAGE_ROOT}/${path}`;
  const slash = absolute.lastIndexOf('/');
  const names = module.env.names;
  if (language === 'python') {
    names.set('__file__', known(absolute));
    names.set('__name__', known(main ? '__main__' : pythonName(path)));
    module.namespace = namespaceOf(module.env);
    return module;
  }
  const exports = dict();
  module.namespace = exports;
  const requireRef: Ref = ref('require');
  module.moduleObject = dict(
    new Map<string, Value>([
      ['exports', exports],
      ['filename', known(absolute)],
      ['id', known(main ? '.' : absolute)],
      ['require', requireRef],
      ['constructor', ref('module')],
      ['_compile', ref('module._compile')],
      ['paths', list([], true)],
    ]),
    true,
  );
  names.set('module', module.moduleObject);
  names.set('exports', exports);
  names.set('require', requireRef);
  names.set('__filename', known(absolute));
  names.set('__dirname', known(absolute.slice(0, slash)));
  module.env.thisValue = exports;
  return module;
}

/** A scope for a shell script: nothing but the file its behaviours stand in. */
export function scriptEnv(m: Machine, path: string): Env {
  return newModule(m, path, m.artifact.ecosystem === 'npm' ? 'javascript' : 'python', true).env;
}

function pythonName(path: string): string {
  return path
    .replace(/\.pyw?$/, '')
    .replace(/\/__init__$/, '')
    .replace(/^src\//, '')
    .replaceAll('/', '.');
}

/** A scope for decoded code: it sees the names around the place it was evaluated at. */
export function codeModule(
  m: Machine,
  language: 'javascript' | 'python',
  hidden: boolean,
  place?: Place,
): Module {
  const around = m.activation.env;
  const base = around.module;
  const module: Module = {
    file: base.file,
    language,
    host: base.host ?? m.position,
    hidden: hidden || base.hidden,
    namespace: base.namespace,
    env: undefined as unknown as Env,
    moduleObject: base.moduleObject,
    isEsModule: false,
    exports: new Map(),
    starExports: [],
    done: false,
  };
  if (base.language === language) {
    module.env =
      place === undefined || language === 'javascript'
        ? new Env(around, true, module, ++m.serial)
        : placed(m, around, module, place);
    return module;
  }
  const own = newModule(m, base.file, language, true);
  module.env = new Env(own.env, true, module, ++m.serial);
  module.namespace = own.namespace;
  module.moduleObject = own.moduleObject;
  return module;
}

/** Python's `exec`: names bound by the code are those of the namespace it was given, or of the module it stands in. */
function placed(m: Machine, around: Env, module: Module, { namespace }: Place): Env {
  if (namespace?.kind === 'dict' && namespace.prototype === undefined)
    return new Env(around, true, module, ++m.serial, entriesToShare(namespace));
  return around === around.module.env
    ? new Env(around, true, module, around.serial, around.names)
    : new Env(around, true, module, ++m.serial);
}
