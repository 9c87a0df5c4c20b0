/**
 * Fetches, scans and puts away the tarballs of a tree, each once, as soon as it is known to be wanted. What was read
 * in an earlier run and lies in npm's cache is not even opened: its verdict is known by its hash, and by that hash
 * alone it is handed out.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { registryFacts } from '../artifact/install-facts.js';
import { integrityOf } from '../artifact/integrity.js';
import { KnownError } from '../errors.js';
import { tarballKey } from '../gate/registry.js';
import type { ScanInput, Verdict } from '../types.js';
import type { NpmConfig } from './config.js';
import { type Facts, factsOf, readTarballManifest } from './facts.js';
import { effectiveAddress, fetchArtifact } from './fetch.js';
import type { GuardOptions } from './guard.js';
import type { Manifest } from './libraries.js';
import { nameDates } from './name-dates.js';
import type { FrozenPackuments } from './packuments.js';
import { Lanes } from './pool.js';
import type { Artifact } from './resolve.js';
import { Tarballs } from './tarballs.js';
import type { NpmTool } from './tool.js';

/** Which tarball; the rest of an `Artifact` is its place in the tree. */
export type Wanted = Pick<Artifact, 'name' | 'version' | 'resolved' | 'integrity'>;

/** What is known of a tarball once it has been read. */
export interface ReadArtifact {
  readonly artifact: Wanted;
  readonly verdict: Verdict;
  /** Addresses under which npm may ask for it, normalised. */
  readonly urls: readonly string[];
  /** What it says of itself; undefined unless it is allowed. */
  readonly facts: Facts | undefined;
}

/** Fetches under way at a time; npm itself has as many sockets to a host. */
const FETCHES = 15;
/** Bytes of tarballs waiting for the scanner before fetching pauses. */
const HELD_BYTES = 48 * 1024 * 1024;

export class Reader {
  private readonly known = new Map<string, Promise<ReadArtifact>>();
  private readonly lanes = new Lanes(FETCHES, HELD_BYTES);
  private readonly tarballs: Tarballs;
  private readonly byAddress = new Map<string, string>();
  /** By SHA-512 SRI. */
  private readonly allowed = new Map<string, Wanted>();
  private readonly nameDate: (name: string) => Promise<string | undefined>;
  private stopped = false;

  constructor(
    private readonly tool: NpmTool,
    private readonly config: NpmConfig,
    private readonly options: GuardOptions,
    private readonly packuments: FrozenPackuments,
  ) {
    this.nameDate = nameDates(tool.libraries, config.flat);
    this.tarballs = new Tarballs(tool.libraries.cacache, config.flat.cache);
  }

  /** Rejects with `KnownError` when it cannot be fetched, or when the scanner itself fails. */
  read(artifact: Wanted): Promise<ReadArtifact> {
    const key = keyOf(artifact);
    let reading = this.known.get(key);
    if (reading === undefined) {
      reading = this.recall(artifact).then(
        (found) => found ?? this.lanes.run((lane) => this.fetch(artifact, lane)),
      );
      // Awaited when the whole tree is known; until then a rejection is not unhandled.
      reading.catch(() => {});
      this.known.set(key, reading);
    }
    return reading;
  }

  /**
   * Begins to read what the resolver was just given: nearly always it ends in the tree. What is meant for some systems
   * only often does not, and waits until the tree says so.
   */
  ahead(manifest: Manifest): void {
    const { name, version, _resolved: resolved, _integrity: integrity } = manifest;
    if (this.stopped || typeof name !== 'string' || typeof version !== 'string') return;
    if (typeof resolved !== 'string' || typeof integrity !== 'string' || !/^https?:/.test(resolved)) return;
    if (this.packuments.version(name, version) === undefined) return;
    if (['os', 'cpu', 'libc'].some((key) => manifest[key] !== undefined)) return;
    void this.read({ name, version, resolved, integrity });
  }

  /** Begins nothing more. */
  stop(): void {
    this.stopped = true;
  }

  /** Lets the gate hand these out. */
  allow(read: readonly ReadArtifact[]): void {
    for (const { artifact, urls, verdict } of read) {
      for (const url of urls) this.byAddress.set(url, verdict.integrity);
      this.allowed.set(verdict.integrity, artifact);
    }
    this.known.clear();
  }

  /** For the gate: bytes by address or hash, of what was allowed. */
  readonly source = {
    byAddress: async (key: string): Promise<Uint8Array | undefined> => {
      const integrity = this.byAddress.get(key);
      return integrity === undefined ? undefined : this.bytes(integrity);
    },
    byIntegrity: async (integrity: string): Promise<Uint8Array | undefined> =>
      this.allowed.has(integrity) ? this.bytes(integrity) : undefined,
  };

  /** Puts what was allowed into npm's content cache `cache`, as far as it lies on disk. */
  lend(cache: string): void {
    this.tarballs.lend(this.allowed.keys(), cache);
  }

  close(): void {
    this.stop();
    this.tarballs.close();
  }

  private async recall(artifact: Wanted): Promise<ReadArtifact | undefined> {
    const { recall } = this.options;
    const { name, version, resolved, integrity } = artifact;
    if (recall === undefined || integrity === undefined || resolved?.startsWith('file:')) return undefined;
    if (!(await this.tarballs.has(integrity))) return undefined;
    const address = resolved === undefined ? undefined : effectiveAddress(resolved, this.config);
    const about = this.about(artifact, address);
    const verdict = await recall({ ...about, expectedIntegrity: integrity });
    if (verdict?.verdict !== 'allow' || verdict.installs === undefined) return undefined;
    if (verdict.name !== name || verdict.version !== version) return undefined;
    const urls = [resolved, address].filter((url) => url !== undefined).map(tarballKey);
    return { artifact, verdict, urls: [...new Set(urls)], facts: factsOf(verdict.installs) };
  }

  private async fetch(
    artifact: Wanted,
    lane: { release(): void; hold(bytes: number): void },
  ): Promise<ReadArtifact> {
    if (this.stopped) throw new KnownError('not-fetched', 'nothing more is fetched');
    const { bytes, urls } = await fetchArtifact(this.tool, this.config, this.packuments, artifact);
    lane.hold(bytes.length);
    lane.release();
    const verdict = await this.options.scan({ ...this.about(artifact, urls.at(-1)), bytes });
    if (verdict.verdict !== 'allow') return { artifact, verdict, urls, facts: undefined };
    await this.tarballs.keep(verdict.integrity, bytes);
    return {
      artifact,
      verdict,
      urls,
      facts: factsOf(verdict.installs ?? (await readTarballManifest(bytes))),
    };
  }

  /** What stands outside the bytes. */
  private about({ name, version, integrity }: Wanted, url: string | undefined): Omit<ScanInput, 'bytes'> {
    const registryManifest = this.packuments.version(name, version);
    const published = this.packuments.published(name, version);
    return {
      ecosystem: 'npm',
      filename: `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`,
      // As it is now: it is corrected by what the tarball says.
      ...(registryManifest === undefined ? {} : { registryManifest: registryFacts(registryManifest) }),
      ...(integrity === undefined ? {} : { expectedIntegrity: integrity }),
      ...(url?.startsWith('http') ? { registry: new URL(url).origin } : {}),
      ...(published === undefined ? {} : { published }),
      ...(url === undefined || url.startsWith('http')
        ? { firstPublished: async () => this.packuments.firstPublished(name) ?? this.nameDate(name) }
        : {}),
    };
  }

  private async bytes(integrity: string): Promise<Uint8Array> {
    const bytes = await this.tarballs.get(integrity);
    if (bytes !== undefined) return bytes;
    // Something cleaned npm's cache meanwhile: the same bytes again, by their hash, or nothing.
    const artifact = { ...this.allowed.get(integrity)!, integrity };
    return (await fetchArtifact(this.tool, this.config, this.packuments, artifact)).bytes;
  }
}

export function keyOf({ name, version, resolved, integrity }: Wanted): string {
  const address = resolved === undefined ? null : tarballKey(resolved);
  return JSON.stringify([name, version, address, integrity ?? null]);
}

/** npm reads a tarball given as a file from disk itself: it must still be the file that was scanned. */
export function recheckFile({ artifact, verdict }: ReadArtifact, config: NpmConfig): void {
  if (!artifact.resolved?.startsWith('file:')) return;
  const file = path.resolve(config.where, artifact.resolved.slice('file:'.length));
  if (integrityOf({ bytes: readFileSync(file) }) !== verdict.integrity) {
    throw new KnownError(
      'file-changed',
      `${file} changed while it was scanned; nothing was installed: try again`,
    );
  }
}
