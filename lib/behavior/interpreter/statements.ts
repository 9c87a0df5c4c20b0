/** Statements: control flow. A known condition takes one way, an unknown one takes both and joins. */
import type { Expression, Statement } from '../ir.js';
import { chargeReading, equalKnown } from '../joined-texts.js';
import { takeLooked } from '../looks.js';
import { chargeCharacters } from '../text-work.js';
import { alteredFunc, known, list, setEntry, UNKNOWN, unknown, type Value } from '../values.js';
import { callMember } from './calls.js';
import { emit } from './emit.js';
import { assignPattern, evaluate, makeClass, makeFunction, truthy } from './expressions.js';
import { exportStatement, importStatement } from './imports.js';
import {
  BREAK,
  CONTINUE,
  type Completion,
  type Env,
  LIMITS,
  type Machine,
  NORMAL,
  RETURN,
  THROW,
  ThrowSignal,
  type Walked,
} from './machine.js';
import { elementOf, labelsOf, UNDEFINED } from './operations.js';
import { findInClass } from './properties.js';
import { anotherPass, decodes, laterPass } from './repetition.js';
import { assignName, branches, functionEnv, setIn } from './scope.js';
import { NO_KEYWORDS, use } from './sites.js';

/** Runs statements in order. What a jump leaves out is remembered. */
export function execute(m: Machine, block: readonly Statement[], env: Env, from = 0): Completion {
  const progress = block as readonly Statement[] & Walked;
  let i = from;
  try {
    for (; i < block.length; i++) {
      const completion = executeStatement(m, block[i]!, env);
      if (completion !== NORMAL) {
        leftAt(m, progress, i + 1, env);
        return completion;
      }
    }
  } catch (error) {
    leftAt(m, progress, i + 1, env);
    throw error;
  }
  progress.walked = block.length;
  return NORMAL;
}

function leftAt(m: Machine, block: readonly Statement[] & Walked, next: number, env: Env): void {
  if ((block.walked ?? 0) >= next) return;
  block.walked = next;
  if (next < block.length) m.leave({ env, block, from: next, expression: undefined });
}

/** A block that a known condition leaves out. */
function skipBlock(m: Machine, block: readonly Statement[], env: Env): void {
  if (block.length > 0 && (block as Walked).walked === undefined) {
    m.leave({ env, block, from: 0, expression: undefined });
  }
}

/** A nested block, with a scope of its own where the language has one. */
function executeBlock(m: Machine, block: readonly Statement[], env: Env): Completion {
  if (block.length === 0) return NORMAL;
  return execute(
    m,
    block,
    env.module.language === 'javascript' && declares(block) ? m.newEnv(env, false) : env,
  );
}

const declaring = new WeakMap<readonly Statement[], boolean>();
function declares(block: readonly Statement[]): boolean {
  let answer = declaring.get(block);
  if (answer === undefined) {
    answer = block.some(
      (s) => s.type === 'define' || (s.type === 'expression' && containsDeclaration(s.expression)),
    );
    declaring.set(block, answer);
  }
  return answer;
}

function containsDeclaration(node: Expression): boolean {
  if (node.type === 'assign') return node.declare === 'let' || node.declare === 'const';
  return node.type === 'sequence' && node.items.some(containsDeclaration);
}

const leaves = (c: Completion): boolean => c === RETURN || c === THROW;

/** Runs blocks of which one is taken, and tells how the whole completes. */
function eitherOf(m: Machine, thunks: readonly (() => Completion)[]): Completion {
  const label = m.label;
  const completions = branches(m, thunks, leaves);
  const jumps = completions.filter((c) => c === BREAK || c === CONTINUE);
  // The next pass of a loop comes either way when all that is not known is whether this one is cut short.
  const leavesLoop = completions.some((c) => c !== NORMAL && c !== CONTINUE);
  if (completions.every((c) => c === completions[0]) && completions[0] !== NORMAL) return completions[0]!;
  if (jumps.length > 0 && leavesLoop) m.uncertainJump = true;
  if (completions.includes(NORMAL)) {
    if (completions.some((c) => c !== NORMAL)) {
      if (leavesLoop) m.uncertainJump = true;
      m.label = label;
    }
    return NORMAL;
  }
  return jumps[0] ?? RETURN;
}

function executeStatement(m: Machine, node: Statement, env: Env): Completion {
  m.step();
  switch (node.type) {
    case 'expression':
      // A text that stands alone is documentation: addresses in it are no destinations.
      if (node.expression.type !== 'constant') evaluate(m, node.expression, env);
      return NORMAL;
    case 'define': {
      const value =
        node.value.type === 'function'
          ? makeFunction(m, node.value, env, undefined, true)
          : makeClass(m, node.value, env);
      if (env.module.language === 'python') assignName(m, env, node.value.name, value, undefined);
      else setIn(m, env, node.value.name, value);
      return NORMAL;
    }
    case 'if':
      return executeIf(m, node, env);
    case 'loop':
      return executeLoop(m, node, env);
    case 'block': {
      const completion = executeBlock(m, node.body, env);
      return own(m, completion, node.label);
    }
    case 'switch':
      return executeSwitch(m, node, env);
    case 'try':
      return executeTry(m, node, env);
    case 'with':
      return executeWith(m, node, env);
    case 'return':
      m.activation.returns.push(node.value === undefined ? UNDEFINED : evaluate(m, node.value, env));
      return RETURN;
    case 'throw': {
      const value = node.value === undefined ? UNKNOWN : evaluate(m, node.value, env);
      if (m.tryLevel === m.uncertain) throw new ThrowSignal(value);
      return THROW;
    }
    case 'break':
      m.label = node.label;
      return BREAK;
    case 'continue':
      m.label = node.label;
      return CONTINUE;
    case 'import':
      m.position = node;
      importStatement(m, node, env);
      return NORMAL;
    case 'export':
      m.position = node;
      exportStatement(m, node, env);
      return NORMAL;
    case 'export-default': {
      const value = evaluate(m, node.value, env);
      env.module.isEsModule = true;
      if (env.module.namespace.kind === 'dict') setEntry(env.module.namespace, 'default', value);
      return NORMAL;
    }
    case 'scope': {
      const holder = functionEnv(env);
      holder.outer ??= new Map();
      for (const name of node.names) holder.outer.set(name, node.kind);
      return NORMAL;
    }
  }
}

/** A labelled statement takes the `break` that names it. */
function own(m: Machine, completion: Completion, label: string | undefined): Completion {
  if (completion === BREAK && label !== undefined && m.label === label) {
    m.label = undefined;
    return NORMAL;
  }
  return completion;
}

function executeIf(m: Machine, node: Statement & { type: 'if' }, env: Env): Completion {
  const test = evaluate(m, node.test, env);
  const truth = truthy(m, test);
  if (truth === true) {
    skipBlock(m, node.otherwise, env);
    return executeBlock(m, node.then, env);
  }
  if (truth === false) {
    skipBlock(m, node.then, env);
    return executeBlock(m, node.otherwise, env);
  }
  const platform = test.labels.has('platform') ? 1 : 0;
  m.platform += platform;
  try {
    return eitherOf(m, [() => executeBlock(m, node.then, env), () => executeBlock(m, node.otherwise, env)]);
  } finally {
    m.platform -= platform;
  }
}

/** A branch taken by a known text counts like so many decoding operations: its body may be long. */
const DISPATCH = 20;

function executeSwitch(m: Machine, node: Statement & { type: 'switch' }, env: Env): Completion {
  const value = evaluate(m, node.value, env);
  const inner = m.newEnv(env, false);
  if (value.kind === 'known') {
    let start = -1;
    let decided = true;
    for (const [i, entry] of node.cases.entries()) {
      if (entry.test === undefined) continue;
      const test = evaluate(m, entry.test, inner);
      if (test.kind !== 'known') {
        decided = false;
        break;
      }
      const same = equalKnown(test, value);
      m.looksAt(takeLooked());
      if (same) {
        start = i;
        break;
      }
    }
    if (decided) {
      // Flattened control flow: every pass of the loop around is one statement of the code it hides.
      if (typeof value.value === 'string') m.decoded += DISPATCH;
      if (start < 0) start = node.cases.findIndex((entry) => entry.test === undefined);
      for (const [i, entry] of node.cases.entries())
        if (i < start || start < 0) skipBlock(m, entry.body, inner);
      if (start < 0) return NORMAL;
      for (let i = start; i < node.cases.length; i++) {
        const completion = execute(m, node.cases[i]!.body, inner);
        if (completion === NORMAL) continue;
        for (let j = i + 1; j < node.cases.length; j++) skipBlock(m, node.cases[j]!.body, inner);
        if (completion === BREAK && (m.label === undefined || m.label === node.label)) {
          m.label = undefined;
          return NORMAL;
        }
        return completion;
      }
      return NORMAL;
    }
  }
  const thunks = node.cases
    .filter((entry) => entry.body.length > 0)
    .map((entry) => (): Completion => {
      if (entry.test !== undefined) evaluate(m, entry.test, inner);
      const completion = execute(m, entry.body, inner);
      if (completion !== BREAK || (m.label !== undefined && m.label !== node.label)) return completion;
      m.label = undefined;
      return NORMAL;
    });
  if (!node.cases.some((entry) => entry.test === undefined)) thunks.push(() => NORMAL);
  return thunks.length === 0 ? NORMAL : eitherOf(m, thunks);
}

/** One pass through a loop's body. `done`: the loop is over; `result`: how the loop completes then. */
function pass(
  m: Machine,
  node: Statement & { type: 'loop' },
  env: Env,
): { done: boolean; result: Completion } {
  const completion = executeBlock(m, node.body, env);
  if (completion === NORMAL) return { done: false, result: NORMAL };
  const mine = m.label === undefined || m.label === node.label;
  if (completion === CONTINUE && mine) {
    m.label = undefined;
    return { done: false, result: NORMAL };
  }
  if (completion === BREAK && mine) {
    m.label = undefined;
    return { done: true, result: BREAK };
  }
  return { done: true, result: completion };
}

function executeLoop(m: Machine, node: Statement & { type: 'loop' }, env: Env): Completion {
  const jumped = m.uncertainJump;
  m.uncertainJump = false;
  try {
    const result = node.iterable === undefined ? whileLoop(m, node, env) : forLoop(m, node, env);
    if (result === BREAK) return NORMAL;
    if (result !== NORMAL) return result;
    return node.otherwise.length > 0 ? executeBlock(m, node.otherwise, env) : NORMAL;
  } finally {
    m.uncertainJump = jumped;
  }
}

const GENERATED = 1000;

/** Budget of one loop: steps it may take pass by pass, and on as long as it decodes: a large string table takes long to rotate. */
function loopBudget(m: Machine, loop: object): () => boolean {
  const end = m.steps + LIMITS.loopSteps;
  // A generator that never ends is asked for so many values at most.
  return () =>
    m.concrete && (m.steps < end || decodes(m, loop)) && (m.activation.yields?.length ?? 0) < GENERATED;
}

function whileLoop(m: Machine, node: Statement & { type: 'loop' }, env: Env): Completion {
  // `while (true) {}` stops a debugger; going round changes nothing.
  if (node.body.length === 0 && node.test?.type === 'constant' && node.update === undefined) return NORMAL;
  const within = loopBudget(m, node);
  let first = node.flavor === 'do-while';
  for (let count = 0; ; count++) {
    const truth = first || node.test === undefined ? true : truthy(m, evaluate(m, node.test, env));
    first = false;
    if (truth === false) {
      if (count === 0) skipBlock(m, node.body, env);
      return NORMAL;
    }
    if (truth === undefined) return abstractPass(m, node, env);
    const inner = perIteration(m, node, env);
    const acted = m.recorder.acts;
    const { done, result } =
      count === 0 ? pass(m, node, inner) : laterPass(m, node, () => pass(m, node, inner));
    if (done) return result;
    if (m.uncertainJump || !within() || !anotherPass(m, node)) return NORMAL;
    // A server loop: nothing it waits for is known, and it did its work once.
    if (m.recorder.acts > acted && count >= 3 && node.test !== undefined && node.test.type === 'constant')
      return NORMAL;
    if (node.update !== undefined) evaluate(m, node.update, inner);
  }
}

/** A fresh scope for one pass, so that closures keep their own copy of `let` variables. */
function perIteration(_m: Machine, _node: Statement & { type: 'loop' }, env: Env): Env {
  return env;
}

/** The body once, which may or may not run. */
function abstractPass(m: Machine, node: Statement & { type: 'loop' }, env: Env): Completion {
  const completion = eitherOf(m, [
    () => {
      const { result } = pass(m, node, env);
      if (result === NORMAL && node.update !== undefined) evaluate(m, node.update, env);
      return result === BREAK ? NORMAL : result;
    },
    () => NORMAL,
  ]);
  return completion;
}

function forLoop(m: Machine, node: Statement & { type: 'loop' }, env: Env): Completion {
  const iterable = use(m, evaluate(m, node.iterable!, env));
  const python = env.module.language === 'python';
  const keys = node.flavor === 'for-in';
  let result = NORMAL as Completion;
  const within = loopBudget(m, node);
  let stopped = false;
  let first = true;
  const iterations = iterate(
    m,
    keys && !python ? keysOf(iterable) : iterable,
    (element) => {
      const inner = python ? env : m.newEnv(env, false);
      if (node.target !== undefined)
        assignPattern(m, node.target, element, inner, python ? undefined : node.declare);
      const passed = first ? pass(m, node, inner) : laterPass(m, node, () => pass(m, node, inner));
      first = false;
      if (passed.done) {
        result = passed.result;
        stopped = true;
      }
      if (m.uncertainJump || !within() || !anotherPass(m, node)) stopped = true;
    },
    () => stopped,
  );
  if (!iterations && result === RETURN) return NORMAL;
  if (iterable.kind === 'list' && iterable.items.length === 0 && !iterable.open) skipBlock(m, node.body, env);
  return result === CONTINUE ? NORMAL : result;
}

function keysOf(value: Value): Value {
  if (value.kind === 'dict' && !value.open) {
    const keys = [...value.entries.keys()].filter((k) => !k.startsWith('%'));
    return list(
      keys.map((k) => known(k)),
      false,
      value.labels,
    );
  }
  if (value.kind === 'list' && !value.open) {
    return list(
      value.items.map((_, i) => known(String(i))),
      false,
      value.labels,
    );
  }
  return unknown(labelsOf(value));
}

/**
 * Calls `body` for each element: one by one when all are known, else once with what an element may be, under an
 * unknown condition. Returns whether it went one by one to the end.
 */
export function iterate(
  m: Machine,
  iterable: Value,
  body: (element: Value) => void,
  stop: () => boolean = () => false,
): boolean {
  const items = elementsOf(m, iterable);
  if (items !== undefined) {
    for (const [i, item] of items.entries()) {
      if (stop()) return true;
      if (i > 0 && !m.concrete) break;
      body(item);
    }
    return true;
  }
  branches(m, [() => body(elementOf(iterable)), () => undefined], () => false);
  return false;
}

/** Parts of `Look` one character costs that is made an element: also in a loop that ends after the first. */
const AN_ELEMENT = 8;

/** The elements of what is gone through, when they are known one by one. */
export function elementsOf(m: Machine, value: Value): Value[] | undefined {
  switch (value.kind) {
    case 'list':
      return value.open && value.items.length === 0 ? undefined : [...value.items];
    case 'known':
      if (typeof value.value !== 'string') return undefined;
      chargeReading(value);
      chargeCharacters(value.value.length, AN_ELEMENT);
      m.looksAt(takeLooked());
      return [...value.value].map((c) => known(c, value.labels));
    case 'bytes':
      return value.value.length > LIMITS.listLength
        ? undefined
        : [...value.value].map((b) => known(b, value.labels));
    case 'dict':
      if (value.open || value.prototype !== undefined || m.activation.env.module.language !== 'python')
        return undefined;
      return [...value.entries.keys()].map((k) => known(k));
    default:
      return undefined;
  }
}

function executeTry(m: Machine, node: Statement & { type: 'try' }, env: Env): Completion {
  const ignored = node.handlers.length > 0 && node.handlers.every((h) => isEmpty(h.body));
  const saved = {
    tryLevel: m.tryLevel,
    uncertain: m.uncertain,
    trail: m.trail,
    trailSerial: m.trailSerial,
    depth: m.depth,
    activation: m.activation,
    inCallee: m.inCallee,
    silent: m.silent,
    platform: m.platform,
    hiddenDepth: m.hiddenDepth,
  };
  const calls = m.unknownCalls;
  const acted = m.recorder.acts;
  let completion: Completion = NORMAL;
  let thrown: ThrowSignal | undefined;
  if (ignored) m.silent++;
  m.tryLevel = node.handlers.length > 0 ? m.uncertain : m.tryLevel;
  try {
    completion = executeBlock(m, node.body, env);
  } catch (error) {
    if (!(error instanceof ThrowSignal)) throw error;
    thrown = error;
    Object.assign(m, saved);
  } finally {
    m.tryLevel = saved.tryLevel;
    m.silent = saved.silent;
  }
  if (ignored && m.recorder.acts > acted) emit(m, 'silence-errors', { position: node });
  if (thrown !== undefined && node.handlers.length === 0) {
    executeBlock(m, node.finalizer, env);
    throw thrown;
  }
  if (thrown !== undefined) completion = handle(m, node, env, thrown.value, 1);
  else if (completion === THROW) completion = handle(m, node, env, UNKNOWN, node.handlers.length);
  else {
    if (node.otherwise.length > 0 && completion === NORMAL) completion = executeBlock(m, node.otherwise, env);
    // An error is possible only where something outside was called.
    // A jump out of the loop was reached, so that the handler's changes to arrays must not come after it.
    if (m.unknownCalls > calls && completion !== BREAK) {
      const after = m.keepingLists(() =>
        eitherOf(m, [() => handle(m, node, env, UNKNOWN, node.handlers.length), () => NORMAL]),
      );
      if (completion === RETURN && node.handlers.length > 0 && after === NORMAL && !ignored)
        completion = RETURN;
    } else for (const handler of node.handlers) skipBlock(m, handler.body, env);
  }
  const final = executeBlock(m, node.finalizer, env);
  return final === NORMAL ? completion : final;
}

function handle(
  m: Machine,
  node: Statement & { type: 'try' },
  env: Env,
  error: Value,
  count: number,
): Completion {
  if (node.handlers.length === 0) return NORMAL;
  const run = (at: number): Completion => {
    const handler = node.handlers[at]!;
    const inner = env.module.language === 'javascript' ? m.newEnv(env, false) : env;
    if (handler.target !== undefined) assignPattern(m, handler.target, error, inner, 'let');
    return execute(m, handler.body, inner);
  };
  if (count <= 1) return run(0);
  return eitherOf(
    m,
    node.handlers.map((_, i) => () => run(i)),
  );
}

/** Nothing, `pass`, `…`, a bare `return` or `continue`: the error is gone. */
function isEmpty(body: readonly Statement[]): boolean {
  return body.every(
    (s) =>
      (s.type === 'expression' && s.expression.type === 'constant') ||
      (s.type === 'return' && (s.value === undefined || s.value.type === 'constant')) ||
      s.type === 'continue' ||
      (s.type === 'block' && isEmpty(s.body)),
  );
}

function executeWith(m: Machine, node: Statement & { type: 'with' }, env: Env): Completion {
  for (const item of node.items) {
    const value = evaluate(m, item.value, env);
    if (item.target === undefined) {
      enter(m, value);
      continue;
    }
    assignPattern(m, item.target, enter(m, value), env, undefined);
  }
  return executeBlock(m, node.body, env);
}

/** `__enter__` of instances; files, sockets and the like are themselves. */
function enter(m: Machine, value: Value): Value {
  if (
    value.kind === 'dict' &&
    value.prototype?.kind === 'class' &&
    m.activation.env.module.language === 'python'
  ) {
    const has = findInClass(m, value.prototype, '__enter__') ?? findInClass(m, value.prototype, '__aenter__');
    if (has?.kind === 'func') {
      const entered = callMember(m, value, has.node.name, [], NO_KEYWORDS, false);
      const exit = findInClass(m, value.prototype, '__exit__');
      if (exit?.kind === 'func') m.deferred.push({ fn: alteredFunc(exit, { thisValue: value }), args: [] });
      return entered;
    }
  }
  return value;
}
