/** What rules share: arguments by position or name, carried labels, what was written to disk in this artifact. */
import type { Context, Rule, Site } from '../../api.js';
import { carried, urlQualifiers } from '../../strings.js';
import { type Labels, NO_LABELS, partialText, type Ref, ref, union, type Value } from '../../values.js';
import { labelsOf, labelsOfAll, settle } from './core.js';

/** An argument by its place or, when given by name, by its name. */
export function argument(site: Site, index: number, ...names: readonly string[]): Value | undefined {
  for (const name of names) {
    const named = site.keywords.get(name);
    if (named !== undefined) return named;
  }
  return index < 0 ? undefined : site.args[index];
}

export function allLabels(site: Site): Labels {
  return labelsOfAll([...site.args, ...site.keywords.values()]);
}

/** `carries:*` of data, without what an honest program sends or runs all the time. */
export function carriedBy(...values: readonly (Value | undefined)[]): string[] {
  return carried(union(...values.map((v) => labelsOf(v))));
}

/** How a text came about, when it was not written down as it is. */
export function disguise(value: Value | undefined): string[] {
  return labelsOf(value).has('assembled') ? ['assembled'] : [];
}

export function addressOf(value: Value | undefined): string[] {
  return urlQualifiers(partialText(settle(value)));
}

/** The reference a call gives: `path()`, with labels of its own. */
export function result(site: Site, labels: Labels = NO_LABELS, args: readonly Value[] = site.args): Ref {
  return ref(`${site.path}()`, labels, args);
}

export const label = (...words: readonly string[]): Labels => new Set(words);

/** The arguments of the call that made the receiver: `open(p).read()` gives `[p]`. */
export function made(site: Site): readonly Value[] {
  const receiver = settle(site.receiver);
  return receiver?.kind === 'ref' ? (receiver.args ?? []) : [];
}

/** Files the code wrote while it was read, by path: a later command that names one runs what was written. */
export interface Written {
  readonly labels: Labels;
  readonly text: string | undefined;
}
const WRITTEN = new WeakMap<Context, Map<string, Written>>();
export function writtenFiles(context: Context): Map<string, Written> {
  let files = WRITTEN.get(context);
  if (files === undefined) {
    files = new Map();
    WRITTEN.set(context, files);
  }
  return files;
}

/** What was written into buffers in memory, which stand for themselves. */
const BUFFERED = new WeakMap<Value, Labels>();

/** Data with these labels goes into a buffer; nothing happens to other values. */
export function buffer(target: Value | undefined, labels: Labels): void {
  const one = settle(target);
  if (one?.kind === 'ref' && one.path === 'io.BytesIO()')
    BUFFERED.set(one, union(BUFFERED.get(one) ?? NO_LABELS, labels));
}

/** Labels of what was written into a buffer since it was made; undefined when nothing was. */
export function buffered(target: Value | undefined): Labels | undefined {
  const one = settle(target);
  return one === undefined ? undefined : BUFFERED.get(one);
}

export const rule = (on: string, apply: Rule['apply'], when: NonNullable<Rule['when']> = 'call'): Rule => ({
  on,
  apply,
  when,
});

/** A rule that only emits: code, and the labels of what the call gives. */
export function emits(on: string, code: string, labels: Labels | undefined = undefined): Rule {
  return rule(on, (site, context) => {
    context.emit(code, { detail: site.path });
    return labels === undefined ? undefined : result(site, union(labels, allLabels(site)));
  });
}

/** Calls a method of an instance of the package, if it has one. */
export function callMethodOf(
  context: Context,
  instance: Value | undefined,
  name: string,
  args: readonly Value[],
): void {
  const method = context.property(instance, name);
  if (method !== undefined && context.isFunction(method)) context.call(method, args, instance);
}
