/**
 * What the gate answers a package manager that speaks to npm registries and resolves by itself: metadata as the
 * registry gives it (frozen at its first answer), and no archive that was not fetched, read and allowed.
 */
import type { Scan, UnverifiedReason, Verdict } from '../types.js';
import { isArchiveName, isPlainText } from './body-kind.js';
import { firstPublishedIn } from './first-published.js';
import type { GateRequest, GateResponse } from './proxy.js';
import { tarballKey } from './registry.js';

/** One archive a manager asked for, as the reports take it. */
export interface JudgedTarball {
  /** `name@version`, or the address when it names neither. */
  readonly target: string;
  readonly verdict: Verdict;
}

export interface ScanningRegistryOptions {
  readonly scan: Scan;
  /** Fetches with the user's own settings; follows redirects. Rejects when the line is broken. */
  readonly upstream: (request: GateRequest) => Promise<GateResponse>;
  /** What an allowed archive says that still forbids it (`prepare` of a git source); undefined when nothing does. */
  readonly inspect: (
    bytes: Buffer,
    about: { readonly registry: boolean },
  ) => Promise<UnverifiedReason | undefined>;
  /** Called when an archive may not be used; the manager waits for an answer until this is settled. */
  readonly onRefusal: () => Promise<void>;
  /** Whether the policy asks when a release was published: abbreviated metadata does not say. */
  readonly needsDates: boolean;
  /** Largest archive taken, in bytes. */
  readonly maxArchiveBytes: number;
}

interface Served {
  readonly bytes: Buffer;
  readonly allowed: boolean;
}

/** Reports without code: `npm audit` in its two forms, signing keys. */
const REPORTS = /\/-\/npm\/v1\/(?:security\/|keys\/?$|attestations\/)/;

export class ScanningRegistry {
  /** Every archive asked for, once, in that order. */
  readonly results: JudgedTarball[] = [];
  /** `host: why` of what could not be fetched. */
  readonly failures = new Set<string>();
  readonly #metadata = new Map<string, Promise<GateResponse>>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #tarballs = new Map<string, Promise<Served>>();
  readonly #listed = new Set<string>();
  /** Credentials the manager sent, by origin: it knows settings npm's configuration does not hold. */
  readonly #credentials = new Map<string, string>();

  constructor(private readonly options: ScanningRegistryOptions) {}

  get refused(): boolean {
    return this.results.some(({ verdict }) => verdict.verdict !== 'allow');
  }

  handle = async (request: GateRequest): Promise<GateResponse> => {
    const { method, url, headers } = request;
    if (typeof headers.authorization === 'string') this.#credentials.set(url.origin, headers.authorization);
    if (method === 'POST' && REPORTS.test(url.pathname)) return this.options.upstream(request);
    if (method !== 'GET' && method !== 'HEAD') {
      return json(405, { error: 'safe-install: only fetching is let through' });
    }
    const key = tarballKey(url.href);
    const known = this.#tarballs.get(key);
    if (known !== undefined || isTarballAddress(url))
      return this.#answerTarball(known ?? this.#fetchTarball(request));
    // Managers ask for full or abbreviated metadata; each form is frozen by itself.
    const form = `${key} ${headers.accept ?? ''}`;
    let answer = this.#metadata.get(form);
    if (answer === undefined) {
      answer = this.#fetchMetadata(request);
      this.#metadata.set(form, answer);
      // A failure is asked for again.
      answer.then(
        ({ status }) => status !== 200 && this.#metadata.delete(form),
        () => this.#metadata.delete(form),
      );
    }
    return answer;
  };

  /** Fetches and judges what a manager says it is going to install, before it asks for it. */
  async judge(address: string): Promise<Verdict> {
    const url = new URL(address);
    const key = tarballKey(url.href);
    const pending = this.#tarballs.get(key) ?? this.#fetchTarball(requestFor(url));
    await pending;
    return this.#verdicts.get(key)!;
  }

  /** Adds a verdict on something that was read from disk and not served. */
  record(target: string, verdict: Verdict): void {
    const key = `${target} ${verdict.integrity}`;
    if (this.#listed.has(key)) return;
    this.#listed.add(key);
    this.results.push({ target, verdict });
  }

  async #answerTarball(pending: Promise<Served>): Promise<GateResponse> {
    const { bytes, allowed } = await pending;
    if (allowed) return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: bytes };
    await this.options.onRefusal();
    return json(403, { error: 'safe-install: refused' });
  }

  #fetchTarball(request: GateRequest): Promise<Served> {
    const key = tarballKey(request.url.href);
    const work = async (): Promise<Served> => {
      const answer = await this.#fetch(request);
      if (answer.status !== 200) {
        const why = `status ${answer.status}`;
        this.failures.add(`${request.url.host}: ${why}`);
        return this.#unread(request.url, { code: 'not-fetched', args: { file: basename(request.url), why } });
      }
      return this.#judgeBytes(request.url, Buffer.from(answer.body));
    };
    const pending = work();
    this.#tarballs.set(key, pending);
    return pending;
  }

  async #fetchMetadata(request: GateRequest): Promise<GateResponse> {
    const answer = await this.#fetch(request);
    if (answer.status !== 200 || request.method === 'HEAD') return answer;
    const body = Buffer.from(answer.body);
    if (isPlainText(body)) {
      const type = answer.headers?.['content-type'] ?? 'application/json';
      return { status: 200, headers: { 'content-type': type }, body };
    }
    // Not text, so an archive, whatever its address looks like.
    const key = tarballKey(request.url.href);
    const pending = this.#judgeBytes(request.url, body);
    this.#tarballs.set(key, pending);
    return this.#answerTarball(pending);
  }

  async #fetch(request: GateRequest): Promise<GateResponse> {
    const { url, headers } = request;
    const credentials = this.#credentials.get(url.origin);
    const known =
      headers.authorization === undefined && credentials !== undefined
        ? { ...request, headers: { ...headers, authorization: credentials } }
        : request;
    try {
      return await this.options.upstream(known);
    } catch (error) {
      const { message } = error as Error;
      this.failures.add(`${url.host}: ${message.split('\n')[0]}`);
      return json(502, { error: message });
    }
  }

  async #judgeBytes(url: URL, bytes: Buffer): Promise<Served> {
    const { scan, inspect, maxArchiveBytes } = this.options;
    if (bytes.length > maxArchiveBytes) {
      return this.#unread(url, { code: 'too-large', args: { limit: 'compressed', max: maxArchiveBytes } });
    }
    const { manifest, published } = await this.#about(url);
    const promised = dist(manifest)?.integrity;
    const verdict = await scan({
      ecosystem: 'npm',
      filename: basename(url),
      bytes,
      registry: url.origin,
      ...(manifest === undefined ? {} : { registryManifest: manifest }),
      ...(typeof promised === 'string' ? { expectedIntegrity: promised } : {}),
      ...(published === undefined ? {} : { published }),
      firstPublished: () => this.#firstPublished(url),
    });
    if (verdict.verdict !== 'allow') return this.#list(url, verdict, bytes);
    const reason = await inspect(bytes, {
      registry: manifest !== undefined || /\/-\/[^/]+$/.test(url.pathname),
    });
    return this.#list(
      url,
      reason === undefined ? verdict : { ...verdict, verdict: 'unverified', unverified: reason },
      bytes,
    );
  }

  #list(url: URL, verdict: Verdict, bytes: Buffer): Served {
    this.#verdicts.set(tarballKey(url.href), verdict);
    this.record(verdict.name === '' ? url.href : `${verdict.name}@${verdict.version}`, verdict);
    return { bytes, allowed: verdict.verdict === 'allow' };
  }

  #unread(url: URL, reason: UnverifiedReason): Served {
    return this.#list(url, unreadNpm(reason), Buffer.alloc(0));
  }

  /** What the registry says of the release whose tarball stands at an address, from metadata already given out. */
  async #about(
    url: URL,
  ): Promise<{ manifest: Record<string, unknown> | undefined; published: string | undefined }> {
    const addresses = metadataAddresses(url);
    if (addresses === undefined) return { manifest: undefined, published: undefined };
    let found = await this.#release(url, addresses);
    if (this.options.needsDates && found?.published === undefined) {
      await this.#full(addresses);
      found = (await this.#release(url, addresses, ' application/json')) ?? found;
    }
    return { manifest: found?.manifest, published: found?.published };
  }

  /** When the registry first had the name whose release stands at an address. */
  async #firstPublished(url: URL): Promise<string | undefined> {
    const addresses = metadataAddresses(url);
    if (addresses === undefined) return undefined;
    const { body } = await this.#full(addresses);
    return firstPublishedIn(parsed(body) ?? {});
  }

  /** Full metadata, which has dates. */
  #full([, escaped]: readonly [string, string]): Promise<GateResponse> {
    return this.handle({ ...requestFor(new URL(escaped)), headers: { accept: 'application/json' } });
  }

  async #release(url: URL, addresses: readonly string[], form = ' ') {
    for (const [key, answer] of this.#metadata) {
      if (!addresses.some((address) => key.startsWith(`${address}${form}`))) continue;
      const { body } = await answer;
      const packument = parsed(body);
      const versions = Object.entries(record(packument?.versions) ?? {});
      const wanted = tarballKey(url.href);
      for (const [version, value] of versions) {
        const manifest = record(value);
        const tarball = dist(manifest)?.tarball;
        if (typeof tarball !== 'string' || !sameFile(tarballKey(tarball), wanted)) continue;
        const time = record(packument?.time)?.[version];
        return { manifest, published: typeof time === 'string' ? time : undefined };
      }
    }
    return undefined;
  }
}

/** The verdict on what has no bytes. */
export function unreadNpm(reason: UnverifiedReason, name = '', version = ''): Verdict {
  return {
    ecosystem: 'npm',
    name,
    version,
    integrity: '',
    verdict: 'unverified',
    findings: [],
    evidence: [],
    unverified: reason,
    opaqueFiles: 0,
    durationMs: 0,
  };
}

/** Where the metadata of the release at an address stands, a scoped name as it is and escaped. */
function metadataAddresses(url: URL): readonly [string, string] | undefined {
  const prefix = /^(.*)\/-\/[^/]+$/.exec(url.pathname)?.[1];
  if (prefix === undefined) return undefined;
  const own = `${url.origin}${prefix}`;
  return [tarballKey(own), tarballKey(own.replace(/\/(@[^/]+)\/([^/]+)$/, '/$1%2f$2'))];
}

/** Registries rewrite the host of `dist.tarball`, never the file. */
function sameFile(stated: string, asked: string): boolean {
  return stated === asked || (URL.canParse(stated) && new URL(stated).pathname === new URL(asked).pathname);
}

function isTarballAddress(url: URL): boolean {
  return isArchiveName(url.pathname) || /\/-\/[^/]+\.tgz$/i.test(url.pathname);
}

const requestFor = (url: URL): GateRequest => ({ method: 'GET', url, headers: {}, body: Buffer.alloc(0) });

const json = (status: number, body: unknown): GateResponse => ({ status, body: JSON.stringify(body) });

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const dist = (manifest: Record<string, unknown> | undefined) => record(manifest?.dist);

const cache = new WeakMap<object, Record<string, unknown> | undefined>();

/** A packument parsed once, however many of its tarballs are asked for. */
function parsed(body: Uint8Array | string): Record<string, unknown> | undefined {
  if (typeof body === 'string') return undefined;
  if (!cache.has(body)) {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(body).toString('utf8'));
    } catch {
      // The manager reads the same bytes and says so itself.
    }
    cache.set(body, record(value));
  }
  return cache.get(body);
}

function basename(url: URL): string {
  const last = url.pathname.split('/').filter(Boolean).at(-1) ?? url.host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
