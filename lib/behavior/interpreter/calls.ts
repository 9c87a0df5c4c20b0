/** Calls: package functions are walked in place, classes make instances, everything else goes to `sites.ts`. */
import type { Pattern } from '../ir.js';
import { classifyText } from '../strings.js';
import {
  alteredFunc,
  type Class,
  type Dict,
  dict,
  type Func,
  known,
  list,
  NO_LABELS,
  UNKNOWN,
  unknown,
  type Value,
} from '../values.js';
import { DecoderGuess } from './decoders.js';
import { assignPattern, evaluate } from './expressions.js';
import {
  type Activation,
  type Env,
  type FunctionRecord,
  LIMITS,
  type Machine,
  Env as Scope,
} from './machine.js';
import { join, labelsOf, labelsOfAll, signature, UNDEFINED } from './operations.js';
import { builtinMethod, findInClass, readProperty, writeProperty } from './properties.js';
import { isPure } from './purity.js';
import { worthRepeating } from './repeats.js';
import { charge, noteAnswer, noteComputed } from './repetition.js';
import { branches, setIn } from './scope.js';
import { callbacks, callRef, callUnknown, NO_KEYWORDS, throwIfCaught, use } from './sites.js';
import { execute } from './statements.js';

export function callValue(
  m: Machine,
  callee: Value,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  thisValue: Value | undefined,
  isNew: boolean,
): Value {
  switch (callee.kind) {
    case 'func':
      return isNew
        ? construct(m, callee, args, keywords)
        : callFunction(m, callee, args, keywords, thisValue);
    case 'class':
      return instantiate(m, callee, args, keywords);
    case 'ref':
      return callRef(m, callee, args, keywords, thisValue, isNew);
    case 'choice': {
      const options = callee.options.filter(
        (o) => o.kind === 'func' || o.kind === 'class' || o.kind === 'ref' || o.kind === 'dict',
      );
      if (options.length === 0) return callUnknown(m, callee, args, keywords);
      return join(
        branches(
          m,
          options.map((option) => () => callValue(m, option, args, keywords, thisValue, isNew)),
          () => false,
        ),
      );
    }
    case 'dict': {
      const call =
        callee.entries.get('__call__') ??
        (callee.prototype?.kind === 'class' ? findInClass(m, callee.prototype, '__call__') : undefined);
      if (call?.kind === 'func') return callFunction(m, call, args, keywords, callee);
      return callUnknown(m, callee, args, keywords);
    }
    case 'known':
      throwIfCaught(m, 'is not a function');
      return callUnknown(m, callee, args, keywords);
    default:
      return callUnknown(m, callee, args, keywords);
  }
}

/** `receiver.name(...)`, with the receiver as `this`. */
export function callMember(
  m: Machine,
  receiver: Value,
  name: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  isNew: boolean,
): Value {
  if (receiver.kind === 'choice') {
    const options = receiver.options;
    return join(
      branches(
        m,
        options.map((option) => () => callMember(m, option, name, args, keywords, isNew)),
        () => false,
      ),
    );
  }
  if (receiver.kind === 'ref') {
    const member = readForCall(m, receiver, name);
    return callValue(m, member, args, keywords, receiver, isNew);
  }
  if (receiver.kind === 'func' || receiver.kind === 'class') {
    const applied = callThrough(m, receiver, name, args, keywords);
    if (applied !== undefined) return applied;
  }
  if (receiver.kind === 'dict' || receiver.kind === 'func' || receiver.kind === 'class') {
    const member = ownMember(m, receiver, name);
    if (member !== undefined) return callValue(m, member, args, keywords, receiver, isNew);
  }
  const isPython = m.activation.env.module.language === 'python';
  if (receiver.kind !== 'unknown' || (isPython && receiver.partial !== undefined)) {
    const before = m.walkCounter;
    const used = args.map((arg) => use(m, arg));
    if (receiver.kind === 'list') m.changing(receiver);
    const computed = m.language.library.builtins.callMethod(receiver, name, used, keywords, m.context);
    if (computed !== undefined) {
      noteComputed(m, computed, receiver);
      return computed;
    }
    const added = m.refProperties.size > 0 ? builtinMethod(m, receiver, name) : undefined;
    if (added !== undefined) return callValue(m, added, args, keywords, receiver, isNew);
    if (receiver.kind === 'known' && (receiver.value === undefined || receiver.value === null)) {
      throwIfCaught(m, `Cannot read ${name}`);
    }
    return callUnknownMember(m, receiver, name, used, keywords, before);
  }
  return callUnknownMember(m, receiver, name, args, keywords, m.walkCounter);
}

/** Unknown methods: promises hand their value on, everything else keeps the labels of what went in. */
function callUnknownMember(
  m: Machine,
  receiver: Value,
  name: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  before: number,
): Value {
  if ((name === 'then' || name === 'finally') && args[0]?.kind === 'func') {
    const result = callValue(m, args[0], [receiver], NO_KEYWORDS, undefined, false);
    if (args[1]?.kind === 'func') callValue(m, args[1], [UNKNOWN], NO_KEYWORDS, undefined, false);
    return name === 'then' ? result : receiver;
  }
  if (name === 'catch' && args[0]?.kind === 'func') {
    callValue(m, args[0], [UNKNOWN], NO_KEYWORDS, undefined, false);
    return receiver;
  }
  m.unknownCalls++;
  const used = args.map((arg) => use(m, arg));
  if (receiver.kind === 'list' && MUTATORS.test(name)) receiver.open = true;
  callbacks(m, used, keywords, before, receiver);
  return unknown(labelsOfAll([receiver, ...used, ...keywords.values()]));
}
const MUTATORS = /^(push|unshift|splice|fill|append|extend|insert|update|add)$/;

/** The member of a reference as a callee: its read rules do not fire, its call rules will. */
export function readForCall(m: Machine, receiver: Value & { kind: 'ref' }, name: string): Value {
  const saved = m.inCallee;
  m.inCallee = true;
  try {
    return readProperty(m, receiver, name);
  } finally {
    m.inCallee = saved;
  }
}

function ownMember(m: Machine, receiver: Dict | Func | Class, name: string): Value | undefined {
  if (receiver.kind === 'dict') {
    if (receiver.entries.has(name)) return readProperty(m, receiver, name);
    if (receiver.prototype !== undefined) {
      const found = readProperty(m, receiver, name);
      return found.kind === 'known' && found.value === undefined
        ? undefined
        : found.kind === 'unknown'
          ? undefined
          : found;
    }
    return undefined;
  }
  const found = readProperty(m, receiver, name);
  return found.kind === 'known' && found.value === undefined ? undefined : found;
}

/** `f.call(this, …)`, `f.apply(this, […])`, `f.bind(this, …)`. */
function callThrough(
  m: Machine,
  fn: Func | Class,
  name: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value | undefined {
  if (m.activation.env.module.language !== 'javascript') return undefined;
  if (fn.kind === 'func' && fn.properties.has(name)) return undefined;
  if (name === 'call') return callValue(m, fn, args.slice(1), keywords, args[0], false);
  if (name === 'apply') return callValue(m, fn, listItems(args[1]), keywords, args[0], false);
  if (name === 'bind' && fn.kind === 'func') {
    const boundArgs = [...(fn.boundArgs ?? []), ...args.slice(1)];
    return alteredFunc(fn, {
      properties: new Map(),
      thisValue: fn.thisValue ?? args[0],
      ...(boundArgs.length > 0 && { boundArgs }),
    });
  }
  return undefined;
}

export function listItems(value: Value | undefined): readonly Value[] {
  if (value === undefined) return [];
  if (value.kind === 'list') return value.items;
  if (value.kind === 'choice') return listItems(value.options.find((o) => o.kind === 'list'));
  return value.kind === 'known' ? [] : [unknown(labelsOf(value))];
}

/** Walks a function of the package in place of the call. */
export function callFunction(
  m: Machine,
  fn: Func,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  receiver: Value | undefined,
): Value {
  const home = homeOf(m, fn);
  const python = home.module.language === 'python';
  let actual = fn.boundArgs === undefined ? args : [...fn.boundArgs, ...args];
  let thisValue = fn.thisValue ?? receiver;
  if (python) {
    if (fn.thisValue !== undefined) actual = [fn.thisValue, ...actual];
    else if (
      receiver !== undefined &&
      receiver.kind === 'dict' &&
      receiver.prototype?.kind === 'class' &&
      isMethodOf(m, fn, receiver.prototype)
    ) {
      actual = [receiver, ...actual];
    }
    thisValue = undefined;
  }
  let record = m.functions.get(fn.node);
  if (record === undefined) {
    record = {
      walks: 0,
      active: 0,
      acts: false,
      memo: new Map(),
      last: undefined,
      lastWalk: 0,
      actsBefore: 0,
      fruitless: 0,
      repeated: 0,
      decoded: 0,
      kinds: undefined,
      secrets: undefined,
    };
    m.functions.set(fn.node, record);
  }
  record.lastWalk = ++m.walkCounter;
  const key = `${home.serial}|${signature(keywords.size === 0 ? actual : [...actual, ...keywords.values()], thisValue)}`;
  // Exact only while no argument was cut in the signature.
  if (record.walks > 0 && !python && key.length < 400) {
    const seen = record.memo.get(key);
    if (seen?.kind === 'known' && isPure(fn.node, home)) return seen;
  }
  const texts = python ? undefined : stringArguments(actual);
  const guessed = texts === undefined ? undefined : record.guess?.apply(texts);
  if (guessed !== undefined)
    return known(guessed, labelsOfAll([...actual, ...(record.last === undefined ? [] : [record.last])]));
  if (!shouldWalk(m, fn, home, record, key, actual, thisValue))
    return record.memo.get(key) ?? record.last ?? unknown(labelsOfAll(actual));
  const result = walk(m, fn, home, record, key, actual, keywords, thisValue);
  if (
    texts !== undefined &&
    result.kind === 'known' &&
    typeof result.value === 'string' &&
    isPure(fn.node, home)
  ) {
    record.guess ??= new DecoderGuess();
    record.guess.learn(texts, result.value);
  }
  return result;
}

/** One or two arguments, all strings that are known. */
function stringArguments(args: readonly Value[]): string[] | undefined {
  if (args.length === 0 || args.length > 2) return undefined;
  const out: string[] = [];
  for (const arg of args) {
    if (arg.kind !== 'known' || typeof arg.value !== 'string') return undefined;
    out.push(arg.value);
  }
  return out;
}

const isMethodOf = (m: Machine, fn: Func, cls: Class): boolean => {
  const member = findInClass(m, cls, fn.node.name);
  return member?.kind === 'func' && member.node === fn.node && !fn.properties.has('%static');
};

/** Different arguments a function that does something is walked with in one unit, but for secrets not seen yet. */
const VARIANTS = 6;

/**
 * A call is walked again when it may compute something new: always while it only computes and the budget
 * lasts, a few times with different arguments when it has behaviours of its own, never with the same ones.
 */
function shouldWalk(
  m: Machine,
  fn: Func,
  home: Env,
  record: FunctionRecord,
  key: string,
  args: readonly Value[],
  thisValue: Value | undefined,
): boolean {
  if (m.depth >= LIMITS.callDepth) return false;
  if (record.walks === 0) {
    namesNewSecret(record, args);
    return true;
  }
  if (!m.concrete) return false;
  // A decoder written with `Buffer.from(x, 'hex')` says that it decodes; it still only computes.
  const acts =
    (record.acts || (record.active > 0 && m.recorder.acts > record.actsBefore)) &&
    (m.activation.env.module.language !== 'javascript' || !isPure(fn.node, home));
  // Recursion that only computes is followed; recursion through folders and the like says the same again.
  if (record.active >= (acts ? 2 : 24)) return false;
  const seen = record.memo.get(key);
  if (acts) {
    if (seen !== undefined) return false;
    return namesNewSecret(record, args) || record.walks < VARIANTS;
  }
  // Computing functions are walked as often as they yield something; the others only until that is plain.
  return (seen === undefined || seen.kind !== 'unknown') && worthRepeating(m, record, args, thisValue);
}

/** Whether a text among the arguments names a secret of a kind that no walk saw: a list of them is read to its end. */
function namesNewSecret(record: FunctionRecord, args: readonly Value[]): boolean {
  let isNew = false;
  for (const arg of args) {
    if (arg.kind !== 'known' || typeof arg.value !== 'string') continue;
    for (const { code, onlyIfUnused } of classifyText(arg.value)) {
      // What counts only where nothing is done with it is what paths say.
      if (!onlyIfUnused || record.secrets?.has(code) === true) continue;
      record.secrets ??= new Set();
      record.secrets.add(code);
      isNew = true;
    }
  }
  return isNew;
}

/** The scope a function was made in. Libraries may hand in functions of their own, with a scope of names only. */
function homeOf(m: Machine, fn: Func): Env {
  const scope = fn.scope;
  return scope instanceof Scope ? scope : new Scope(undefined, true, m.activation.env.module, 0, scope.names);
}

function walk(
  m: Machine,
  fn: Func,
  scope: Env,
  record: FunctionRecord,
  key: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  thisValue: Value | undefined,
): Value {
  record.walks++;
  record.active++;
  m.unwalked.delete(fn.node);
  m.walkedFunctions.add(fn.node);
  const env = new Scope(scope, true, scope.module, ++m.serial);
  if (fn.node.flavor !== 'arrow' && fn.node.flavor !== 'lambda') {
    env.thisValue = thisValue ?? UNDEFINED;
    if (scope.module.language === 'javascript') env.args = args;
  }
  if (fn.homeClass !== undefined) env.homeClass = fn.homeClass;
  const activation: Activation = { env, returns: [], yields: fn.node.isGenerator ? [] : undefined };
  const saved = {
    activation: m.activation,
    position: m.position,
    tryLevel: m.tryLevel,
    label: m.label,
    // A return on an unknown condition leaves the function, not the loop it was called in.
    uncertainJump: m.uncertainJump,
  };
  const acted = m.recorder.acts;
  if (record.active === 1) record.actsBefore = acted;
  const first = record.walks === 1;
  const { steps, fresh, decoded } = m;
  if (!first) m.repeating++;
  m.activation = activation;
  m.depth++;
  let result: Value = UNDEFINED;
  try {
    bindParameters(m, fn, env, args, keywords);
    execute(m, fn.node.body, env);
    result = returned(activation);
    noteAnswer(m, record.memo.get(key), result);
  } finally {
    m.depth--;
    record.active--;
    m.activation = saved.activation;
    m.position = saved.position;
    m.tryLevel = saved.tryLevel;
    m.label = saved.label;
    m.uncertainJump = saved.uncertainJump;
    if (m.recorder.acts > acted) record.acts = true;
    if (first) m.fresh = fresh + m.steps - steps;
    else {
      m.repeating--;
      if (m.fresh === fresh && m.steps - steps > LIMITS.shortWalk) {
        charge(m, record, m.steps - steps, m.decoded - decoded);
      }
    }
  }
  if (result.kind === 'unknown' || result.kind === 'choice' || result.kind === 'ref') record.fruitless++;
  // A constructor gives its instance, a string table its list: obfuscated code asks them thousands of times.
  else if (result.kind === 'known' && result.value === undefined)
    record.fruitless += thisValue?.kind === 'dict' ? 0.002 : 0.2;
  else if (result.kind !== 'known' && result.kind !== 'bytes') record.fruitless += 0.002;
  if (record.memo.size < 2000) record.memo.set(key, result);
  record.last = result;
  return result;
}

function returned({ yields, returns }: Activation): Value {
  if (yields !== undefined) return list(yields, true);
  return returns.length === 0 ? UNDEFINED : join(returns);
}

function bindParameters(
  m: Machine,
  fn: Func,
  env: Env,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): void {
  const taken = new Set<string>();
  let next = 0;
  const python = env.module.language === 'python';
  for (const parameter of fn.node.params) {
    if (parameter.rest === 'list') {
      const rest = args.slice(next);
      bindPattern(m, parameter.target, list([...rest], false), env);
      next = args.length;
      continue;
    }
    if (parameter.rest === 'dict') {
      const rest = new Map([...keywords].filter(([name]) => !taken.has(name) && name !== '**'));
      bindPattern(m, parameter.target, dict(rest, keywords.has('**')), env);
      continue;
    }
    const name = parameter.target.type === 'name' ? parameter.target.name : undefined;
    const keyword = name === undefined ? undefined : keywords.get(name);
    let value: Value | undefined;
    if (keyword !== undefined && name !== undefined) {
      value = keyword;
      taken.add(name);
    } else if (next < args.length) value = args[next++];
    if (parameter.default !== undefined && (value === undefined || (!python && isUndefined(value)))) {
      value = evaluate(m, parameter.default, env);
    } else if (parameter.default !== undefined && value?.kind === 'unknown') {
      // The caller is not known: it may leave the parameter to its default.
      value = join([evaluate(m, parameter.default, env), value]);
    }
    bindPattern(m, parameter.target, value ?? (python ? UNKNOWN : UNDEFINED), env);
  }
}

const isUndefined = (value: Value): boolean => value.kind === 'known' && value.value === undefined;

function bindPattern(m: Machine, target: Pattern, value: Value, env: Env): void {
  if (target.type === 'name') setIn(m, env, target.name, value);
  else assignPattern(m, target, value, env, 'let');
}

/** `new f()` of a constructor function. */
function construct(
  m: Machine,
  fn: Func,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value {
  const instance = dict(new Map(), false, NO_LABELS, fn);
  if (!m.instances.has(fn.node)) m.instances.set(fn.node, instance);
  const result = callFunction(m, alteredFunc(fn, { thisValue: instance }), args, keywords, instance);
  return result.kind === 'dict' || result.kind === 'func' || result.kind === 'list' ? result : instance;
}

/** Makes an instance: fields, then the constructor, its own or an inherited one. */
export function instantiate(
  m: Machine,
  cls: Class,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value {
  const instance = dict(new Map(), false, NO_LABELS, cls);
  m.instances.set(cls.node, instance);
  if ((cls.scope as Env).module.language === 'python') {
    const make = findInClass(m, cls, '__new__');
    if (make?.kind === 'func') callFunction(m, make, [cls, ...args], keywords, undefined);
    const init = findInClass(m, cls, '__init__');
    if (init?.kind === 'func')
      callFunction(m, alteredFunc(init, { thisValue: instance }), args, keywords, undefined);
    else constructBase(m, cls, args, keywords);
    return instance;
  }
  const own = cls.methods.get('constructor');
  if (own?.kind !== 'func') {
    const made = constructSuper(m, cls, instance, args, keywords);
    initializeFields(m, cls, instance);
    return made ?? instance;
  }
  if (cls.bases.length === 0) initializeFields(m, cls, instance);
  const result = callFunction(m, own, args, keywords, instance);
  return result.kind === 'dict' ? result : instance;
}

/** A base outside the package: its constructor is a call of its own. */
function constructBase(
  m: Machine,
  cls: Class,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): void {
  for (const base of cls.bases) {
    if (base.kind === 'ref' && !base.path.startsWith('builtins.'))
      callRef(m, base, args, keywords, undefined, true);
    else if (base.kind === 'class') constructBase(m, base, args, keywords);
  }
}

/** `super(...)` of a JavaScript class. */
export function constructSuper(
  m: Machine,
  cls: Class,
  instance: Value,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value | undefined {
  const base = cls.bases[0];
  if (base === undefined) return undefined;
  if (base.kind === 'class') {
    const own = base.methods.get('constructor');
    if (own?.kind === 'func') {
      if (base.bases.length === 0) initializeFields(m, base, instance);
      callFunction(m, own, args, keywords, instance);
    } else {
      constructSuper(m, base, instance, args, keywords);
      initializeFields(m, base, instance);
    }
  } else if (base.kind === 'func') callFunction(m, base, args, keywords, instance);
  else if (base.kind === 'ref') callRef(m, base, args, keywords, undefined, true);
  return undefined;
}

export function initializeFields(m: Machine, cls: Class, instance: Value): void {
  if (!cls.node.members.some((member) => member.type === 'field' && !member.isStatic)) return;
  const scope = cls.scope as Env;
  const env = m.newEnv(scope, true);
  env.thisValue = instance;
  env.homeClass = cls;
  for (const member of cls.node.members) {
    if (member.type !== 'field' || member.isStatic) continue;
    const name = evaluate(m, member.name, env);
    const value = member.value === undefined ? UNDEFINED : evaluate(m, member.value, env);
    if (name.kind === 'known') writeProperty(m, instance, String(name.value), value);
  }
}
