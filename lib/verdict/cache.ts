/**
 * Scores of artifacts already read. An entry stands under a hash of everything the score depends on: the bytes,
 * how they are read, the registry's facts, the versions of model, taxonomy, limits and code. Policy is applied
 * afterwards, so a cached score never carries a permission. Only clean results are kept (read in full, under the
 * model's threshold); an alarm is always looked at again, with its evidence.
 *
 * One small file an entry, written aside and renamed: safe with any number of processes and when cut off. A
 * damaged entry is not believed. Whoever can write this folder can write an allow into it, as into the tool itself:
 * never restore it from a cache that untrusted builds can fill.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Ecosystem, Finding, InstallFacts } from '../types.js';
import type { Facts } from './decide.js';
import { userFolders } from './folders.js';

/** Everything a score depends on beside the bytes' own hash. */
export interface CacheKey {
  readonly integrity: string;
  readonly ecosystem: Ecosystem;
  /** How the bytes were read (`npm-tarball`, `wheel`, …): the same bytes have other entry points as another kind. */
  readonly reader: string;
  /** What the registry said of the package and the scan compared (`registryFacts`); null: nothing that differs. */
  readonly registryManifest: Readonly<Record<string, unknown>> | null;
}

/** Versions of what turns bytes into a score. */
export interface CacheVersions {
  readonly model: string;
  readonly taxonomy: string;
  readonly limits: string;
  /** Hash of the code that reads (`codeFingerprint`). */
  readonly code: string;
}

export interface CachedScore {
  readonly name: string;
  readonly version: string;
  readonly score: number;
  readonly threshold: number;
  readonly findings: readonly Finding[];
  readonly opaqueFiles: number;
  /** A function of the bytes alone, kept so that an archive with a known score need not be opened for it. */
  readonly installs?: InstallFacts;
}

/** Entries kept, shared out over 256 folders by hash; some 400 bytes each. */
const MOST_ENTRIES = 128_000;
const FORMAT = 'v2';

export class ScoreCache {
  private readonly written = new Set<string>();
  private readonly pending = new Set<Promise<void>>();
  private usable = true;

  constructor(
    private readonly versions: CacheVersions,
    private readonly folder: string = join(userFolders().cache, 'scores', FORMAT),
    private readonly mostEntries: number = MOST_ENTRIES,
  ) {}

  /** The score kept for an artifact; undefined when there is none or it cannot be believed. Never throws. */
  async get(key: CacheKey): Promise<CachedScore | undefined> {
    const id = this.id(key);
    try {
      const [sum, body] = (await readFile(this.path(id), 'utf8')).split('\n', 2);
      if (body === undefined || sum !== checksum(id, body)) return undefined;
      return JSON.parse(body) as CachedScore;
    } catch {
      return undefined;
    }
  }

  /** Keeps a clean result; anything else is not kept. Never throws; a folder that cannot be written is left alone. */
  put(key: CacheKey, facts: Facts): void {
    const { name, version, score, findings, opaqueFiles, installs, unverified } = facts;
    if (!this.usable || score === undefined || unverified !== undefined || !(score.value < score.threshold))
      return;
    const { value, threshold } = score;
    const entry: CachedScore = {
      name,
      version,
      score: value,
      threshold,
      findings,
      opaqueFiles,
      ...(installs !== undefined && { installs }),
    };
    const id = this.id(key);
    const write = this.write(id, JSON.stringify(entry)).catch(() => {
      this.usable = false;
    });
    this.pending.add(write);
    void write.finally(() => this.pending.delete(write));
  }

  /** Waits for what is being written and takes the oldest entries away where there are too many. Never throws. */
  async close(): Promise<void> {
    await Promise.all(this.pending);
    await Promise.all([...this.written].map((shard) => trim(shard, this.mostEntries / 256).catch(() => {})));
    this.written.clear();
  }

  private async write(id: string, body: string): Promise<void> {
    const path = this.path(id);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(aside, `${checksum(id, body)}\n${body}\n`, { mode: 0o600 });
      await rename(aside, path);
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {});
      throw error;
    }
    this.written.add(dirname(path));
  }

  private id(key: CacheKey): string {
    const { model, taxonomy, limits, code } = this.versions;
    const { integrity, ecosystem, reader, registryManifest } = key;
    const versions = [model, taxonomy, limits, code];
    const parts = [...versions, integrity, ecosystem, reader, sorted(registryManifest ?? null)];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }

  private path(id: string): string {
    return join(this.folder, id.slice(0, 2), id.slice(2));
  }
}

// The id is part of the sum: an entry copied to another's place is not believed.
const checksum = (id: string, body: string): string =>
  createHash('sha256').update(`${id}\n${body}`).digest('hex');

/** The same value with every object's keys in order, so that a registry's order of keys does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { object: entries.map(([key, inner]) => [key, sorted(inner)]) };
}

async function trim(shard: string, most: number): Promise<void> {
  const names = await readdir(shard);
  if (names.length <= most) return;
  const aged = await Promise.all(
    names.map(async (name) => ({
      name,
      time: (await stat(join(shard, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  aged.sort((a, b) => a.time - b.time);
  // A quarter at a time, so that a full cache is not trimmed at every run.
  const surplus = aged.slice(0, names.length - Math.floor(most * 0.75));
  await Promise.all(surplus.map(({ name }) => rm(join(shard, name), { force: true })));
}
