/**
 * artifact → verdict. The library's public entry, and what every guard calls: bytes in, verdict out, in worker
 * threads; equal inputs are worked on once; clean scores of earlier runs are taken from the cache; the policy is
 * applied last and outside, so that a verdict is a pure function of facts, policy and time.
 */
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { registryAgrees, registryFacts } from './artifact/install-facts.js';
import { integrityOf, integrityProblem } from './artifact/integrity.js';
import { LIMITS } from './artifact/limits.js';
import { TAXONOMY_VERSION } from './behavior/taxonomy.js';
import { loadModelConfig, type ModelConfig } from './classifier/config.js';
import { KnownError } from './errors.js';
import type { Examined } from './scan/examine.js';
import { codeFingerprint } from './scan/fingerprint.js';
import { Pool, type PoolOptions, WorkerFailure } from './scan/pool.js';
import type { Ecosystem, Finding, Recall, Scan, ScanInput, Verdict } from './types.js';
import { type CachedScore, type CacheKey, type CacheVersions, ScoreCache } from './verdict/cache.js';
import { decide, dependsOnName, type NewcomerPrior, thresholdOf } from './verdict/decide.js';
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
  /** Longest wait for the date of a name, in milliseconds; for tests. */
  readonly dateWaitMs?: number;
  /** Time the verdicts are given for, milliseconds since 1970. Default: when each is decided. */
  readonly now?: () => number;
}

export interface Scanner {
  /** Rejects with `KnownError` when the scanner itself fails (exit 102); an artifact never makes it reject. */
  readonly scan: Scan;
  /** From the cache, and a name's date where that matters: what is not there, or is no clean result under the policy, must be read. */
  readonly recall: Recall;
  /** Ends the threads and finishes the cache; nothing is left open. */
  readonly close: () => Promise<void>;
}

/** Throws `KnownError` when the model is missing or not the released one. Threads start with the first scan. */
export async function createScanner(options: ScannerOptions = {}): Promise<Scanner> {
  // Looked at before anything is fetched: without the model no install may go on.
  const model = options.module === undefined ? loadModelConfig() : undefined;
  const cache = options.cache && model !== undefined ? new ScoreCache(cacheVersions(model)) : undefined;
  const policy = options.policy ?? NO_POLICY;
  const pool = new Pool(options);
  const underway = new Map<string, Promise<Examined>>();

  const priorOf = (ecosystem: Ecosystem): { newcomer?: NewcomerPrior } => {
    if (model?.newcomer === undefined) return {};
    const { days, logOdds } = model.newcomer;
    return { newcomer: { days, logOdds: logOdds[ecosystem] } };
  };

  const verdictOf = async (examined: Examined, outside: Outside, started: number): Promise<Verdict> => {
    const { registry, published } = outside;
    const facts = { ...examined, ...priorOf(examined.ecosystem) };
    const firstPublished = dependsOnName(facts, policy) ? await outside.firstPublished?.() : undefined;
    return decide(
      {
        ...facts,
        ...(registry !== undefined && { registry }),
        ...(published !== undefined && { published }),
        ...(firstPublished !== undefined && { firstPublished }),
        durationMs: performance.now() - started,
      },
      policy,
      options.now?.() ?? Date.now(),
    );
  };

  const scan: Scan = async (given) => {
    const started = performance.now();
    const { input, outside } = apart(given, options.dateWaitMs);
    const facts = await examineOnce(input, keyOf(input, integrityOf(input)), outside);
    const verdict = await verdictOf(facts, outside, started);
    return input.files === undefined ? verdict : { ...verdict, unpacked: true };
  };

  const recall: Recall = async (given) => {
    const started = performance.now();
    if (!SHA512.test(given.expectedIntegrity)) return undefined;
    const { input, outside } = apart(given, options.dateWaitMs);
    const facts = await fromCache(keyOf(input, given.expectedIntegrity), outside);
    return facts && verdictOf(facts, outside, started);
  };

  async function examineOnce(input: ScanInput, key: CacheKey, outside: Outside): Promise<Examined> {
    const id = JSON.stringify([key, input.expectedIntegrity ?? null]);
    let facts = underway.get(id);
    if (facts === undefined) {
      // A promise of the registry that the bytes break is never in the cache.
      const broken = integrityProblem(input, key.integrity) !== undefined;
      const known = broken ? Promise.resolve(undefined) : fromCache(key, outside);
      facts = known.then((found) => found ?? fromWorker(input, key, outside));
      underway.set(id, facts);
      const forget = (): unknown => options.forget === true && underway.delete(id);
      facts.then(forget, forget);
    }
    return facts;
  }

  async function fromCache(key: CacheKey, outside: Outside): Promise<Examined | undefined> {
    if (cache === undefined || options.sequences) return undefined;
    const found = await entryOf(cache, key);
    if (found === undefined) return undefined;
    const { name, version, score, threshold, findings, opaqueFiles, installs } = found;
    const facts: Examined = {
      ecosystem: key.ecosystem,
      name,
      version,
      integrity: key.integrity,
      score: { value: score, threshold, evidence: [] },
      findings,
      opaqueFiles,
      ...(installs !== undefined && { installs }),
    };
    // Clean by the model and an alarm by a stricter policy or for a new name: read again, for the evidence.
    const judged = await verdictOf(facts, outside, 0);
    return score >= judged.threshold! ? undefined : facts;
  }

  async function fromWorker(input: ScanInput, key: CacheKey, outside: Outside): Promise<Examined> {
    try {
      const sequence = options.sequences === true;
      // Alarms of a stricter policy and of new names need evidence too.
      const about = { ecosystem: input.ecosystem, ...priorOf(input.ecosystem) };
      const mayBeNew = outside.firstPublished !== undefined;
      const explainFrom = thresholdOf(about, model?.threshold ?? 1, policy, mayBeNew);
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

type Outside = Pick<ScanInput, 'registry' | 'published' | 'firstPublished'>;

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/**
 * What an artifact's score depends on, and what only its verdict does. Of a registry's manifest only what is compared: the
 * rest may change without the score changing.
 */
function apart<T extends Outside & Pick<ScanInput, 'registryManifest'>>(given: T, waitMs?: number) {
  const { registry, published, firstPublished, ...rest } = given;
  const { registryManifest } = rest;
  const outside: Outside = {
    ...(registry !== undefined && { registry }),
    ...(published !== undefined && { published }),
    ...(firstPublished !== undefined && { firstPublished: onceAndSoon(firstPublished, waitMs) }),
  };
  const input =
    registryManifest === undefined ? rest : { ...rest, registryManifest: registryFacts(registryManifest) };
  return { input, outside };
}

/** A registry that does not say when it first had a name must not hold an install up. */
const DATE_WAIT_MS = 15_000;

/** Asks at most once; no answer in time, or none at all, is no date. */
function onceAndSoon(
  ask: NonNullable<ScanInput['firstPublished']>,
  waitMs = DATE_WAIT_MS,
): NonNullable<ScanInput['firstPublished']> {
  let answer: Promise<string | undefined> | undefined;
  const first = (): Promise<string | undefined> => {
    const answered = new AbortController();
    const late = setTimeout(waitMs, undefined, { signal: answered.signal });
    return Promise.race([Promise.resolve().then(ask), late])
      .catch(() => undefined)
      .finally(() => answered.abort());
  };
  return () => {
    answer ??= first();
    return answer;
  };
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
  const text = JSON.stringify([cacheVersions(loadModelConfig()), policy], plain);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Versions of all that turns bytes into a score. */
function cacheVersions(config: ModelConfig): CacheVersions {
  const short = (value: unknown): string =>
    createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
  return {
    model: `${config.version} ${short(config)}`,
    taxonomy: TAXONOMY_VERSION,
    limits: short(LIMITS),
    code: codeFingerprint(),
  };
}
