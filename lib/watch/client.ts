/**
 * Asks registries politely: says who asks, keeps to a rate for each host, waits as long as a host asks for, and asks for
 * what it has only when it changed. Failures say whether trying again can help.
 */
import type http from 'node:http';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createUpstream, FetchError, type UpstreamReply } from '../gate/upstream.js';
import { toolVersion } from '../report/output.js';

/** `gone`: the registry has it no more. `final`: it will never do. `passing`: the network or the server, for now. */
export type FailureKind = 'gone' | 'final' | 'passing';

export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    /** When the host wants to be asked again, milliseconds since 1970. */
    readonly retryAt?: number,
  ) {
    super(message);
  }
}

export interface ClientOptions {
  /** Requests a second to one host. */
  readonly rate: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

export interface Wanted {
  readonly maxBytes: number;
  readonly accept?: string;
  /** Of the answer that is known. */
  readonly etag?: string | undefined;
  readonly post?: { readonly type: string; readonly body: string };
}

export interface Reply {
  /** Undefined: it is as it was (304). */
  readonly body: Buffer | undefined;
  readonly etag: string | undefined;
  readonly contentType: string;
  /** The server's own clock, milliseconds since 1970. */
  readonly date: number | undefined;
  /** After redirects. */
  readonly url: URL;
}

interface Host {
  /** When the next request may go out by the rate. */
  next: number;
  /** Until when the host asked for a pause. */
  paused: number;
  strikes: number;
}

const MAX_REDIRECTS = 5;
const LONGEST_PAUSE_MS = 3_600_000;

export class Client {
  /** Answers by status, and bytes, for the metrics. */
  readonly answers = new Map<string, number>();
  bytes = 0;
  private readonly hosts = new Map<string, Host>();
  private readonly ending = new AbortController();
  private readonly upstream;

  constructor(private readonly options: ClientOptions) {
    const env = options.env ?? process.env;
    this.upstream = createUpstream({
      caFiles: [env.NODE_EXTRA_CA_CERTS].filter((file): file is string => file !== undefined && file !== ''),
      env,
      trustedHosts: () => [],
      timeoutMs: options.timeoutMs ?? 60_000,
    });
  }

  /** Throws `Failure`. */
  async get(address: string, wanted: Wanted): Promise<Reply> {
    if (!URL.canParse(address)) throw new Failure('final', 'its address cannot be read');
    let url = new URL(address);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      if (url.protocol !== 'https:' && url.protocol !== 'http:')
        throw new Failure('final', `${url.protocol} addresses are not followed`);
      const { status, headers, body } = await this.ask(url, wanted);
      const { location } = headers;
      if (
        [301, 302, 303, 307, 308].includes(status) &&
        location !== undefined &&
        URL.canParse(location, url.href)
      ) {
        const next = new URL(location, url.href);
        // Nobody but the configured host gets its password, and none that an answer makes up is sent.
        const own = next.origin === url.origin;
        next.username = own ? url.username : '';
        next.password = own ? url.password : '';
        url = next;
        continue;
      }
      if (body === undefined && status !== 304) throw this.failure(url, status, headers);
      const date = Date.parse(headers.date ?? '');
      return {
        body,
        etag: headers.etag,
        contentType: headers['content-type'] ?? '',
        date: Number.isNaN(date) ? undefined : date,
        url,
      };
    }
    throw new Failure('passing', 'too many redirects');
  }

  /** Ends what is under way: it fails. */
  close(): void {
    this.ending.abort();
    this.upstream.close();
  }

  private async ask(url: URL, { maxBytes, accept, etag, post }: Wanted): Promise<UpstreamReply> {
    const host = this.hosts.get(url.host) ?? { next: 0, paused: 0, strikes: 0 };
    this.hosts.set(url.host, host);
    const turn = Math.max(Date.now(), host.next);
    host.next = turn + 1000 / this.options.rate;
    await this.pause(turn - Date.now());
    // Asked for while this request waited for its turn, or for the end of an earlier pause.
    while (host.paused > Date.now()) await this.pause(host.paused - Date.now());
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    const headers: http.OutgoingHttpHeaders = {
      'user-agent': `safe-install/${toolVersion()} watch (node ${process.version}; reads new releases once each)`,
      accept: accept ?? '*/*',
      'accept-encoding': accept === undefined ? 'identity' : 'gzip',
      ...(etag !== undefined && { 'if-none-match': etag }),
      ...(post !== undefined && { 'content-type': post.type }),
      ...(url.username !== '' && { authorization: basic(url) }),
    };
    try {
      const options = { maxBytes, ...(post !== undefined && { post: Buffer.from(post.body) }) };
      const reply = await this.upstream.get(bare, headers, options);
      this.count(String(reply.status));
      this.bytes += reply.body?.length ?? 0;
      if (reply.status < 500 && reply.status !== 429) host.strikes = 0;
      return reply;
    } catch (error) {
      this.count('error');
      const { code, message } = error as Error & { code?: unknown };
      if (error instanceof FetchError && code === 'too-large') throw new Failure('final', message);
      // Also what Node refuses to send: addresses come from registries.
      throw new Failure('passing', typeof code === 'string' ? `${message} (${code})` : message);
    }
  }

  private failure(url: URL, status: number, headers: http.IncomingHttpHeaders): Failure {
    const why = `${url.host} answered ${status}`;
    if (status === 404 || status === 410 || status === 451) return new Failure('gone', why);
    if (status === 429 || status === 503) {
      const host = this.hosts.get(url.host)!;
      const pause = retryAfter(headers['retry-after']) ?? Math.min(1000 * 2 ** host.strikes, 60_000);
      host.strikes++;
      host.paused = Math.max(host.paused, Date.now() + Math.min(pause, LONGEST_PAUSE_MS));
      return new Failure('passing', why, host.paused);
    }
    return new Failure('passing', why);
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0 && !this.ending.signal.aborted) return;
    try {
      await sleep(ms, undefined, { signal: this.ending.signal });
    } catch {
      throw new Failure('passing', 'the watch is ending');
    }
  }

  private count(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }
}

/** Seconds or a date, as milliseconds from now. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function basic(url: URL): string {
  const pair = [url.username, url.password].map(decoded).join(':');
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
