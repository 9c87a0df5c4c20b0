/** Where the walked code touches the world outside the package: rules fire here. */
import type { Rule, Site } from '../api.js';
import { takeLooked } from '../looks.js';
import { choice, type Func, known, type Ref, ref, unknown, type Value } from '../values.js';
import { callValue } from './calls.js';
import { Kept, WORTH_KEEPING } from './kept.js';
import { type Machine, ThrowSignal } from './machine.js';
import { callNative } from './natives.js';
import { labelsOf, labelsOfAll, takePartsLooked, tooLong } from './operations.js';
import { noteComputed } from './repetition.js';
import { useText } from './text.js';

export const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();
const NO_ARGS: readonly Value[] = [];

function apply(m: Machine, rules: readonly Rule[], site: Site): Value | undefined {
  let result: Value | undefined;
  const position = m.position;
  for (const rule of rules) {
    m.position = position;
    const value = rule.apply(site, m.context);
    if (value !== undefined) result = value;
  }
  m.position = position;
  return result;
}

/**
 * A reference is read. Where longer paths have rules too, the rule of the shorter one waits until the value as a
 * whole is used (`whole`): `const e = process.env; e.CI` reads one variable.
 */
export function fireRead(m: Machine, value: Ref, whole: boolean): Value {
  const index = m.language.index;
  if (!whole && (m.inCallee || index.isContainer(value.path))) return value;
  const rules = index.match('read', value.path);
  if (rules.length === 0) return value;
  const site: Site = {
    path: value.path,
    args: value.args ?? NO_ARGS,
    keywords: NO_KEYWORDS,
    receiver: undefined,
    isNew: false,
    position: m.position,
  };
  return apply(m, rules, site) ?? value;
}

/** The value leaves what is followed name by name: it is passed on, spread, iterated, put into a container. */
export function use(m: Machine, value: Value): Value {
  if (value.kind === 'ref') {
    return m.language.index.isContainer(value.path) ? fireRead(m, value, true) : value;
  }
  if (value.kind === 'choice' && value.options.some((o) => o.kind === 'ref')) {
    const options = value.options.map((option) => use(m, option));
    return options.every((option, i) => option === value.options[i]) ? value : choice(options, value.labels);
  }
  return value;
}

export function fireWrite(m: Machine, path: string, value: Value, receiver: Value | undefined): void {
  const rules = m.language.index.match('write', path);
  if (rules.length === 0) return;
  apply(m, rules, {
    path,
    args: [value],
    keywords: NO_KEYWORDS,
    receiver,
    isNew: false,
    position: m.position,
  });
}

/** Fires import rules of a module outside the package; returns the reference to it. */
export function fireImport(m: Machine, name: string): Value {
  const rules = m.language.index.match('import', name);
  const site: Site = {
    path: name,
    args: NO_ARGS,
    keywords: NO_KEYWORDS,
    receiver: undefined,
    isNew: false,
    position: m.position,
  };
  return apply(m, rules, site) ?? ref(name);
}

/** Calls a reference: native machinery of the language, then rules, then pure evaluation. */
export function callRef(
  m: Machine,
  callee: Ref,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  receiver: Value | undefined,
  isNew: boolean,
): Value {
  const native = callNative(m, callee, args, keywords, receiver, isNew);
  if (native !== undefined) return native;
  const path = callee.path;
  const used = args.map((arg) => use(m, arg));
  const usedKeywords =
    keywords.size === 0 ? keywords : new Map([...keywords].map(([k, v]) => [k, use(m, v)]));
  const rules = m.language.index.match('call', path);
  const before = m.walkCounter;
  let result: Value | undefined;
  if (rules.length > 0) {
    for (const arg of used) useText(m, arg);
    // The result of a call that is called itself, `codecs.getdecoder('hex')(x)`, is its own receiver.
    const site: Site = {
      path,
      args: used,
      keywords: usedKeywords,
      receiver: receiver ?? callee,
      isNew,
      position: m.position,
    };
    result = apply(m, rules, site);
  }
  const computed = result ?? m.language.library.builtins.callPath(path, used, usedKeywords, m.context);
  if (computed === undefined || (rules.length > 0 && computed.kind !== 'known')) {
    m.unknownCalls++;
    if (rules.length === 0) for (const arg of used) useText(m, arg);
  }
  callbacks(m, used, usedKeywords, before, callee);
  if (computed !== undefined) {
    noteComputed(m, computed, used[0]);
    return computed;
  }
  const labels = labelsOfAll([callee, ...used, ...usedKeywords.values()]);
  const called = `${path}()`;
  return tooLong(called) ? unknown(labels) : ref(called, labels, used);
}

/** Functions handed to code that is not followed may be called: they are, with unknown arguments, unless a rule did. */
export function callbacks(
  m: Machine,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
  before: number,
  callee: Value,
): void {
  for (const arg of args) callbacksIn(m, arg, before, callee);
  for (const arg of keywords.values()) callbacksIn(m, arg, before, callee);
  // Labels of arguments were or will be collected for this call: that is work too, most of all where choices hold choices.
  m.looksAt(takePartsLooked() + takeLooked());
}

/** Parts of one argument looked at for functions. */
const CALLBACK_PARTS = 4096;

function callbacksIn(m: Machine, value: Value, before: number, callee: Value): void {
  let found = functionsSeen.get(value);
  if (found === undefined) {
    const functions: Func[] = [];
    const parts = CALLBACK_PARTS - findFunctions(value, functions, 2, CALLBACK_PARTS);
    found = { functions, parts };
    if (parts >= WORTH_KEEPING) functionsSeen.set(value, found);
  }
  m.looksAt(found.parts);
  for (const fn of found.functions) callback(m, fn, before, callee);
}

const functionsSeen = new Kept<{ readonly functions: readonly Func[]; readonly parts: number }>();

/** Collects functions in a value and in what it holds, `depth` containers deep; returns how many of `left` parts are left. */
function findFunctions(value: Value, into: Func[], depth: number, left: number): number {
  if (left <= 0) return 0;
  let rest = left - 1;
  // Looked at once: values are of many shapes, and finding where one keeps its kind is most of the work here.
  switch (value.kind) {
    case 'func':
      into.push(value);
      break;
    case 'choice':
      for (let i = 0; i < value.options.length; i++)
        rest = findFunctions(value.options[i]!, into, depth, rest);
      break;
    case 'dict':
      if (depth === 0 || value.prototype !== undefined || value.entries.size > 64) break;
      for (const entry of value.entries.values()) rest = findFunctions(entry, into, depth - 1, rest);
      break;
    case 'list':
      if (depth === 0 || value.items.length > 64) break;
      for (let i = 0; i < value.items.length; i++)
        rest = findFunctions(value.items[i]!, into, depth - 1, rest);
      break;
  }
  return rest;
}

function callback(m: Machine, fn: Func, before: number, callee: Value): void {
  if ((m.functions.get(fn.node)?.lastWalk ?? -1) > before) return;
  // A promise hands on what it was made from, so that `fetch(u).then(r => r.text())` keeps its path.
  const isThen = callee.kind === 'ref' && /\.(then|finally)$/.test(callee.path);
  const passed =
    isThen && callee.kind === 'ref'
      ? ref(callee.path.replace(/\.(then|finally)$/, ''), callee.labels, callee.args)
      : unknown(callbackLabels(callee));
  const args: Value[] = fn.node.params.map((_, i) => (i === 0 || !isThen ? passed : unknown(new Set())));
  callValue(m, fn, args, NO_KEYWORDS, undefined, false);
}

/** What a callback of a call on labelled data is given carries those labels. */
const callbackLabels = (callee: Value): ReadonlySet<string> => labelsOf(callee);

/** A call of something that is not known at all. */
export function callUnknown(
  m: Machine,
  callee: Value,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value {
  m.unknownCalls++;
  const used = args.map((arg) => use(m, arg));
  for (const arg of used) useText(m, arg);
  callbacks(m, used, keywords, m.walkCounter, callee);
  return unknown(labelsOfAll([callee, ...used, ...keywords.values()]));
}

/** An error that the code around is sure to catch, else nothing. */
export function throwIfCaught(m: Machine, message: string): void {
  if (m.tryLevel === m.uncertain) throw new ThrowSignal(known(message));
}
