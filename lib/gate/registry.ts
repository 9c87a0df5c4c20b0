/**
 * What the gate says as an npm registry: packuments exactly as the scan saw them, with the facts of scanned
 * tarballs in place of the registry's claims, and the bytes of allowed tarballs. Any other tarball is a miss.
 */
import type { GateHandler, GateRequest, GateResponse } from './proxy.js';

/** `full`, or the abbreviated form npm calls `corgi`. */
export type PackumentForm = 'full' | 'corgi';

/** Packuments by address, as first seen; never told otherwise while the command runs. */
export interface PackumentStore {
  find(url: string, form: PackumentForm): Record<string, unknown> | undefined;
  keep(url: string, packument: Record<string, unknown>, form: PackumentForm): void;
}

/** Bytes of allowed tarballs; undefined for whatever was not allowed. Rejects when allowed bytes cannot be had. */
export interface TarballSource {
  /** By address (see `tarballKey`). */
  byAddress(key: string): Promise<Uint8Array | undefined>;
  /** By SHA-512 SRI, for trees that name no addresses. */
  byIntegrity(integrity: string): Promise<Uint8Array | undefined>;
}

export interface RegistryOptions {
  readonly packuments: PackumentStore;
  readonly tarballs: TarballSource;
  /** Whether packuments may be asked for; otherwise that is a miss like a tarball. */
  readonly metadata?: boolean;
  /** Sends a metadata request on to the user's registry with the user's own credentials. */
  readonly upstream: (request: GateRequest) => Promise<GateResponse>;
  /** The child asked for a tarball that was not scanned. npm would swallow this for an optional one. */
  readonly onMiss: (url: string) => void;
}

/** One form for an address however it is written in lockfile, packument or request. */
export function tarballKey(address: string): string {
  try {
    const url = new URL(address);
    url.hash = '';
    url.username = '';
    url.password = '';
    return url.href.replace(/%2f/gi, '%2f');
  } catch {
    return address;
  }
}

/** npm's security reports (`npm audit`) and signing keys: questions and answers without code. */
const REPORTS = /\/-\/npm\/v1\/(security\/|keys\/?$|attestations\/)/;

export function registryHandler(options: RegistryOptions): GateHandler {
  return async (request) => {
    const address = request.url.href;
    const bytes = request.method === 'GET' ? await allowedBytes(options, request) : undefined;
    if (bytes !== undefined) {
      // npm works out an integrity of its own, for the lockfile, only from what passes through its cache.
      const caching =
        request.headers['pacote-integrity'] === undefined ? { 'cache-control': 'max-age=60' } : {};
      return {
        status: 200,
        headers: { 'content-type': 'application/octet-stream', ...caching },
        body: bytes,
      };
    }
    if (REPORTS.test(request.url.pathname)) return options.upstream(request);
    if (request.method === 'GET' && options.metadata !== false && asksForPackument(request)) {
      return packument(options, request);
    }
    options.onMiss(address);
    return { status: 403, body: JSON.stringify({ error: 'safe-install: this was not scanned' }) };
  };
}

async function allowedBytes(
  { tarballs, onMiss }: RegistryOptions,
  { url, headers }: GateRequest,
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await tarballs.byAddress(tarballKey(url.href));
    const wanted = headers['pacote-integrity'];
    if (bytes !== undefined || typeof wanted !== 'string') return bytes;
    return await tarballs.byIntegrity(wanted);
  } catch (error) {
    // Allowed and not there any more: npm would pass over an optional one, so it must not go on.
    onMiss(url.href);
    throw error;
  }
}

function asksForPackument({ headers, url }: GateRequest): boolean {
  if (headers['pacote-req-type'] === 'tarball' || /\.(tgz|tar\.gz|tar)$/i.test(url.pathname)) return false;
  return headers['pacote-req-type'] === 'packument' || (headers.accept ?? '').includes('json');
}

async function packument(options: RegistryOptions, request: GateRequest): Promise<GateResponse> {
  const address = request.url.href;
  const form = (request.headers.accept ?? '').includes('vnd.npm.install') ? 'corgi' : 'full';
  const known = options.packuments.find(address, form);
  if (known !== undefined) return { status: 200, body: JSON.stringify(known) };
  const answer = await options.upstream(request);
  if (answer.status !== 200) return answer;
  const parsed: unknown = JSON.parse(Buffer.from(answer.body).toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { status: 502, body: JSON.stringify({ error: 'not a packument' }) };
  }
  options.packuments.keep(address, parsed as Record<string, unknown>, form);
  return { status: 200, body: JSON.stringify(options.packuments.find(address, form) ?? parsed) };
}
