/** What the rules share: reading arguments, naming destinations and paths, saying what is carried. */
import type { Context, Rule, Site } from '../../api.js';
import { carried, classifyPath, PACKAGE_ROOT, type PathClass, urlQualifiers } from '../../strings.js';
import {
  known,
  type Labels,
  NO_LABELS,
  partialText,
  type Ref,
  ref,
  UNKNOWN_PIECE,
  union,
  type Value,
} from '../../values.js';
import { startsDownloaded } from '../written-script.js';
import { stringify, truthy } from './operators.js';

export type Apply = (site: Site, context: Context) => Value | undefined;

export const onCall = (on: string, apply: Apply): Rule => ({ on, apply });
export const onRead = (on: string, apply: Apply): Rule => ({ on, when: 'read', apply });
export const onWrite = (on: string, apply: Apply): Rule => ({ on, when: 'write', apply });
export const onImport = (on: string, apply: Apply): Rule => ({ on, when: 'import', apply });

/** A call that is one behaviour and nothing else. */
export const emits = (on: string, code: string, qualifiers: readonly string[] = []): Rule =>
  onCall(on, (site, context) => {
    context.emit(code, {
      qualifiers: [...qualifiers, ...carriedBy(site.args, context)],
      detail: detailOf(site),
    });
    return undefined;
  });

export const LABEL = {
  download: new Set(['download']) as Labels,
  output: new Set(['output']) as Labels,
  host: new Set(['host']) as Labels,
  env: new Set(['env']) as Labels,
  input: new Set(['input']) as Labels,
  file: new Set(['file']) as Labels,
  credentials: new Set(['credentials']) as Labels,
  browser: new Set(['browser']) as Labels,
};

export const UNDEFINED = known(undefined);

/** Text of a value as a person would want to see it. */
export function shown(value: Value | undefined): string {
  if (value === undefined) return '';
  const text = partialText(value) ?? (value.kind === 'ref' ? value.path : stringify(value)) ?? '';
  return text.replaceAll(UNKNOWN_PIECE, '…').slice(0, 200);
}

export function detailOf(site: Site): string {
  const first = shown(site.args[0]);
  return (first === '' ? site.path : `${site.path} ${first}`).slice(0, 200);
}

/** `hidden` when what decides the behaviour was decoded, `assembled` when it was put together. */
export function concealment(context: Context, ...values: readonly (Value | undefined)[]): string[] {
  const labels = union(...values.map((value) => context.labelsOf(value)));
  if (labels.has('decoded')) return ['hidden'];
  return labels.has('assembled') ? ['assembled'] : [];
}

/** `carries:*` of everything reachable in the arguments. */
export function carriedBy(values: readonly (Value | undefined)[], context: Context): string[] {
  return carried(union(...values.map((value) => context.labelsOf(value))));
}

/** Labels that make a transmission one of data, not merely a request. */
export function isData(qualifiers: readonly string[]): boolean {
  return qualifiers.some(
    (q) => q.startsWith('carries:') && q !== 'carries:download' && q !== 'carries:decoded',
  );
}

/** The address in a URL string, a `URL` object, or an options object (`url`, `hostname`, `host`, `href`…). */
export function addressOf(value: Value | undefined, context: Context): string | undefined {
  const text = partialText(value);
  if (text !== undefined) return text;
  if (value === undefined) return undefined;
  if (value.kind === 'ref') {
    if (!/^(?:URL|url\.URL|url\.parse|Request|String)\(\)/.test(value.path)) return undefined;
    const [first, base] = value.args ?? [];
    const path = addressOf(first, context);
    const root = base === undefined ? undefined : partialText(base);
    if (root !== undefined && path !== undefined && !/^[a-z][\w+.-]*:/i.test(path)) {
      return root.replace(/\/+$/, '') + (path.startsWith('/') ? path : `/${path}`);
    }
    return path ?? root;
  }
  if (value.kind === 'choice') {
    for (const option of value.options) {
      const found = addressOf(option, context);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (value.kind !== 'dict') return undefined;
  for (const key of ['url', 'uri', 'href', 'baseURL', 'baseUrl', 'prefixUrl']) {
    const found = addressOf(context.property(value, key), context);
    if (found === undefined) continue;
    const rest = key.startsWith('base') ? partialText(context.property(value, 'url')) : undefined;
    return rest === undefined ? found : found + rest;
  }
  const host =
    partialText(context.property(value, 'hostname')) ?? partialText(context.property(value, 'host'));
  if (host === undefined) return undefined;
  const protocol = partialText(context.property(value, 'protocol')) ?? 'https:';
  const port = plainNumber(context.property(value, 'port'));
  const path = partialText(context.property(value, 'path')) ?? '/';
  const scheme = port === 80 ? 'http:' : protocol;
  const suffix = port === undefined || port === 80 || port === 443 || host.includes(':') ? '' : `:${port}`;
  return `${scheme}//${host}${suffix}${path.startsWith('/') ? '' : '/'}${path}`;
}

export function plainNumber(value: Value | undefined): number | undefined {
  if (value?.kind !== 'known') return undefined;
  const n = typeof value.value === 'string' && value.value !== '' ? Number(value.value) : value.value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
}

export function destination(value: Value | undefined, context: Context): string[] {
  return urlQualifiers(addressOf(value, context));
}

/** True when an option is known to be set. */
export function isSet(options: Value | undefined, key: string, context: Context): boolean {
  const value = context.property(options, key);
  return value !== undefined && truthy(value) === true;
}

/** The path an argument names (a string, a `file:` URL, a `Buffer`), as far as it is known. */
export function pathText(value: Value | undefined, context: Context): string | undefined {
  const text = partialText(value) ?? context.text(value);
  if (text !== undefined) return text.replace(/^file:\/\//, '');
  if (value?.kind === 'ref' && /^(?:URL|url\.URL)\(\)/.test(value.path)) {
    const [first, base] = value.args ?? [];
    const own = partialText(first);
    const root = partialText(base);
    if (own === undefined) return undefined;
    return (root === undefined ? own : root.replace(/[^/]*$/, '') + own).replace(/^file:\/\//, '');
  }
  return undefined;
}

const NO_PATH: PathClass = { code: undefined, labels: NO_LABELS, qualifiers: [], writeCode: undefined };

export function pathClass(value: Value | undefined, context: Context): PathClass {
  const text = pathText(value, context);
  return text === undefined ? NO_PATH : classifyPath(text);
}

/** The path inside the package that an absolute or relative path names, if it does. */
export function ownPath(text: string | undefined): string | undefined {
  if (text === undefined || text.includes(UNKNOWN_PIECE)) return undefined;
  const normal = text.replace(/\/\.\//g, '/');
  if (normal.startsWith(`${PACKAGE_ROOT}/`)) return normal.slice(PACKAGE_ROOT.length + 1);
  if (normal.startsWith('/') || normal.startsWith('~') || normal.startsWith('%')) return undefined;
  return normal.replace(/^\.\//, '');
}

/** The last argument, when it is a function: Node's callback. */
export function lastFunction(args: readonly Value[], context: Context): Value | undefined {
  const last = args.at(-1);
  return last !== undefined && context.isFunction(last) ? last : undefined;
}

/** What the code has written to a file so far: its labels, and its text where it is known and was written at once. */
interface Written {
  readonly labels: Labels;
  readonly text: string | undefined;
}
const written = new WeakMap<Context, Map<string, Written>>();

export function rememberWrite(
  context: Context,
  path: string | undefined,
  labels: Labels,
  text?: string | undefined,
): void {
  if (path === undefined || path === '') return;
  let files = written.get(context);
  if (files === undefined) {
    files = new Map();
    written.set(context, files);
  }
  const before = files.get(path);
  if (before === undefined && files.size >= 1000) return;
  files.set(path, {
    labels: union(before?.labels ?? NO_LABELS, labels),
    text: before?.text === undefined ? text : undefined,
  });
}

/** Whether a command line starts a file into which the code itself wrote what it had downloaded. */
export function startsWrittenDownload(context: Context, command: string | undefined): boolean {
  return startsDownloaded(command, written.get(context) ?? []);
}

/** Whether the code itself wrote what it had downloaded into this file. */
export function isWrittenDownload(context: Context, path: string): boolean {
  return written.get(context)?.get(path)?.labels.has('download') ?? false;
}

/** Files with known text that a command line names and the code itself wrote. */
export function writtenScripts(context: Context, command: string): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  for (const [path, { text }] of written.get(context) ?? []) {
    if (text !== undefined && path.length > 2 && command.includes(path)) found.push({ path, text });
  }
  return found;
}

/**
 * A reference that gathers what is put into it (`FormData.append`, `zip.addFile`): its label set is its own and grows.
 */
export function container(path: string, labels: Labels, args: readonly Value[]): Ref {
  return ref(path, new Set(labels), args);
}

export function putInto(holder: Value | undefined, labels: Labels): void {
  if (holder?.kind !== 'ref' || holder.labels === NO_LABELS) return;
  for (const label of labels) (holder.labels as Set<string>).add(label);
}
