/**
 * What the gate answers a Python installer: index pages as the user's index gives them, but for the metadata of wheels
 * that the gate offers where the index has none; no archive that was not fetched, hash-checked, scanned and allowed;
 * nothing at all from hosts that neither the user nor an index named.
 *
 * An installer asks for files one by one, and an sdist's build hooks may run as soon as it and what it builds with
 * have been served; so the scan of each file comes before the first byte of it is handed out.
 */
import { createHash } from 'node:crypto';
import { acceptedMetadata, wheelMetadata } from '../artifact/wheel-metadata.js';
import type { Accept, Scan, UnverifiedReason, Verdict } from '../types.js';
import { isArchiveName, isPlainText } from './body-kind.js';
import type { FileStore } from './file-store.js';
import { fragmentHash, type IndexLink, readLinks } from './index-links.js';
import { offerMetadata } from './offered-metadata.js';
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
  /** For this run alone: wheels whose metadata was answered, where neither memory nor the store has room for them. */
  readonly waiting?: FileStore | undefined;
  /** Largest archive taken, in bytes. */
  readonly maxArchiveBytes: number;
  /** Reads what an allowed archive needs, before it is served. */
  readonly inspect: Inspect;
  /** The same for a wheel's metadata that is served by itself (PEP 658). */
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
/** As many as pip follows. */
const MOST_REDIRECTS = 30;
/** Times an archive is asked for when the line breaks, and the pause before each. */
const PAUSES_MS = [0, 300, 1500];
const PASSED_ON = ['content-type', 'location', 'www-authenticate', 'retry-after', 'x-pypi-last-serial'];

const empty = (status: number): GateResponse => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body: '',
});

/** An archive at hand. */
interface Fetched {
  /** What it was fetched from, behind redirects. */
  readonly url: URL;
  readonly body: Buffer;
  /** SHA-256 of the body: hashed once, as it is asked for at every step. */
  readonly digest: string;
  /** Content type, as served. */
  readonly type: string;
  /** Taken from the store. */
  readonly kept: boolean;
}

/** A wheel that was not asked for yet. */
interface Ahead {
  readonly work: () => Promise<Fetched | undefined>;
  /** Once begun. */
  wheel: Promise<Fetched | undefined> | undefined;
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
  /** Wheels whose index has no metadata for them, so that the gate answers it from the wheel. */
  private readonly offered = new Set<string>();
  /** Hashes of what the store held when this run began. */
  private storedBefore: Promise<ReadonlySet<string>> | undefined;
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
    this.links.set(addressKey(url), { url: url.href, hash, published: undefined, firstPublished: undefined });
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
    const forMetadata = /\.whl\.metadata$/i.test(url.pathname);
    if (forMetadata && this.offered.has(addressKey(wheelOf(url)))) return this.ownMetadata(request);
    const early = archive ? ((await this.takeAhead(url)) ?? (await this.stored(url))) : undefined;
    if (early !== undefined) return this.archive(early);
    let reply: UpstreamReply;
    try {
      reply = await this.fetch(request, archive);
    } catch (error) {
      return this.notFetched(url, archive, error);
    }
    if (reply.body === undefined) {
      if (reply.headers.location !== undefined) this.admitRedirect(url, reply.headers.location);
      return { status: reply.status, headers: passedOn(reply), body: '' };
    }
    if (archive || !isPlainText(reply.body)) return this.archive(fetched(url, reply, reply.body));
    let { body } = reply;
    if (forMetadata) {
      this.fetchAhead(request);
      const reason = this.options.inspectMetadata(reply.body, url);
      const filename = basename(url);
      if (reason !== undefined) return this.refuse(unverified(filename, reply.body, reason), filename);
      this.metadataHashes.set(addressKey(wheelOf(url)), sha256(body));
    } else {
      this.options.onText?.(body, url);
      const type = contentType(reply);
      const links = readLinks(body, type, url);
      for (const link of links) {
        const target = new URL(link.url);
        this.hosts.add(target.host);
        this.links.set(addressKey(target), link);
      }
      // What an earlier run was given is most likely wanted again, and comes faster by itself.
      this.storedBefore ??= this.options.store?.hashes() ?? Promise.resolve(new Set());
      const stored = await this.storedBefore;
      if (!links.some(({ hash }) => hash?.[0] === 'sha256' && stored.has(hash[1]))) {
        const page = offerMetadata(body, type, url, links, MAX_AHEAD_BYTES);
        for (const wheel of page.wheels) this.offered.add(addressKey(wheel));
        body = page.body;
      }
    }
    return { status: 200, headers: passedOn(reply), body };
  };

  private async archive(archive: Fetched): Promise<GateResponse> {
    const { url, body, digest, type, kept } = archive;
    const filename = basename(url);
    const link = this.links.get(addressKey(url));
    if (!isPromised(link, archive)) {
      const args = { file: filename, algorithm: link?.hash?.[0] ?? '' };
      return this.refuse(unverified(filename, body, { code: 'integrity-mismatch', args }), filename);
    }
    const key = `${digest} ${filename}`;
    const pending = this.verdicts.get(key) ?? this.judge(url, filename, body, link);
    this.verdicts.set(key, pending);
    const verdict = await pending;
    if (verdict.verdict !== 'allow') return this.refuse(verdict, filename);
    if (!this.listed.has(key)) this.results.push({ target: filename, verdict });
    this.listed.add(key);
    if (!kept) await this.options.store?.put(digest, body);
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

  /** The hash of the metadata that was served for a wheel, to be compared with the wheel's own. */
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
   * Metadata the gate offered: read from the wheel, which is fetched at once, held to its hash, and scanned while the
   * installer goes on, as one whose metadata the index serves. A wheel that cannot be read so, or is too large to wait
   * for its turn, is judged first as if it had been asked for itself, and its metadata follows only when it is allowed.
   */
  private async ownMetadata(request: GateRequest): Promise<GateResponse> {
    const asked = wheelOf(request.url);
    let wheel: Fetched | UpstreamReply;
    try {
      wheel =
        (await this.ahead.get(addressKey(asked))?.wheel) ??
        (await this.stored(asked)) ??
        (await this.fetchWheel(request, asked));
    } catch (error) {
      return this.notFetched(asked, true, error);
    }
    if ('status' in wheel) return { status: wheel.status, headers: passedOn(wheel), body: '' };
    const { body } = wheel;
    const promised = isPromised(this.links.get(addressKey(asked)), wheel);
    const metadata = promised ? await wheelMetadata(body) : undefined;
    const reason = metadata && this.options.inspectMetadata(metadata, request.url);
    if (
      metadata === undefined ||
      reason !== undefined ||
      body.length > MAX_AHEAD_BYTES ||
      !isText(metadata)
    ) {
      return this.judgedMetadata(asked, wheel, metadata, reason);
    }
    this.metadataHashes.set(addressKey(asked), sha256(metadata));
    await this.hold(request, wheel);
    return metadataReply(metadata);
  }

  /** @param reason what speaks against the metadata alone */
  private async judgedMetadata(
    asked: URL,
    wheel: Fetched,
    read: Uint8Array | undefined,
    reason: UnverifiedReason | undefined,
  ): Promise<GateResponse> {
    const judged = await this.archive(wheel);
    if (judged.status !== 200) return judged;
    const filename = basename(asked);
    const metadata = read ?? (await acceptedMetadata(wheel.body));
    if (metadata === undefined) {
      const args = { why: 'no-metadata', file: filename };
      return this.refuse(unverified(filename, wheel.body, { code: 'damaged', args }), filename);
    }
    if (reason !== undefined) {
      const unread = unverified(filename, wheel.body, reason);
      if ((await this.options.accept?.(unread))?.verdict !== 'allow') return this.refuse(unread, filename);
    }
    this.metadataHashes.set(addressKey(asked), sha256(metadata));
    // The store has been given it with its verdict.
    if (!this.options.store?.takes(wheel.body.length)) await this.keep(wheel);
    return metadataReply(metadata);
  }

  /** On disk until it is asked for, so that it is not fetched twice. */
  private async keep({ body, digest, kept }: Fetched): Promise<void> {
    if (kept) return;
    const { store, waiting } = this.options;
    await (store?.takes(body.length) ? store : waiting)?.put(digest, body);
  }

  /**
   * Follows redirects, unlike all else here: the installer would be sent from the metadata's address to the wheel's.
   *
   * @returns the upstream's reply when it has no such file
   * @throws FetchError
   */
  private async fetchWheel(request: GateRequest, asked: URL): Promise<Fetched | UpstreamReply> {
    const headers = { ...request.headers, accept: '*/*' };
    let url = asked;
    for (let step = 0; step <= MOST_REDIRECTS; step++) {
      const reply = await this.fetch({ ...request, headers, url }, true);
      if (reply.body !== undefined) return fetched(url, reply, reply.body);
      const { location } = reply.headers;
      if (reply.status < 300 || reply.status > 399 || location === undefined) return reply;
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (next === undefined || !/^https?:$/.test(next.protocol)) break;
      this.admitRedirect(url, location);
      if (next.origin !== url.origin) {
        // Meant for the first host alone.
        delete headers.authorization;
        delete headers.cookie;
      }
      url = next;
    }
    throw new FetchError('ERROR', 'redirects to nothing that can be fetched');
  }

  /** Keeps a wheel whose metadata was served until it is asked for, and begins its scan; where much is held, later. */
  private async hold(request: GateRequest, wheel: Fetched): Promise<void> {
    const key = addressKey(wheelOf(request.url));
    if (this.closed || this.ahead.get(key)?.wheel !== undefined) return;
    if (this.held() >= HELD_AHEAD_BYTES) {
      // Kept unjudged: what comes out again is judged like anything fetched.
      await this.keep(wheel);
      this.fetchAhead(request);
      return;
    }
    const held = Promise.resolve(wheel);
    this.ahead.set(key, { work: () => held, wheel: held, bytes: wheel.body.length });
    this.judgeAhead(key, wheel);
  }

  /**
   * Who asks for a wheel's metadata mostly asks for the wheel next: fetched and scanned meanwhile, so that reading goes
   * on while the installer resolves. Nothing is refused for what nobody asked for, and a failure is found again.
   */
  private fetchAhead(request: GateRequest): void {
    const url = wheelOf(request.url);
    const key = addressKey(url);
    if (this.closed || this.ahead.has(key)) return;
    const work = async (): Promise<Fetched | undefined> => {
      let wheel = await this.stored(url);
      if (wheel === undefined) {
        const headers = { ...forwarded(request, true), accept: '*/*' };
        const reply = await this.options.upstream.get(url, headers, { maxBytes: MAX_AHEAD_BYTES });
        if (reply.body === undefined) return undefined;
        wheel = fetched(url, reply, reply.body);
      }
      this.judgeAhead(key, wheel);
      return wheel;
    };
    this.ahead.set(key, { work, wheel: undefined, bytes: 0 });
    this.beginAhead();
  }

  /** Begins the scan of what nobody asked for yet. One that fails is begun again for who asks. */
  private judgeAhead(asked: string, wheel: Fetched): void {
    const { url, body, digest } = wheel;
    const filename = basename(url);
    const key = `${digest} ${filename}`;
    if (this.closed) return;
    const pending =
      this.verdicts.get(key) ?? this.judge(url, filename, body, this.links.get(addressKey(url)));
    this.verdicts.set(key, pending);
    pending.then(
      (verdict) => this.release(asked, wheel, verdict),
      () => this.verdicts.delete(key),
    );
  }

  /** What is allowed and can be taken from the store need not be held: there is room for the next. */
  private async release(asked: string, { body, digest, kept }: Fetched, { verdict }: Verdict): Promise<void> {
    const { store } = this.options;
    const [algorithm, promised] = this.links.get(asked)?.hash ?? [];
    if (this.closed || store === undefined || verdict !== 'allow' || !this.ahead.has(asked)) return;
    if (algorithm !== 'sha256' || promised !== digest) return;
    if (!kept) await store.put(digest, body);
    if (this.ahead.delete(asked)) this.beginAhead();
  }

  private held(): number {
    let held = 0;
    for (const early of this.ahead.values()) held += early.bytes;
    return held;
  }

  private beginAhead(): void {
    const held = this.held();
    for (const early of this.ahead.values()) {
      if (this.fetchingAhead >= MOST_AHEAD || held >= HELD_AHEAD_BYTES) return;
      if (early.wheel !== undefined) continue;
      this.fetchingAhead++;
      early.wheel = early.work().catch(() => undefined);
      void early.wheel.then((wheel) => {
        this.fetchingAhead--;
        early.bytes = wheel?.body.length ?? 0;
        this.beginAhead();
      });
    }
  }

  /** Undefined for what was not begun too: whoever asks for it does not wait for its turn. */
  private async takeAhead(url: URL): Promise<Fetched | undefined> {
    const key = addressKey(url);
    const early = this.ahead.get(key);
    this.ahead.delete(key);
    if (early !== undefined) this.beginAhead();
    return early?.wheel;
  }

  /** Nothing is begun after this. */
  close(): void {
    this.closed = true;
    this.ahead.clear();
  }

  private async stored(url: URL): Promise<Fetched | undefined> {
    const promised = this.links.get(addressKey(url))?.hash;
    if (promised?.[0] !== 'sha256') return undefined;
    const { store, waiting } = this.options;
    const [, digest] = promised;
    const body = (await store?.get(digest)) ?? (await waiting?.get(digest));
    return body && { url, body, digest, type: 'application/octet-stream', kept: true };
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

/** One key for all spellings of an address: pip quotes what it asks for by its own rules, `+` as `%2B`. */
function addressKey(url: URL): string {
  let path = url.pathname;
  // A page can name thousands, nearly all of them plain.
  if (!/^[\w/.~-]*$/.test(path)) {
    try {
      path = path
        .split('/')
        .map((step) => encodeURIComponent(decodeURIComponent(step)))
        .join('/');
    } catch {
      // No text in UTF-8; it is its own key.
    }
  }
  return `${url.origin}${path}${url.search}`;
}

/** The wheel that an address of its metadata (PEP 658) belongs to. */
function wheelOf(metadata: URL): URL {
  const url = new URL(metadata);
  url.pathname = url.pathname.replace(/\.metadata$/i, '');
  return url;
}

const metadataReply = (body: Uint8Array): GateResponse => ({
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body,
});

const isText = (bytes: Uint8Array): boolean =>
  isPlainText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));

const contentType = ({ headers }: UpstreamReply): string => String(headers['content-type'] ?? '');

const fetched = (url: URL, reply: UpstreamReply, body: Buffer): Fetched => ({
  url,
  body,
  digest: sha256(body),
  type: contentType(reply),
  kept: false,
});

/** Whether bytes have the hash the index gave for them, if it gave one. */
function isPromised(link: IndexLink | undefined, { body, digest }: Fetched): boolean {
  if (link?.hash === undefined) return true;
  const [algorithm, promised] = link.hash;
  return (algorithm === 'sha256' ? digest : createHash(algorithm).update(body).digest('hex')) === promised;
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
