/**
 * artifact → verdict. The library's public entry, and what every guard calls: bytes in, verdict out, in worker
 * threads; equal inputs are worked on once; clean scores of earlier runs are taken from the cache; the policy is
 * applied last and outside, so that a verdict is a pure function of facts, policy and time.
 */
import { createHash } from 'node:crypto';
import { registryAgrees, registryFacts } from './artifact/install-facts.js';
import { integrityOf, integrityProblem } from './artifact/integrity.js';
import { LIMITS } from './artifact/limits.js';
import { TAXONOMY_VERSION } from './behavior/taxonomy.js';
import { loadModelConfig } from './classifier/config.js';
import { KnownError } from './errors.js';
import type { Examined } from './scan/examine.js';
import { codeFingerprint } from './scan/fingerprint.js';
import { Pool, type PoolOptions, WorkerFailure } from './scan/pool.js';
import type { Finding, Recall, Scan, ScanInput, Verdict } from './types.js';
import { type CachedScore, type CacheKey, type CacheVersions, ScoreCache } from './verdict/cache.js';
import { decide, effectiveThreshold } from './verdict/decide.js';
import { NO_POLICY, type Policy } from './verdict/policy.js';

export interface ScannerOptions extends PoolOptions {
  /** Default: no policy file at all. */
  readonly policy?: Policy;
  /** Scores of earlier runs. Default: none are read or kept. */
  readonly cache?: boolean;
  /** Keeps `Verdict.sequence`. Cached scores have none, so the cache is then only written. */
  readonly sequences?: boolean;
  /** Forgets an artifact once it is judged: for a scanner that lives for days. Default: equal inputs are read once. */
  readonly forget?: boolean;
  /** Time the verdicts are given for, milliseconds since 1970. Default: when each is decided. */
  readonly now?: () => number;
}

export interface Scanner {
  /** Rejects with `KnownError` when the scanner itself fails (exit 102); an artifact never makes it reject. */
  readonly scan: Scan;
  /** From the cache alone: what is not there, or is no clean result under the policy, must be read. */
  readonly recall: Recall;
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

  const verdictOf = (facts: Examined, { registry, published }: Outside, started: number): Verdict =>
    decide(
      {
        ...facts,
        ...(registry !== undefined && { registry }),
        ...(published !== undefined && { published }),
        durationMs: performance.now() - started,
      },
      options.policy ?? NO_POLICY,
      options.now?.() ?? Date.now(),
    );

  const scan: Scan = async (given) => {
    const started = performance.now();
    const input = withFactsOnly(given);
    const facts = await examineOnce(input, keyOf(input, integrityOf(input)));
    const verdict = verdictOf(facts, input, started);
    return input.files === undefined ? verdict : { ...verdict, unpacked: true };
  };

  const recall: Recall = async (given) => {
    const started = performance.now();
    if (!SHA512.test(given.expectedIntegrity)) return undefined;
    const input = withFactsOnly(given);
    const facts = await fromCache(keyOf(input, given.expectedIntegrity));
    return facts && verdictOf(facts, input, started);
  };

  async function examineOnce(input: ScanInput, key: CacheKey): Promise<Examined> {
    const id = JSON.stringify([key, input.expectedIntegrity ?? null]);
    let facts = underway.get(id);
    if (facts === undefined) {
      // A promise of the registry that the bytes break is never in the cache.
      const broken = integrityProblem(input, key.integrity) !== undefined;
      const known = broken ? Promise.resolve(undefined) : fromCache(key);
      facts = known.then((found) => found ?? fromWorker(input, key));
      underway.set(id, facts);
      const forget = (): unknown => options.forget === true && underway.delete(id);
      facts.then(forget, forget);
    }
    return facts;
  }

  async function fromCache(key: CacheKey): Promise<Examined | undefined> {
    if (cache === undefined || options.sequences) return undefined;
    const found = await entryOf(cache, key);
    if (found === undefined) return undefined;
    const { name, version, score, threshold, findings, opaqueFiles, installs } = found;
    // Clean by the model and an alarm by a stricter policy: read again, for the evidence.
    const policy = options.policy ?? NO_POLICY;
    if (score >= effectiveThreshold(threshold, key.ecosystem, policy)) return undefined;
    return {
      ecosystem: key.ecosystem,
      name,
      version,
      integrity: key.integrity,
      score: { value: score, threshold, evidence: [] },
      findings,
      opaqueFiles,
      ...(installs !== undefined && { installs }),
    };
  }

  async function fromWorker(input: ScanInput, key: CacheKey): Promise<Examined> {
    try {
      const sequence = options.sequences === true;
      const bounds = (options.policy ?? NO_POLICY).threshold[input.ecosystem];
      // A stricter policy's alarms need evidence too; the model's own threshold is known where the model is.
      const explainFrom = Math.min(bounds.set ?? 1, bounds.most ?? 1);
      const examined = await pool.run(input, { sequence, integrity: key.integrity, explainFrom });
      cache?.put(examined.findings.some(isMismatch) ? key : alone(key), { ...examined, durationMs: 0 });
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

  let closing: Promise<void> | undefined;
  return {
    scan,
    recall,
    close: () => {
      closing ??= pool.close().then(() => cache?.close());
      return closing;
    },
  };
}

type Outside = Pick<ScanInput, 'registry' | 'published'>;

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Of a registry's manifest only what is compared: the rest may change without the score changing. */
function withFactsOnly<T extends Pick<ScanInput, 'registryManifest'>>(input: T): T {
  const { registryManifest } = input;
  return registryManifest === undefined
    ? input
    : { ...input, registryManifest: registryFacts(registryManifest) };
}

function keyOf(input: Omit<ScanInput, 'bytes'>, integrity: string): CacheKey {
  const { ecosystem, registryManifest } = input;
  return { integrity, ecosystem, reader: readerOf(input), registryManifest: registryManifest ?? null };
}

/**
 * The same bytes without what the registry says of them. A registry that says what the tarball says changes nothing, so
 * that a tree read from packuments is known when it comes from a lockfile, which says nothing.
 */
const alone = (key: CacheKey): CacheKey => ({ ...key, registryManifest: null });

const isMismatch = ({ code }: Finding): boolean => code === 'manifest-mismatch';

async function entryOf(cache: ScoreCache, key: CacheKey): Promise<CachedScore | undefined> {
  const found = await cache.get(alone(key));
  if (key.registryManifest === null) return found;
  if (found?.installs !== undefined && registryAgrees(found.installs, key.registryManifest)) return found;
  return cache.get(key);
}

/** How bytes are read: the same ones have other entry points as another kind, and only the name's ending tells some apart. */
export function readerOf({ ecosystem, filename, files, ownScripts }: Omit<ScanInput, 'bytes'>): string {
  if (files !== undefined) return ownScripts ? 'own-scripts' : 'folder';
  return ecosystem === 'npm'
    ? /\.zip$/i.test(filename)
      ? 'zip'
      : 'tarball'
    : /\.whl$/i.test(filename)
      ? 'wheel'
      : 'sdist';
}

/**
 * Names everything a verdict depends on beside the artifact, as far as that stays as it is: model, code and policy.
 * Undefined where a verdict of today may not hold tomorrow, because an exception ends.
 */
export function verdictIdentity(policy: Policy): string | undefined {
  if (policy.exceptions.some(({ until }) => until !== undefined)) return undefined;
  const plain = (_: string, value: unknown): unknown => (value instanceof Set ? [...value].sort() : value);
  const text = JSON.stringify([cacheVersions(), policy], plain);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Versions of all that turns bytes into a score. */
function cacheVersions(): CacheVersions {
  const config = loadModelConfig();
  const short = (value: unknown): string =>
    createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
  return {
    model: `${config.version} ${short(config)}`,
    taxonomy: TAXONOMY_VERSION,
    limits: short(LIMITS),
    code: codeFingerprint(),
  };
}
