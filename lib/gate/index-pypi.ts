/**
 * What the gate answers a Python installer: index pages as the user's index gives them, no archive that was not
 * fetched, hash-checked, scanned and allowed, nothing at all from hosts that neither the user nor an index named.
 *
 * An installer asks for files one by one, and an sdist's build hooks may run as soon as it and what it builds with
 * have been served; so the scan of each file comes before the first byte of it is handed out.
 */
import { createHash } from 'node:crypto';
import type { Accept, Scan, UnverifiedReason, Verdict } from '../types.js';
import { isArchiveName, isPlainText } from './body-kind.js';
import type { FileStore } from './file-store.js';
import { fragmentHash, type IndexLink, readLinks } from './index-links.js';
import type { GateRequest, GateResponse } from './proxy.js';
import { FetchError, type Upstream, type UpstreamReply } from './upstream.js';

/** One archive an installer asked for, as the reports take it. */
export interface Judged {
  /** File name as served. */
  readonly target: string;
  readonly verdict: Verdict;
  /** How it came in, from the command line to the package. */
  readonly path?: readonly string[];
  /** Set for code of a project itself: its folder, absolute. */
  readonly own?: string;
}

/** What the gate learns from an archive it is about to serve; the reason makes it `unverified`. */
export type Inspect = (
  filename: string,
  bytes: Uint8Array,
  url: URL,
) => Promise<UnverifiedReason | undefined>;

export interface PypiGateOptions {
  readonly scan: Scan;
  /** The policy's word on an archive that points past the gate. */
  readonly accept?: Accept;
  readonly upstream: Upstream;
  /** Files scanned before, by hash, so that a warm run fetches nothing twice. */
  readonly store?: FileStore | undefined;
  /** Largest archive taken, in bytes. */
  readonly maxArchiveBytes: number;
  /** Reads what an allowed archive needs, before it is served. */
  readonly inspect: Inspect;
  /** The same for a wheel's metadata that an index serves by itself (PEP 658). */
  readonly inspectMetadata: (bytes: Uint8Array, url: URL) => UnverifiedReason | undefined;
  /** How a package came in, once it is known by name. */
  readonly pathTo: (name: string) => readonly string[];
  /** A text served that is no metadata of a wheel: a page, or a requirements file. */
  readonly onText?: (body: Buffer, url: URL) => void;
  /** Called when an archive may not be used; the installer waits for an answer until this is settled. */
  readonly onRefusal: (result: Judged) => Promise<void>;
}

/** Largest index page or text, in bytes. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;
/** Wheels fetched before they are asked for: how many at a time, how large one may be, and bytes that wait to be asked for. */
const MOST_AHEAD = 4;
const MAX_AHEAD_BYTES = 32 * 1024 * 1024;
const HELD_AHEAD_BYTES = 64 * 1024 * 1024;
/** Times an archive is asked for when the line breaks, and the pause before each. */
const PAUSES_MS = [0, 300, 1500];
const PASSED_ON = ['content-type', 'location', 'www-authenticate', 'retry-after', 'x-pypi-last-serial'];

const empty = (status: number): GateResponse => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body: '',
});

/** A wheel that was not asked for yet. */
interface Ahead {
  readonly work: () => Promise<UpstreamReply | undefined>;
  /** Once begun. */
  reply: Promise<UpstreamReply | undefined> | undefined;
  /** Fetched and held. */
  bytes: number;
}

export class PypiGate {
  /** Every archive asked for, once, in that order. */
  readonly results: Judged[] = [];
  /** Hosts something of the child tried to reach and was not let to. */
  readonly deniedHosts = new Set<string>();
  /** `host: why` of what could not be fetched. */
  readonly failures = new Set<string>();
  private readonly hosts = new Set<string>();
  private readonly links = new Map<string, IndexLink>();
  private readonly metadataHashes = new Map<string, string>();
  private readonly verdicts = new Map<string, Promise<Verdict>>();
  private readonly listed = new Set<string>();
  private readonly ahead = new Map<string, Ahead>();
  private fetchingAhead = 0;
  private closed = false;

  constructor(private readonly options: PypiGateOptions) {}

  /** Lets requests to the address's host through (to be read and judged), and holds the file to the address's hash. */
  admit(address: string): void {
    if (!URL.canParse(address)) return;
    const url = new URL(address);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return;
    this.hosts.add(url.host);
    const hash = fragmentHash(url);
    url.hash = '';
    url.username = '';
    url.password = '';
    if (hash === undefined) return;
    this.links.set(url.href, { url: url.href, hash, published: undefined, firstPublished: undefined });
  }

  handle = async (request: GateRequest): Promise<GateResponse> => {
    const { url } = request;
    if (!this.hosts.has(url.host)) {
      this.deniedHosts.add(url.host);
      return empty(403);
    }
    if (request.method === 'HEAD') return empty(200);
    if (request.method !== 'GET') return empty(405);
    const archive = isArchiveName(url.pathname);
    const stored = archive ? await this.stored(url) : undefined;
    if (stored !== undefined) return this.archive(url, stored, 'application/octet-stream', true);
    let reply: UpstreamReply;
    try {
      reply = (await this.takeAhead(url)) ?? (await this.fetch(request, archive));
    } catch (error) {
      return this.notFetched(url, archive, error);
    }
    const type = String(reply.headers['content-type'] ?? '');
    if (reply.body === undefined) {
      if (reply.headers.location !== undefined) this.admitRedirect(url, reply.headers.location);
      return { status: reply.status, headers: passedOn(reply), body: '' };
    }
    if (archive || !isPlainText(reply.body)) return this.archive(url, reply.body, type, false);
    if (/\.whl\.metadata$/i.test(url.pathname)) {
      this.fetchAhead(request);
      const reason = this.options.inspectMetadata(reply.body, url);
      const filename = basename(url);
      if (reason !== undefined) return this.refuse(unverified(filename, reply.body, reason), filename);
      this.metadataHashes.set(addressKey(url).replace(/\.metadata$/i, ''), sha256(reply.body));
    } else {
      this.options.onText?.(reply.body, url);
      for (const link of readLinks(reply.body, type, url)) {
        this.hosts.add(new URL(link.url).host);
        this.links.set(link.url, link);
      }
    }
    return { status: 200, headers: passedOn(reply), body: reply.body };
  };

  private async archive(url: URL, body: Buffer, type: string, fromStore: boolean): Promise<GateResponse> {
    const filename = basename(url);
    const link = this.links.get(addressKey(url));
    const promised = link?.hash;
    if (promised !== undefined && createHash(promised[0]).update(body).digest('hex') !== promised[1]) {
      const args = { file: filename, algorithm: promised[0] };
      return this.refuse(unverified(filename, body, { code: 'integrity-mismatch', args }), filename);
    }
    const digest = sha256(body);
    const key = `${digest} ${filename}`;
    const pending = this.verdicts.get(key) ?? this.judge(url, filename, body, link);
    this.verdicts.set(key, pending);
    const verdict = await pending;
    if (verdict.verdict !== 'allow') return this.refuse(verdict, filename);
    if (!this.listed.has(key)) this.results.push({ target: filename, verdict });
    this.listed.add(key);
    if (!fromStore) await this.options.store?.put(digest, body);
    // Nothing of the reply but the bytes may decide how they are unpacked.
    return { status: 200, headers: { 'content-type': archiveType(type) }, body };
  }

  private async judge(
    url: URL,
    filename: string,
    bytes: Buffer,
    link: IndexLink | undefined,
  ): Promise<Verdict> {
    const { scan, inspect } = this.options;
    const { published, firstPublished } = link ?? {};
    const verdict = await scan({
      ecosystem: 'pypi',
      filename,
      bytes,
      registry: url.origin,
      ...(published === undefined ? {} : { published }),
      ...(firstPublished === undefined ? {} : { firstPublished: async () => firstPublished }),
    });
    if (verdict.verdict !== 'allow') return verdict;
    const reason = await inspect(filename, bytes, url);
    if (reason === undefined) return verdict;
    const unread: Verdict = { ...verdict, verdict: 'unverified', unverified: reason };
    // Other metadata than was served before is no kind of source to be accepted.
    return reason.code === 'integrity-mismatch' ? unread : ((await this.options.accept?.(unread)) ?? unread);
  }

  /** The hash of the metadata an index served for a wheel, to be compared with the wheel's own. */
  servedMetadata(url: URL): string | undefined {
    return this.metadataHashes.get(addressKey(url));
  }

  private async refuse(verdict: Verdict, filename: string): Promise<GateResponse> {
    const path = verdict.name === '' ? undefined : this.options.pathTo(verdict.name);
    const shown = path?.map((step, at) =>
      at === path.length - 1 ? `${verdict.name}@${verdict.version}` : step,
    );
    const result: Judged = { target: filename, verdict, ...(shown === undefined ? {} : { path: shown }) };
    if (!this.results.some((known) => known.target === filename && known.verdict.verdict !== 'allow')) {
      this.results.push(result);
    }
    await this.options.onRefusal(result);
    return empty(403);
  }

  private async notFetched(url: URL, archive: boolean, error: unknown): Promise<GateResponse> {
    if (!(error instanceof FetchError)) throw error;
    this.failures.add(`${url.host}: ${error.message}`);
    const filename = basename(url);
    if (error.code === 'too-large') {
      const args = { limit: 'compressed', max: error.limit ?? 0 };
      return this.refuse(unverified(filename, undefined, { code: 'too-large', args }), filename);
    }
    if (archive) {
      const args = { file: filename, why: error.message };
      return this.refuse(unverified(filename, undefined, { code: 'not-fetched', args }), filename);
    }
    return empty(503);
  }

  private async fetch(request: GateRequest, archive: boolean): Promise<UpstreamReply> {
    const headers = forwarded(request, archive);
    const maxBytes = archive
      ? this.options.maxArchiveBytes
      : Math.max(MAX_TEXT_BYTES, this.options.maxArchiveBytes);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.options.upstream.get(request.url, headers, { maxBytes });
      } catch (error) {
        const final = !(error instanceof FetchError) || error.code === 'too-large';
        // Pages are asked for again by the installer itself, as often as its user wants.
        if (!archive || final || attempt + 1 >= PAUSES_MS.length) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[attempt + 1]));
      }
    }
  }

  /**
   * Who asks for a wheel's metadata mostly asks for the wheel next: fetched and scanned meanwhile, so that reading goes
   * on while the installer resolves. Nothing is refused for what nobody asked for, and a failure is found again.
   */
  private fetchAhead(request: GateRequest): void {
    const url = new URL(request.url);
    url.pathname = url.pathname.replace(/\.metadata$/i, '');
    const key = addressKey(url);
    if (this.closed || this.ahead.has(key)) return;
    const work = async (): Promise<UpstreamReply | undefined> => {
      const maxBytes = MAX_AHEAD_BYTES;
      const kept = await this.stored(url);
      const headers = forwarded(request, true);
      const reply: UpstreamReply =
        kept === undefined
          ? await this.options.upstream.get(url, { ...headers, accept: '*/*' }, { maxBytes })
          : { status: 200, headers: {}, body: kept };
      if (reply.body === undefined) return undefined;
      const key = `${sha256(reply.body)} ${basename(url)}`;
      if (!this.closed && !this.verdicts.has(key)) {
        const pending = this.judge(url, basename(url), reply.body, this.links.get(addressKey(url)));
        pending.catch(() => this.verdicts.delete(key));
        this.verdicts.set(key, pending);
      }
      return reply;
    };
    this.ahead.set(key, { work, reply: undefined, bytes: 0 });
    this.beginAhead();
  }

  private beginAhead(): void {
    let held = 0;
    for (const early of this.ahead.values()) held += early.bytes;
    for (const early of this.ahead.values()) {
      if (this.fetchingAhead >= MOST_AHEAD || held >= HELD_AHEAD_BYTES) return;
      if (early.reply !== undefined) continue;
      this.fetchingAhead++;
      early.reply = early.work().catch(() => undefined);
      void early.reply.then((reply) => {
        this.fetchingAhead--;
        early.bytes = reply?.body?.length ?? 0;
        this.beginAhead();
      });
    }
  }

  /** Undefined for what was not begun too: whoever asks for it does not wait for its turn. */
  private async takeAhead(url: URL): Promise<UpstreamReply | undefined> {
    const key = addressKey(url);
    const early = this.ahead.get(key);
    this.ahead.delete(key);
    if (early !== undefined) this.beginAhead();
    return early?.reply;
  }

  /** Nothing is begun after this. */
  close(): void {
    this.closed = true;
    this.ahead.clear();
  }

  private stored(url: URL): Promise<Buffer | undefined> {
    const promised = this.links.get(addressKey(url))?.hash;
    if (promised?.[0] !== 'sha256') return Promise.resolve(undefined);
    return this.options.store?.get(promised[1]) ?? Promise.resolve(undefined);
  }

  private admitRedirect(from: URL, location: string): void {
    if (!URL.canParse(location, from.href)) return;
    const target = new URL(location, from);
    this.hosts.add(target.host);
    const link = this.links.get(addressKey(from));
    if (link !== undefined) this.links.set(addressKey(target), link);
  }
}

function unverified(filename: string, bytes: Uint8Array | undefined, reason: UnverifiedReason): Verdict {
  const [name = '', version = ''] =
    /^(.+?)-(\d[^-]*?)(?:-.*\.whl|\.whl|\.tar\.\w+|\.tgz|\.zip)(?:\.metadata)?$/.exec(filename)?.slice(1) ?? [
      '',
    ];
  return {
    ecosystem: 'pypi',
    name,
    version,
    integrity: bytes === undefined ? '' : `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    verdict: 'unverified',
    findings: [],
    evidence: [],
    unverified: reason,
    opaqueFiles: 0,
    durationMs: 0,
  };
}

function forwarded({ headers }: GateRequest, archive: boolean): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(
    ([name, value]) =>
      value !== undefined &&
      !/^(?:host|connection|keep-alive|te|trailer|upgrade|transfer-encoding|content-length|range|if-.*|accept-encoding|proxy-.*)$/.test(
        name,
      ),
  );
  return {
    ...(Object.fromEntries(kept) as Record<string, string | string[]>),
    'accept-encoding': archive ? 'identity' : 'gzip',
  };
}

function passedOn({ headers }: UpstreamReply): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

/** pip looks at the type only to tell a zip from a tar when the name does not. */
const archiveType = (type: string): string =>
  /^application\/(?:zip|gzip|x-gzip|x-tar)\b/i.test(type) ? type : 'application/octet-stream';

function addressKey(url: URL): string {
  const plain = new URL(url);
  plain.hash = '';
  plain.username = '';
  plain.password = '';
  return plain.href;
}

function basename(url: URL): string {
  const last = url.pathname.split('/').filter(Boolean).at(-1) ?? url.host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
