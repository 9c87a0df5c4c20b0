/** One entry point at a time: what it runs, what that defers, and what known conditions left out. */
import type { Behavior, EntryPoint, Phase, UnitKind } from '../../types.js';
import { opaqueKind } from '../opaque.js';
import { PACKAGE_ROOT } from '../strings.js';
import { type Class, dict, type Func, known, NO_LABELS, UNKNOWN, type Value } from '../values.js';
import { callFunction, callValue } from './calls.js';
import { runShell, runShellFile } from './commands.js';
import { languageOf, runCode, runFile, runFirstLine } from './context.js';
import { emit } from './emit.js';
import { evaluateReached } from './expressions.js';
import {
  BudgetSignal,
  Env,
  LIMITS,
  type Machine,
  type Module,
  type Pending,
  ThrowSignal,
  type Walked,
} from './machine.js';
import { runIn, runModule } from './modules.js';
import { findOddCode } from './odd-files.js';
import { Recorder } from './recorder.js';
import { branches } from './scope.js';
import { NO_KEYWORDS } from './sites.js';
import { execute } from './statements.js';

export interface WalkedUnit {
  readonly kind: UnitKind;
  readonly phase: Phase;
  readonly origin: string;
  readonly behaviors: readonly Behavior[];
  /** Why the walk ended early, if it did. */
  readonly cut: 'budget' | 'failed' | undefined;
}

export interface WalkOptions {
  /** Rethrows errors of the interpreter itself; for tests. */
  readonly strict: boolean;
}

/** Walks one entry point. */
export function walkEntry(m: Machine, entry: EntryPoint, options: WalkOptions): WalkedUnit {
  return walkUnit(m, entry.kind, entry.phase, entry.origin, entry.file, entry.line, options, (root) => {
    const run = entry.run;
    guarded(m, LIMITS.entryConcrete, () => {
      runIn(m, root.env, () => {
        if (run.type === 'file') runEntryFile(m, run.path, entry);
        else if (run.type === 'command') runShell(m, run.command, false, false);
        else if (run.language === 'shell') runShell(m, run.code, false, false);
        else {
          // site.py runs a line where its own `sitedir` is in sight: the folder of the .pth file.
          if (entry.kind === 'pth') {
            root.env.set('sitedir', known(`${PACKAGE_ROOT}/${entry.file}`.replace(/\/[^/]*$/, '')));
            if (holdsOnlyStarters(m.artifact.files.get(entry.file)?.bytes)) m.startedFiles.add(entry.file);
          }
          runCode(m, run.language, run.code, false);
        }
      });
    });
  });
}

/** Whether all lines of a `.pth` file are run at the start of the interpreter, each by an entry of its own. */
const holdsOnlyStarters = (bytes: Uint8Array | undefined): boolean =>
  bytes !== undefined &&
  Buffer.from(bytes)
    .toString('utf8')
    .split(/\r\n|[\n\r]/)
    .every((line) => /^(?:import[ \t].*|#.*|\s*)$/.test(line));

/** `bin` and lifecycle files run as programs, everything else is imported. */
function runEntryFile(m: Machine, path: string, entry: EntryPoint): void {
  const file = m.artifact.files.get(path);
  if (
    path.endsWith('.node') ||
    (file !== undefined && opaqueKind(file, m.artifact.files) === 'opaque-native')
  ) {
    emit(m, 'load-native', { qualifiers: ['path:own'], detail: path });
    return;
  }
  if (entry.kind === 'bin' && file !== undefined) runFirstLine(m, file.bytes);
  const language = languageOf(m, path) ?? (m.artifact.ecosystem === 'npm' ? 'javascript' : 'python');
  if (language === 'shell') {
    runShellFile(m, path);
    return;
  }
  if (entry.kind === 'import' || entry.kind === 'fallback') {
    if (!m.modules.has(path) && !path.endsWith('.json'))
      runModule(m, path, language, entry.kind === 'fallback');
    return;
  }
  runFile(m, path, language);
  if (entry.kind === 'build-backend') runBuildHooks(m, path);
  else if (entry.kind === 'setup' && entry.origin.includes('cmdclass')) runCommandClasses(m, path);
}

/** Command classes that setup.cfg or pyproject.toml name: setuptools makes them, prepares them and runs them. */
function runCommandClasses(m: Machine, path: string): void {
  const { namespace } = m.modules.get(path) ?? {};
  if (namespace?.kind !== 'dict') return;
  for (const cls of namespace.entries.values()) {
    if (cls.kind !== 'class' || !isMadeFrom(cls, /^(?:setuptools|distutils|wheel)\./)) continue;
    const instance = callValue(m, cls, [], NO_KEYWORDS, undefined, true);
    for (const name of ['initialize_options', 'finalize_options', 'run']) {
      const method = cls.methods.get(name);
      if (method?.kind === 'func') callFunction(m, method, [], NO_KEYWORDS, instance);
    }
  }
}

const isMadeFrom = ({ bases }: Class, library: RegExp): boolean =>
  bases.some((base) => base.kind === 'ref' && library.test(base.path));

/** What pip asks of a backend (PEP 517, PEP 660), and what pdm asks of the hooks of a project, by their names. */
const BUILD_HOOK =
  /^(?:get_requires_for_build_(?:wheel|editable)|prepare_metadata_for_build_(?:wheel|editable)|build_(?:wheel|editable)|pdm_build_\w+)$/;
/** The methods of hatchling's hook classes. */
const HATCH_HOOKS = ['initialize', 'finalize', 'update'];

/** The functions of a build backend that run on the way to a wheel, once its file was loaded. */
function runBuildHooks(m: Machine, path: string): void {
  const { namespace } = m.modules.get(path) ?? {};
  if (namespace?.kind !== 'dict') return;
  for (const [name, value] of namespace.entries) {
    if (value.kind === 'func' && BUILD_HOOK.test(name)) {
      const args = value.node.params.filter((p) => p.rest === undefined).map(() => UNKNOWN);
      callValue(m, value, args, NO_KEYWORDS, undefined, false);
    } else if (value.kind === 'class' && isMadeFrom(value, /^hatchling\./)) {
      const instance = callValue(m, value, [], NO_KEYWORDS, undefined, true);
      for (const hook of HATCH_HOOKS) {
        const method = value.methods.get(hook);
        if (method?.kind === 'func') callFunction(m, method, [UNKNOWN, UNKNOWN], NO_KEYWORDS, instance);
      }
    }
  }
}

/** Everything no entry point reached: functions nobody called, then files nobody imported. */
export function walkRemainder(
  m: Machine,
  files: readonly string[],
  options: WalkOptions,
  extra: () => void,
): WalkedUnit {
  m.concreteEnd = Math.min(LIMITS.concreteSteps, m.steps + LIMITS.remainderConcrete);
  const own = m.artifact.ecosystem === 'npm' ? 'javascript' : 'python';
  return walkUnit(m, 'remainder', 'runtime', 'remainder', files[0] ?? '', 1, options, () => {
    walkFunctions(m);
    for (const path of files) {
      if (m.startedFiles.has(path)) continue;
      const language = languageOf(m, path) ?? (findOddCode(m, path, own) ? own : undefined);
      if (language === undefined) continue;
      guarded(m, LIMITS.fileConcrete, () => {
        if (language === 'shell') runShellFile(m, path);
        else runModule(m, path, language, false);
      });
      drain(m);
      walkFunctions(m);
    }
    extra();
  });
}

/** Calls every function no one called, with arguments nobody knows. */
function walkFunctions(m: Machine): void {
  // What is added on the way comes last. Asking for the first one anew would skip all that were deleted each time.
  for (const [node, fn] of m.unwalked) {
    m.unwalked.delete(node);
    if (m.walkedFunctions.has(node)) continue;
    const scope = fn.scope as Env;
    guarded(m, concreteOf(m, scope.module.file), () => {
      runIn(m, scope, () => {
        m.position = node;
        const args: Value[] = node.params.filter((p) => p.rest === undefined).map(() => UNKNOWN);
        callFunction(m, fn, args.slice(needsSelf(fn) ? 1 : 0), NO_KEYWORDS, receiverOf(m, fn));
      });
    });
    m.walkedFunctions.add(node);
    drain(m);
  }
}

/** Code in an obfuscator's shape first computes its own strings, wherever it stands. */
function concreteOf(m: Machine, file: string): number {
  const isObfuscated = m.programs.get(file)?.textBehaviors.some((b) => b.code === 'obfuscated-code') ?? false;
  if (!isObfuscated) return LIMITS.rootConcrete;
  m.concreteEnd = Math.max(m.concreteEnd, Math.min(LIMITS.concreteSteps, m.steps + LIMITS.entryConcrete));
  return LIMITS.entryConcrete;
}

const needsSelf = (fn: Func): boolean =>
  fn.homeClass !== undefined &&
  (fn.scope as Env).module.language === 'python' &&
  !fn.properties.has('%static');

/** `this` of a method nobody calls: the instance some code made, else an empty one of its class. */
function receiverOf(m: Machine, fn: Func): Value | undefined {
  const cls = fn.homeClass;
  if (cls === undefined) return m.homes.get(fn.node);
  let instance = m.instances.get(cls.node);
  if (instance === undefined) {
    instance = dict(new Map(), true, NO_LABELS, cls);
    m.instances.set(cls.node, instance);
  }
  return instance;
}

function walkUnit(
  m: Machine,
  kind: UnitKind,
  phase: Phase,
  origin: string,
  file: string,
  line: number,
  options: WalkOptions,
  body: (root: Module) => void,
): WalkedUnit {
  m.phase = phase;
  m.recorder = new Recorder(kind, phase, origin);
  m.cut = false;
  m.unread = false;
  const root = rootModule(m, file);
  m.activation = { env: root.env, returns: [], yields: undefined };
  m.position = { line, column: 0 };
  m.resetWalk();
  let cut: WalkedUnit['cut'];
  try {
    body(root);
    runDeferred(m);
    drain(m);
  } catch (error) {
    if (options.strict) throw error;
    cut = 'failed';
    m.resetWalk();
    leftOut(m, file, line, error instanceof Error ? error.message : '');
  }
  if (m.cut) {
    cut ??= 'budget';
    leftOut(m, file, line, 'steps');
  }
  if (m.unread || m.recorder.full) cut ??= 'budget';
  return { kind, phase, origin, behaviors: m.recorder.finish(), cut };
}

function leftOut(m: Machine, file: string, line: number, detail: string): void {
  m.recorder.emit({ code: 'left-out', phase: m.phase, file, line, column: 0, qualifiers: [], detail });
}

/** Runs one root, for so many steps pass by pass; its end, however it comes, is not the end of the unit. */
function guarded(m: Machine, concrete: number, body: () => void): void {
  m.concreteUntil = Math.min(m.concreteEnd, m.steps + concrete);
  try {
    body();
  } catch (error) {
    if (error instanceof ThrowSignal) {
      // Thrown to the top: the program ends here, what follows is dead.
    } else if (
      error instanceof BudgetSignal ||
      (error instanceof RangeError && /call stack/i.test(error.message))
    )
      m.cut = true;
    else throw error;
  } finally {
    const { activation, position } = m;
    m.resetWalk();
    m.activation = activation;
    m.position = position;
  }
}

const DEFERRED_LIMIT = 1000;

/** Exit handlers and the like, at the end of their unit. */
function runDeferred(m: Machine): void {
  if (m.deferred.length > DEFERRED_LIMIT) m.unread = true;
  for (let i = 0; i < m.deferred.length && i < DEFERRED_LIMIT; i++) {
    const { fn, args } = m.deferred[i]!;
    guarded(m, LIMITS.rootConcrete, () => {
      callValue(m, fn, args, NO_KEYWORDS, undefined, false);
    });
  }
  m.deferred = [];
}

/** Pieces of left-out code one unit walks. */
const PENDING_LIMIT = 50_000;

/** Walks what known conditions and jumps left out and nothing else reached since. */
function drain(m: Machine): void {
  for (let i = 0; i < m.pending.length && i < PENDING_LIMIT; i++) {
    const pending = m.pending[i]!;
    if (!stillLeft(m, pending)) continue;
    guarded(m, LIMITS.rootConcrete, () => {
      const walk = (): unknown =>
        pending.expression !== undefined
          ? evaluateReached(m, pending.expression, pending.env)
          : execute(m, pending.block ?? [], m.newEnv(pending.env, false), pending.from);
      // Dead code must not change what live code computes with: names join, lists are put back.
      runIn(m, pending.env, () => {
        m.keepingLists(() => branches<unknown>(m, [walk, () => undefined], () => false));
      });
    });
  }
  if (m.pending.length > PENDING_LIMIT) m.unread = true;
  m.clearPending();
}

function stillLeft(m: Machine, pending: Pending): boolean {
  if (pending.expression !== undefined) return !m.walkedExpressions.has(pending.expression);
  return ((pending.block as Walked).walked ?? 0) <= pending.from;
}

/** The scope command lines and inline code of an entry point run in. */
function rootModule(m: Machine, file: string): Module {
  const language = m.artifact.ecosystem === 'npm' ? 'javascript' : 'python';
  const module: Module = {
    file,
    language,
    host: undefined,
    hidden: false,
    namespace: dict(),
    env: undefined as unknown as Env,
    moduleObject: undefined,
    isEsModule: false,
    exports: new Map(),
    starExports: [],
    done: false,
  };
  module.env = new Env(undefined, true, module, ++m.serial);
  if (language === 'javascript') module.env.names.set('__dirname', known(PACKAGE_ROOT));
  return module;
}
