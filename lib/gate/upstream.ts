/**
 * Fetches on behalf of the guarded installer from the registries its user configured, the way the installer itself
 * would have: the same authorities, client certificate, proxies and time-outs. Redirects are handed back, not followed.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { KnownError } from '../errors.js';

export interface UpstreamSettings {
  /** PEM bundles trusted in addition to Node's own list. */
  readonly caFiles: readonly string[];
  /** PEM file with the client's certificate and key. */
  readonly clientCert?: string;
  /** Proxy for every host, over the environment's. */
  readonly proxy?: string;
  /** `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy` are read from here. */
  readonly env: NodeJS.ProcessEnv;
  /** Hosts (`name` or `name:port`) whose certificate need not be valid. */
  readonly trustedHosts: () => readonly string[];
  /** Silence on the line that counts as failure. */
  readonly timeoutMs: number;
}

export interface UpstreamReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Without content encoding where the request allowed one; undefined for a redirect or an error status. */
  readonly body: Buffer | undefined;
}

/** Code of a failed fetch: `too-large` is final, all else may pass when tried again. */
export class FetchError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly limit?: number,
  ) {
    super(message);
    this.name = 'FetchError';
  }
}

export interface FetchOptions {
  readonly maxBytes: number;
  /** Sent as the body of a POST; otherwise it is a GET. */
  readonly post?: Buffer;
}

export interface Upstream {
  /** @throws FetchError */
  get(url: URL, headers: http.OutgoingHttpHeaders, options: FetchOptions): Promise<UpstreamReply>;
  close(): void;
}

export function createUpstream(settings: UpstreamSettings): Upstream {
  // One context for all connections: reading some 150 authorities takes longer than a handshake.
  const tls = {
    secureContext: createSecureContext({
      ca: [...rootCertificates, ...settings.caFiles.map((file) => readPem(file, 'certificate bundle'))],
      ...(settings.clientCert === undefined ? {} : pemPair(settings.clientCert)),
    }),
  };
  const agents = new Map<string, http.Agent>();
  const agentFor = (url: URL): http.Agent => {
    const proxy = proxyFor(url, settings);
    const secure = url.protocol === 'https:';
    const trusted = secure && isTrusted(url, settings.trustedHosts());
    const key = `${secure} ${trusted} ${proxy ?? ''}`;
    const known = agents.get(key);
    if (known) return known;
    const options = { ...tls, keepAlive: true, rejectUnauthorized: !trusted };
    const agent = !secure
      ? new http.Agent({ keepAlive: true })
      : proxy === undefined
        ? new https.Agent(options)
        : new HttpsProxyAgent(proxy, options);
    agents.set(key, agent);
    return agent;
  };

  return {
    get: (url, headers, options) =>
      new Promise((resolve, reject) => {
        const secure = url.protocol === 'https:';
        const proxy = secure ? undefined : proxyFor(url, settings);
        const { post } = options;
        const sent = {
          ...headers,
          host: url.host,
          ...(post !== undefined && { 'content-length': post.length }),
        };
        const method = post === undefined ? 'GET' : 'POST';
        // Plain http through a proxy is a request for the whole address, sent to the proxy.
        const request =
          proxy === undefined
            ? (secure ? https : http).request(url, {
                method,
                headers: sent,
                agent: agentFor(url),
                // Options of the agent are not seen by the one that tunnels through a proxy.
                ...(secure ? { ...tls, rejectUnauthorized: !isTrusted(url, settings.trustedHosts()) } : {}),
              })
            : http.request(new URL(proxy), {
                method,
                path: url.href,
                headers: { ...sent, ...proxyPassword(proxy) },
              });
        const fail = (code: string, message: string, limit?: number): void => {
          request.destroy();
          reject(new FetchError(code, message, limit));
        };
        request.setTimeout(settings.timeoutMs, () =>
          fail('ETIMEDOUT', `no answer within ${settings.timeoutMs / 1000} s`),
        );
        request.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'ERROR', error.message));
        request.once('response', (response) => {
          const status = response.statusCode ?? 0;
          const { headers } = response;
          if (status !== 200) {
            response.resume();
            resolve({ status, headers, body: undefined });
            return;
          }
          const tooLarge = (): void =>
            fail('too-large', `larger than ${options.maxBytes} bytes`, options.maxBytes);
          if (Number(headers['content-length'] ?? 0) > options.maxBytes) return tooLarge();
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > options.maxBytes) return tooLarge();
            chunks.push(chunk);
          });
          response.once('error', (error: NodeJS.ErrnoException) =>
            fail(error.code ?? 'ERROR', error.message),
          );
          response.once('end', () => {
            if (!response.complete) return fail('ECONNRESET', 'the connection closed before the end');
            try {
              const body = decode(Buffer.concat(chunks), headers['content-encoding'], sent, options.maxBytes);
              resolve({ status, headers, body });
            } catch (error) {
              fail('ERROR', `its content encoding cannot be read: ${(error as Error).message}`);
            }
          });
        });
        request.end(post);
      }),
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** Undo the encoding the request asked for; one it did not ask for is part of the file, as installers take it. */
function decode(
  raw: Buffer,
  encoding: string | undefined,
  sent: http.OutgoingHttpHeaders,
  maxOutputLength: number,
): Buffer {
  if (encoding === undefined || sent['accept-encoding'] === 'identity') return raw;
  if (/^(x-)?gzip$/i.test(encoding)) return gunzipSync(raw, { maxOutputLength });
  if (/^deflate$/i.test(encoding)) return inflateSync(raw, { maxOutputLength });
  if (/^br$/i.test(encoding)) return brotliDecompressSync(raw, { maxOutputLength });
  if (/^identity$/i.test(encoding)) return raw;
  throw new Error(encoding);
}

/** The proxy a request for `url` goes through, by `--proxy` first, then the environment (lower case first, as curl). */
export function proxyFor(url: URL, settings: Pick<UpstreamSettings, 'proxy' | 'env'>): string | undefined {
  if (settings.proxy !== undefined) return withScheme(settings.proxy);
  const read = (name: string): string => settings.env[name] || settings.env[name.toUpperCase()] || '';
  for (const entry of read('no_proxy').split(',')) {
    const rule = entry.trim().toLowerCase().replace(/^\./, '');
    if (rule === '*') return undefined;
    const name = url.hostname.toLowerCase();
    if (rule !== '' && (rule === name || rule === url.host.toLowerCase() || name.endsWith(`.${rule}`)))
      return undefined;
  }
  const proxy = read(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') || read('all_proxy');
  return proxy === '' ? undefined : withScheme(proxy);
}

const withScheme = (proxy: string): string | undefined =>
  proxy === '' ? undefined : /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;

function proxyPassword(proxy: string): http.OutgoingHttpHeaders {
  const { username, password } = new URL(proxy);
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function isTrusted(url: URL, hosts: readonly string[]): boolean {
  return hosts.some((host) => host === url.hostname || host === url.host);
}

function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KnownError(
      'certificate',
      `cannot read the ${what} ${file}: ${(error as Error).message}; check the setting that names it`,
      2,
    );
  }
}

function pemPair(file: string): { cert: string; key: string } {
  const pem = readPem(file, 'client certificate');
  return { cert: pem, key: pem };
}
