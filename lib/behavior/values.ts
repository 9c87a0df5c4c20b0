/**
 * Abstract values of the interpreter. A value is either known (constants, bytes, lists, dicts, functions,
 * classes of the package itself), a reference into the world outside the package (`ref`), or unknown.
 *
 * References are access paths from a module: `child_process.exec`, `os.environ`, and for what a call
 * returned `http.request()`, `http.request().on`, `WebSocket()`. Rules in `apis/` match on these paths, so
 * an alias, a wrapper or a destructuring changes nothing. JavaScript globals are paths without a module
 * (`process.env`, `fetch`, `eval`, `Buffer.from`), with `globalThis.`/`window.`/`global.` stripped; Node
 * core modules have no `node:` prefix. Python builtins are `builtins.eval`, `builtins.open`.
 *
 * Labels ride on every value and say where it came from. A label is the word after `carries:` in the
 * taxonomy's qualifiers (`env`, `env-variable`, `host`, `credentials`, `browser`, `wallet`, `file`, `input`, `download`,
 * `decoded`, `output`), or `assembled` for a string put together from pieces. They are how a transmission knows what it
 * carries and an execution knows that it runs what was downloaded. `carried()` in `strings.ts` maps them.
 */
import type { ClassExpression, FunctionExpression } from './ir.js';

export type Labels = ReadonlySet<string>;
export const NO_LABELS: Labels = new Set();

export type Value = Known | Bytes | List | Dict | Func | Class | Ref | Choice | Unknown;

export interface Known {
  readonly kind: 'known';
  readonly value: string | number | boolean | null | undefined | bigint;
  readonly labels: Labels;
}
export interface Bytes {
  readonly kind: 'bytes';
  readonly value: Uint8Array;
  readonly labels: Labels;
}
/** Arrays, tuples, sets. Mutable, shared by reference as in both languages. `open`: holds more than is known. */
export interface List {
  readonly kind: 'list';
  /** Changed through `itemsToChange` only. */
  readonly items: readonly Value[];
  open: boolean;
  /** Changed through `relabel` only. */
  readonly labels: Labels;
}
/** Plain objects, dicts, instances, module namespaces. `open`: may hold more keys than are known. */
export interface Dict {
  readonly kind: 'dict';
  /** Changed through `setEntry`, `deleteEntry` and `clearEntries` only. */
  readonly entries: ReadonlyMap<string, Value>;
  /** What instances inherit from: a class, a constructor function (its `prototype`), or a plain object; changed through `inheritFrom` only. */
  readonly prototype: Class | Func | Dict | undefined;
  open: boolean;
  /** Changed through `relabel` only. */
  readonly labels: Labels;
}
export interface Func {
  readonly kind: 'func';
  readonly node: FunctionExpression;
  readonly scope: Scope;
  /** File the function stands in, for evidence and relative imports. */
  readonly file: string;
  readonly thisValue: Value | undefined;
  readonly boundArgs: readonly Value[] | undefined;
  readonly properties: Map<string, Value>;
  /** A getter: reading the entry that holds it calls it. */
  readonly accessor: 'get' | 'set' | undefined;
  /** The class a method was defined in: where `super` begins. */
  readonly homeClass: Class | undefined;
  readonly labels: Labels;
}
export interface Class {
  readonly kind: 'class';
  readonly node: ClassExpression;
  readonly scope: Scope;
  readonly file: string;
  readonly bases: readonly Value[];
  readonly statics: Map<string, Value>;
  readonly methods: Map<string, Value>;
  readonly labels: Labels;
}
export interface Ref {
  readonly kind: 'ref';
  readonly path: string;
  /** For the result of a call: the arguments it was called with, so that later rules can see them. */
  readonly args: readonly Value[] | undefined;
  readonly labels: Labels;
}
/** One of several values, where control flow joins; at most 8, flattened. */
export interface Choice {
  readonly kind: 'choice';
  readonly options: readonly Value[];
  readonly labels: Labels;
}
export interface Unknown {
  readonly kind: 'unknown';
  readonly labels: Labels;
  /**
   * Of a string that is only partly known (`https://host/?q=${x}`): its pieces, with `UNKNOWN_PIECE` for what is not
   * known. Concatenation and templates keep it, so that an address or a command line is still recognised.
   */
  readonly partial: string | undefined;
}
/** Stands for the unknown pieces of `Unknown.partial`. */
export const UNKNOWN_PIECE = '\ufffc';

/** A lexical scope. Lookup walks `parent`; what no scope holds is a global of the language. */
export interface Scope {
  readonly parent: Scope | undefined;
  readonly names: Map<string, Value>;
  readonly isFunction: boolean;
}

// Each kind of value is made in one place, always with the same properties: the engine compiles the interpreter for the
// shapes of objects it meets, and again for every further one.

export const known = (value: Known['value'], labels: Labels = NO_LABELS): Known => ({
  kind: 'known',
  value,
  labels,
});
export const bytes = (value: Uint8Array, labels: Labels = NO_LABELS): Bytes => ({
  kind: 'bytes',
  value,
  labels,
});
export const list = (items: Value[], open = false, labels: Labels = NO_LABELS): List => ({
  kind: 'list',
  items,
  open,
  labels,
});
export const dict = (
  entries: Map<string, Value> = new Map(),
  open = false,
  labels: Labels = NO_LABELS,
  prototype?: Dict['prototype'],
): Dict => ({
  kind: 'dict',
  entries,
  prototype,
  open,
  labels,
});
export const ref = (path: string, labels: Labels = NO_LABELS, args?: readonly Value[]): Ref => ({
  kind: 'ref',
  path,
  args,
  labels,
});
export const choice = (options: readonly Value[], labels: Labels): Choice => ({
  kind: 'choice',
  options,
  labels,
});
/** A function as its definition makes it. */
export const func = (node: FunctionExpression, scope: Scope, file: string, homeClass?: Class): Func => ({
  kind: 'func',
  node,
  scope,
  file,
  thisValue: undefined,
  boundArgs: undefined,
  properties: new Map(),
  accessor: undefined,
  homeClass,
  labels: NO_LABELS,
});
/** The same function, bound or marked otherwise. */
export const alteredFunc = (fn: Func, change: Partial<Omit<Func, 'kind'>>): Func => ({
  kind: 'func',
  node: fn.node,
  scope: fn.scope,
  file: fn.file,
  thisValue: change.thisValue ?? fn.thisValue,
  boundArgs: change.boundArgs ?? fn.boundArgs,
  properties: change.properties ?? fn.properties,
  accessor: change.accessor ?? fn.accessor,
  homeClass: change.homeClass ?? fn.homeClass,
  labels: change.labels ?? fn.labels,
});
const unknownText = (partial: string | undefined, labels: Labels): Unknown => ({
  kind: 'unknown',
  partial,
  labels,
});
export const UNKNOWN: Unknown = unknownText(undefined, NO_LABELS);

// Lists and dicts are changed here alone, so that what was worked out of one (`operations.ts`, `sites.ts`) is known to hold as
// long as none changed. The number of changes stands for all of them: what holds what is not followed.

let changes = 0;

/** Changes of lists and dicts so far. */
export const changesSoFar = (): number => changes;

/** To be called where a map that may be the entries of a dict (names of a scope, methods of a class) is about to change. */
export function noteChange(): void {
  changes++;
}

/** The items, to be changed before anything else is evaluated. */
export function itemsToChange(holder: List): Value[] {
  changes++;
  return holder.items as Value[];
}

export function setEntry(holder: Dict, key: string, value: Value): void {
  changes++;
  (holder.entries as Map<string, Value>).set(key, value);
}

export function deleteEntry(holder: Dict, key: string): void {
  changes++;
  (holder.entries as Map<string, Value>).delete(key);
}

/** The entries as names of a scope, which notes its changes itself. */
export const entriesToShare = (holder: Dict): Map<string, Value> => holder.entries as Map<string, Value>;

export function clearEntries(holder: Dict): void {
  changes++;
  (holder.entries as Map<string, Value>).clear();
}

export function inheritFrom(holder: Dict, prototype: Dict['prototype']): void {
  changes++;
  (holder as { prototype: Dict['prototype'] }).prototype = prototype;
}

export function relabel(holder: List | Dict, labels: Labels): void {
  if (holder.labels === labels) return;
  changes++;
  (holder as { labels: Labels }).labels = labels;
}

export function union(...sets: readonly Labels[]): Labels {
  const filled = sets.filter((s) => s.size > 0);
  if (filled.length === 0) return NO_LABELS;
  if (filled.length === 1) return filled[0]!;
  const out = new Set<string>();
  for (const s of filled) for (const label of s) out.add(label);
  return out;
}

/** An unknown value; `partial` is kept when at least one piece of it is known, up to 4096 characters. */
export function unknown(labels: Labels = NO_LABELS, partial?: string): Unknown {
  if (partial === undefined || partial.length > 4096 || /^\ufffc*$/.test(partial)) {
    return labels.size === 0 ? UNKNOWN : unknownText(undefined, labels);
  }
  return unknownText(partial, labels);
}

/** The text of a value as far as it is known: whole, or with `UNKNOWN_PIECE` in it. Undefined when nothing is. */
export function partialText(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'known') return typeof value.value === 'string' ? value.value : undefined;
  if (value.kind === 'unknown') return value.partial;
  if (value.kind === 'choice') {
    for (const option of value.options) {
      const text = partialText(option);
      if (text !== undefined) return text;
    }
  }
  return undefined;
}
