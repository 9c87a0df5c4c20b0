/** Operations on values that need no language: joins, labels, comparison of what is known. */

import { chargeReading, isKnownText, relabelled, surelyDiffer } from '../joined-texts.js';
import { plainText } from '../plain-text.js';
import {
  alteredFunc,
  bytes,
  choice,
  known,
  type Labels,
  NO_LABELS,
  type Ref,
  ref,
  relabel,
  UNKNOWN,
  union,
  unknown,
  type Value,
} from '../values.js';
import { Kept, WORTH_KEEPING } from './kept.js';
import { LIMITS } from './machine.js';

export const UNDEFINED: Value = known(undefined);
export const ASSEMBLED: Labels = new Set(['assembled']);

/** Values from which on duplicates are found by a key: a function that gives a list returns as many as it was asked for. */
const MANY_VALUES = 64;

/** One value that may be any of these: where control flow joins. Order kept, duplicates dropped. */
export function join(values: readonly (Value | undefined)[]): Value {
  const options: Value[] = [];
  const alike: Alike | undefined = values.length > MANY_VALUES ? new Map() : undefined;
  for (const value of values) {
    if (value === undefined || value === options[0]) continue;
    if (value.kind === 'choice') for (const option of value.options) addOption(options, option, alike);
    else addOption(options, value, alike);
  }
  if (options.length === 0) return UNDEFINED;
  if (options.length === 1) return options[0]!;
  let labels = NO_LABELS;
  for (const option of options) if (option.labels.size > 0) labels = union(labels, option.labels);
  const kept = options.length > LIMITS.choices ? options.slice(0, LIMITS.choices) : options;
  return choice(kept, labels);
}

/** Options by what those have in common that may be the same. */
type Alike = Map<unknown, Value[]>;

function addOption(options: Value[], value: Value, alike: Alike | undefined): void {
  if (alike === undefined) {
    for (const option of options) if (sameValue(option, value)) return;
  } else {
    const key = sharedBySame(value);
    const candidates = alike.get(key);
    if (candidates === undefined) alike.set(key, [value]);
    else {
      for (const option of candidates) if (sameValue(option, value)) return;
      candidates.push(value);
    }
  }
  options.push(value);
}

/** Equal for any two values that `sameValue` finds the same. */
function sharedBySame(value: Value): unknown {
  switch (value.kind) {
    case 'known':
      return value.value;
    case 'unknown':
      return value.partial;
    case 'ref':
      return value.args ?? value.path;
    case 'func':
      return value.scope;
    default:
      return value;
  }
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a.kind === 'known' && b.kind === 'known') {
    if (a.labels.size !== b.labels.size || (isKnownText(a) && isKnownText(b) && surelyDiffer(a, b)))
      return false;
    return Object.is(a.value, b.value);
  }
  if (a.kind === 'ref' && b.kind === 'ref') return a.path === b.path && a.args === b.args;
  if (a.kind === 'func' && b.kind === 'func') {
    return a.node === b.node && a.scope === b.scope && a.thisValue === b.thisValue;
  }
  return (
    a.kind === 'unknown' && b.kind === 'unknown' && a.labels.size === b.labels.size && a.partial === b.partial
  );
}

/** Parts of a value looked at for labels: enough for any object a program builds by hand. */
const LABEL_PARTS = 300;

/** All labels reachable in a value, through containers to a bounded depth and number of parts. */
export function labelsOf(value: Value | undefined): Labels {
  if (value === undefined) return NO_LABELS;
  if (value.kind !== 'list' && value.kind !== 'dict' && value.kind !== 'choice') return value.labels;
  return labelsIn(value, () => collectLabels(value, 4));
}

/** The labels of a list that holds these and has none of its own. */
export function labelsOfItems(items: readonly Value[]): Labels {
  return labelsIn(items, () => collectFrom(items, 3));
}

function labelsIn(holder: object, collect: () => void): Labels {
  const seen = labelsSeen.get(holder);
  if (seen !== undefined) {
    partsLooked += seen.parts;
    return seen.labels;
  }
  found = undefined;
  partsLeft = LABEL_PARTS;
  collect();
  const parts = LABEL_PARTS - Math.max(0, partsLeft);
  partsLooked += parts;
  const labels = found ?? NO_LABELS;
  if (parts >= WORTH_KEEPING) labelsSeen.set(holder, { labels, parts });
  return labels;
}

const labelsSeen = new Kept<{ readonly labels: Labels; readonly parts: number }>();

/** Parts looked at for labels since this was asked last. */
export function takePartsLooked(): number {
  const parts = partsLooked;
  partsLooked = 0;
  return parts;
}
let partsLooked = 0;

// What one collection found and may still look at. Kept here since most values carry no label at all and are looked at
// by the million: a collection without a find allocates nothing.
let found: Set<string> | undefined;
let partsLeft = 0;

function collectLabels(value: Value, depth: number): void {
  const { labels } = value;
  if (labels !== NO_LABELS && labels.size > 0) {
    found ??= new Set();
    for (const label of labels) found.add(label);
  }
  if (depth === 0) return;
  switch (value.kind) {
    case 'dict':
      for (const part of value.entries.values()) {
        if (--partsLeft < 0) return;
        collectLabels(part, depth - 1);
      }
      return;
    case 'list':
      collectFrom(value.items, depth - 1);
      return;
    case 'choice':
      collectFrom(value.options, depth - 1);
  }
}

function collectFrom(values: readonly Value[], depth: number): void {
  for (let i = 0; i < values.length; i++) {
    if (--partsLeft < 0) return;
    collectLabels(values[i]!, depth);
  }
}

export function labelsOfAll(values: Iterable<Value>): Labels {
  let all = NO_LABELS;
  for (const value of values) {
    const labels = labelsOf(value);
    if (labels.size > 0) all = all.size === 0 ? labels : union(all, labels);
  }
  return all;
}

export function withLabels(value: Value, labels: Labels): Value {
  if (labels.size === 0) return value;
  let missing = false;
  for (const label of labels) if (!value.labels.has(label)) missing = true;
  if (!missing) return value;
  const all = union(value.labels, labels);
  switch (value.kind) {
    case 'unknown':
      return unknown(all, value.partial);
    case 'known':
      return isKnownText(value) ? relabelled(value, all) : known(value.value, all);
    case 'bytes':
      return bytes(value.value, all);
    case 'ref':
      return ref(value.path, all, value.args);
    case 'choice':
      return choice(value.options, all);
    case 'func':
      return alteredFunc(value, { labels: all });
    case 'class':
      return { ...value, labels: all };
    case 'list':
    case 'dict':
      relabel(value, all);
      return value;
  }
}

/** The reference one step further, or what is left of it when the path grows too long to mean anything. */
export function extend(base: Ref, segment: string, labels: Labels = base.labels): Value {
  const path = `${base.path}.${segment}`;
  if (tooLong(path)) return unknown(labels);
  return ref(path, labels, base.args);
}

export function tooLong(path: string): boolean {
  if (path.length < 24) return false;
  let segments = 1;
  for (let i = path.indexOf('.'); i >= 0; i = path.indexOf('.', i + 1)) segments++;
  return segments > LIMITS.pathSegments || path.length > 300;
}

/** What the elements of a value are when it is iterated and not known element by element. */
export function elementOf(value: Value): Value {
  switch (value.kind) {
    case 'list':
      return value.items.length === 0 ? unknown(value.labels) : join(value.items.slice(0, 64));
    case 'dict':
      return unknown(labelsOf(value));
    case 'ref':
      return extend(value, '?');
    case 'choice':
      return join(value.options.map(elementOf));
    default:
      return unknown(value.labels);
  }
}

/** The string of a known value, of the first known option of a choice. */
export function textOf(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'known') return typeof value.value === 'string' ? value.value : undefined;
  if (value.kind === 'choice') {
    for (const option of value.options) {
      const text = textOf(option);
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** Bytes of a bytes value, of a list of small integers, of a string in Latin-1. */
export function bytesOf(value: Value | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'bytes') return value.value;
  if (value.kind === 'known' && typeof value.value === 'string') return Buffer.from(value.value, 'latin1');
  if (value.kind === 'list' && !value.open) {
    const out = new Uint8Array(value.items.length);
    for (const [i, item] of value.items.entries()) {
      if (item.kind !== 'known' || typeof item.value !== 'number') return undefined;
      out[i] = item.value & 255;
    }
    return out;
  }
  if (value.kind === 'choice') {
    for (const option of value.options) {
      const found = bytesOf(option);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

let nextId = 0;
let ids = new WeakMap<object, number>();

/** Begins a walk: the length of a number must not tell how much this process has read before. */
export function forgetIds(): void {
  nextId = 0;
  ids = new WeakMap();
}

/** A number that tells an object from every other one of the same walk. */
export function idOf(object: object): number {
  let id = ids.get(object);
  if (id === undefined) {
    id = ++nextId;
    ids.set(object, id);
  }
  return id;
}

/** Tells calls apart by what is known of their arguments. Equal signatures: walking again would find nothing new. */
export function signature(values: readonly Value[], thisValue: Value | undefined): string {
  let out = thisValue === undefined ? '' : `${one(thisValue)}|`;
  for (const value of values) out += `${one(value)},`;
  return out;
}

function one(value: Value): string {
  switch (value.kind) {
    case 'known':
      chargeReading(value);
      return `${typeof value.value}:${plainText(value.value).slice(0, 400)}${labelKey(value.labels)}`;
    case 'bytes':
      return `b${idOf(value.value)}`;
    case 'list':
      return `l${idOf(value)}.${value.items.length}`;
    case 'dict':
      return value.prototype === undefined ? `d${idOf(value)}.${value.entries.size}` : `i${idOf(value)}`;
    case 'func':
      return `f${idOf(value.node)}.${idOf(value.scope)}`;
    case 'class':
      return `c${idOf(value.node)}`;
    case 'ref':
      return `r${value.path}${labelKey(value.labels)}`;
    case 'choice':
      return `(${value.options.map(one).join('/')})`;
    case 'unknown':
      return value === UNKNOWN ? '?' : `?${value.partial ?? ''}${labelKey(value.labels)}`;
  }
}

function labelKey(labels: Labels): string {
  return labels.size === 0 ? '' : `#${[...labels].sort().join()}`;
}
