/** The simple index (PEP 503, PEP 691) of the user's pip: which files a project has, and their bytes. */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { LIMITS } from '../artifact/limits.js';
import { readLinks } from '../gate/index-links.js';
import { createUpstream, type Upstream } from '../gate/upstream.js';
import { pipSettings } from '../pip/config.js';
import { normalizeName } from '../pip/requirement.js';
import { findPip } from '../pip/tool.js';
import { type TargetOptions, Unavailable } from './targets.js';

export interface IndexFile {
  readonly filename: string;
  readonly url: string;
  /** As the file's name has it. */
  readonly version: string;
  readonly hash: readonly [algorithm: string, hex: string] | undefined;
  readonly published: string | undefined;
  readonly firstPublished: string | undefined;
  readonly yanked: boolean;
}

export interface PythonIndex {
  /** Of the first index, for the policy. */
  readonly address: string;
  /** Every file of a project. Throws Unavailable when no index has it. */
  files(name: string): Promise<IndexFile[]>;
  fetch(file: IndexFile): Promise<Buffer>;
}

const ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01';
const MAX_PAGE_BYTES = 256 * 1024 * 1024;
const MAX_REDIRECTS = 5;

/** One a run, not one a target: asking pip for its configuration takes half a second. */
const listings = new WeakMap<TargetOptions, Promise<string>>();

/** `urls`, `hosts`: what a requirements file adds; an index named there stands before the configured one. */
export async function openIndex(
  options: TargetOptions,
  urls: readonly string[] = [],
  hosts: readonly string[] = [],
): Promise<PythonIndex> {
  const env = options.env ?? process.env;
  const listing = listings.get(options) ?? pipConfigList(options.cwd, env);
  listings.set(options, listing);
  const settings = pipSettings(await listing, 'download', new Map());
  const indexUrls = [
    ...new Set([...urls, ...(urls.length > 0 ? settings.indexUrls.slice(1) : settings.indexUrls)]),
  ];
  const upstream = createUpstream({
    caFiles: [settings.cert, env.NODE_EXTRA_CA_CERTS].filter(
      (file): file is string => file !== undefined && file !== '',
    ),
    ...(settings.clientCert !== undefined && { clientCert: settings.clientCert }),
    ...(settings.proxy !== undefined && { proxy: settings.proxy }),
    env,
    trustedHosts: () => [...settings.trustedHosts, ...hosts],
    timeoutMs: settings.timeoutMs,
  });
  const pages = new Map<string, Promise<IndexFile[]>>();
  return {
    address: withoutPassword(new URL(indexUrls[0]!)),
    files: (name) => {
      const known = pages.get(name) ?? projectFiles(upstream, indexUrls, name, options.signal);
      pages.set(name, known);
      return known;
    },
    fetch: async (file) => {
      const { body } = await get(upstream, new URL(file.url), '*/*', LIMITS.compressedBytes, options.signal);
      return body;
    },
  };
}

async function projectFiles(
  upstream: Upstream,
  indexUrls: readonly string[],
  name: string,
  signal: AbortSignal | undefined,
): Promise<IndexFile[]> {
  const files = new Map<string, IndexFile>();
  let failure: unknown;
  for (const index of indexUrls) {
    const url = new URL(`${normalizeName(name)}/`, index.endsWith('/') ? index : `${index}/`);
    try {
      const { body, contentType, base } = await get(upstream, url, ACCEPT, MAX_PAGE_BYTES, signal);
      const yanked = yankedNames(body, contentType);
      for (const link of readLinks(body, contentType, base)) {
        const filename = decodeURIComponent(new URL(link.url).pathname.split('/').pop() ?? '');
        const version = versionOf(filename, name);
        if (version === undefined || files.has(filename)) continue;
        const credentials = url.username !== '' && new URL(link.url).host === url.host;
        const address = credentials ? withCredentials(link.url, url) : link.url;
        files.set(filename, { ...link, url: address, filename, version, yanked: yanked.has(filename) });
      }
    } catch (error) {
      failure = error;
    }
  }
  if (files.size > 0) return [...files.values()].sort((a, b) => (a.filename < b.filename ? -1 : 1));
  throw failure ?? new Unavailable('not-fetched', { name, why: 'the index has no files of it' });
}

/** Follows redirects; a password in the address is sent as such, to that host only. */
async function get(
  upstream: Upstream,
  start: URL,
  accept: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ body: Buffer; contentType: string; base: URL }> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const bare = new URL(withoutPassword(url));
    const headers: Record<string, string> = {
      accept,
      'accept-encoding': accept === '*/*' ? 'identity' : 'gzip',
    };
    if (url.username !== '') {
      const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    const reply = await upstream.get(bare, headers, { maxBytes, ...(signal !== undefined && { signal }) });
    if (reply.body !== undefined)
      return { body: reply.body, contentType: reply.headers['content-type'] ?? '', base: bare };
    const { location } = reply.headers;
    if (reply.status < 300 || reply.status > 399 || location === undefined) {
      throw new Unavailable('not-fetched', { url: bare.href, why: `the server answered ${reply.status}` });
    }
    const next = new URL(location, bare);
    url = next.host === url.host && url.username !== '' ? new URL(withCredentials(next.href, url)) : next;
  }
  throw new Unavailable('not-fetched', { url: withoutPassword(start), why: 'too many redirects' });
}

function yankedNames(body: Buffer, contentType: string): Set<string> {
  const yanked = new Set<string>();
  if (contentType.includes('json')) {
    try {
      const page = JSON.parse(body.toString('utf8')) as { files?: { filename?: string; yanked?: unknown }[] };
      for (const file of page.files ?? []) {
        if (file.yanked !== undefined && file.yanked !== false && file.filename !== undefined)
          yanked.add(file.filename);
      }
    } catch {}
    return yanked;
  }
  for (const match of body.toString('utf8').matchAll(/<a\b[^>]*\bdata-yanked\b[^>]*>([^<]+)</gi))
    yanked.add(match[1]!.trim());
  return yanked;
}

/** `name-1.0-py3-none-any.whl`, `name-1.0.tar.gz`; undefined for signatures and other projects' files. */
export function versionOf(filename: string, name: string): string | undefined {
  const wheel = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl$/i.exec(filename);
  if (wheel !== null)
    return normalizeName(wheel[1]!) === normalizeName(name) ? wheel[2]!.replaceAll('_', '-') : undefined;
  const base = /^(.+)\.(?:tar\.gz|tgz|zip|tar\.bz2|tar\.xz|tar)$/i.exec(filename)?.[1];
  if (base === undefined) return undefined;
  // A hyphen may stand in the name and in the version: the split where the name fits.
  for (let at = base.indexOf('-'); at !== -1; at = base.indexOf('-', at + 1)) {
    if (normalizeName(base.slice(0, at)) === normalizeName(name)) return base.slice(at + 1);
  }
  return undefined;
}

/** What the user's pip is configured with; without one, its environment variables alone count. */
function pipConfigList(cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const fromEnv = Object.entries(env)
    .filter(([key, value]) => key.startsWith('PIP_') && value)
    .map(([key, value]) => `:env:.${key.slice(4).toLowerCase().replaceAll('_', '-')}=${value}\n`)
    .join('');
  let words: readonly string[];
  try {
    words = findPip(env);
  } catch {
    return Promise.resolve(fromEnv);
  }
  const [program = '', ...before] = words;
  return new Promise((resolve) => {
    execFile(program, [...before, 'config', 'list'], { cwd, env, maxBuffer: 1 << 24 }, (error, stdout) => {
      resolve(error === null ? stdout : fromEnv);
    });
  });
}

function withoutPassword(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

function withCredentials(address: string, from: URL): string {
  const url = new URL(address);
  url.username = from.username;
  url.password = from.password;
  return url.href;
}
