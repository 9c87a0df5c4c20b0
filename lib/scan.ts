/**
 * artifact → verdict. The library's public entry, and what every guard calls: bytes in, verdict out, in worker
 * threads; equal inputs are worked on once; clean scores of earlier runs are taken from the cache; the policy is
 * applied last and outside, so that a verdict is a pure function of facts, policy and time.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { integrityOf, integrityProblem } from './artifact/integrity.js';
import { LIMITS } from './artifact/limits.js';
import { TAXONOMY_VERSION } from './behavior/taxonomy.js';
import { loadModelConfig } from './classifier/config.js';
import { KnownError } from './errors.js';
import type { Examined } from './scan/examine.js';
import { Pool, type PoolOptions, WorkerFailure } from './scan/pool.js';
import type { Scan, ScanInput } from './types.js';
import { type CacheKey, ScoreCache } from './verdict/cache.js';
import { decide, effectiveThreshold } from './verdict/decide.js';
import { NO_POLICY, type Policy } from './verdict/policy.js';

export interface ScannerOptions extends PoolOptions {
  /** Default: no policy file at all. */
  readonly policy?: Policy;
  /** Scores of earlier runs. Default: none are read or kept. */
  readonly cache?: boolean;
  /** Keeps `Verdict.sequence`. Cached scores have none, so the cache is then only written. */
  readonly sequences?: boolean;
  /** Time the verdicts are given for, milliseconds since 1970. Default: when each is decided. */
  readonly now?: () => number;
}

export interface Scanner {
  /** Rejects with `KnownError` when the scanner itself fails (exit 102); an artifact never makes it reject. */
  readonly scan: Scan;
  /** Ends the threads and finishes the cache; nothing is left open. */
  readonly close: () => Promise<void>;
}

/** Throws `KnownError` when the model is missing or not the released one. Threads start with the first scan. */
export async function createScanner(options: ScannerOptions = {}): Promise<Scanner> {
  // Looked at before anything is fetched: without the model no install may go on.
  const versions = options.module === undefined ? cacheVersions() : undefined;
  const cache = options.cache && versions !== undefined ? new ScoreCache(versions) : undefined;
  const pool = new Pool(options);
  const underway = new Map<string, Promise<Examined>>();

  const scan: Scan = async (input) => {
    const started = performance.now();
    const integrity = integrityOf(input);
    const key: CacheKey = {
      integrity,
      ecosystem: input.ecosystem,
      reader: readerOf(input),
      registryManifest: input.registryManifest ?? null,
    };
    const facts = await examineOnce(input, key);
    const { registry, published } = input;
    return decide(
      {
        ...facts,
        ...(registry !== undefined && { registry }),
        ...(published !== undefined && { published }),
        durationMs: performance.now() - started,
      },
      options.policy ?? NO_POLICY,
      options.now?.() ?? Date.now(),
    );
  };

  async function examineOnce(input: ScanInput, key: CacheKey): Promise<Examined> {
    const id = JSON.stringify([key, input.expectedIntegrity ?? null]);
    let facts = underway.get(id);
    if (facts === undefined) {
      facts = fromCache(input, key).then((known) => known ?? fromWorker(input, key));
      underway.set(id, facts);
    }
    return facts;
  }

  async function fromCache(input: ScanInput, key: CacheKey): Promise<Examined | undefined> {
    if (cache === undefined || options.sequences) return undefined;
    // A promise of the registry that the bytes break is never in the cache.
    if (integrityProblem(input, key.integrity) !== undefined) return undefined;
    const found = await cache.get(key);
    if (found === undefined) return undefined;
    const { name, version, score, threshold, findings, opaqueFiles } = found;
    // Clean by the model and an alarm by a stricter policy: read again, for the evidence.
    const policy = options.policy ?? NO_POLICY;
    if (score >= effectiveThreshold(threshold, input.ecosystem, policy)) return undefined;
    return {
      ecosystem: input.ecosystem,
      name,
      version,
      integrity: key.integrity,
      score: { value: score, threshold, evidence: [] },
      findings,
      opaqueFiles,
    };
  }

  async function fromWorker(input: ScanInput, key: CacheKey): Promise<Examined> {
    try {
      const sequence = options.sequences === true;
      const bounds = (options.policy ?? NO_POLICY).threshold[input.ecosystem];
      // A stricter policy's alarms need evidence too; the model's own threshold is known where the model is.
      const explainFrom = Math.min(bounds.set ?? 1, bounds.most ?? 1);
      const examined = await pool.run(input, { sequence, integrity: key.integrity, explainFrom });
      cache?.put(key, { ...examined, durationMs: 0 });
      return examined;
    } catch (error) {
      if (error instanceof KnownError || !(error instanceof WorkerFailure)) throw error;
      return {
        ecosystem: input.ecosystem,
        name: '',
        version: '',
        integrity: key.integrity,
        findings: [],
        opaqueFiles: 0,
        unverified: { code: 'scan-failed', args: { why: error.message } },
      };
    }
  }

  return {
    scan,
    close: async () => {
      await pool.close();
      await cache?.close();
    },
  };
}

/** The same bytes have other entry points as another kind; only the name's ending tells some of them apart. */
function readerOf({ ecosystem, filename, files }: ScanInput): string {
  if (files !== undefined) return 'folder';
  return ecosystem === 'npm'
    ? /\.zip$/i.test(filename)
      ? 'zip'
      : 'tarball'
    : /\.whl$/i.test(filename)
      ? 'wheel'
      : 'sdist';
}

/** Versions of all that turns bytes into a score; the package's own stands for the code that reads. */
function cacheVersions(): { model: string; taxonomy: string; limits: string } {
  const config = loadModelConfig();
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const limits = createHash('sha256')
    .update(JSON.stringify([own.version, LIMITS]))
    .digest('hex')
    .slice(0, 16);
  const model = createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16);
  return { model: `${config.version} ${model}`, taxonomy: TAXONOMY_VERSION, limits };
}
