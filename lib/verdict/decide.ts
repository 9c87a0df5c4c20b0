/**
 * Score, findings and policy → verdict. A pure function: the same facts, policy and time give the same verdict,
 * and everything that can change an outcome is named here.
 */
import type {
  BehaviorSequence,
  Ecosystem,
  Evidence,
  Finding,
  InstallFacts,
  UnverifiedReason,
  Verdict,
} from '../types.js';
import type { Policy } from './policy.js';
import type { Exception } from './policy-file.js';

/** A name is new for so many days, and gets so much on its log-odds. */
export interface NewcomerPrior {
  readonly days: number;
  readonly logOdds: number;
}

/** What is known of one artifact before any policy. */
export interface Facts {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  /** Computed from the bytes; empty when there are none. */
  readonly integrity: string;
  /** The model's score and threshold; absent when nothing could be scored. */
  readonly score?: {
    readonly value: number;
    readonly threshold: number;
    readonly evidence: readonly Evidence[];
  };
  readonly findings: readonly Finding[];
  readonly unverified?: UnverifiedReason;
  readonly opaqueFiles: number;
  /** Registry or index the bytes came from. */
  readonly registry?: string;
  /** ISO 8601, as the registry says. */
  readonly published?: string;
  /** The model's prior for names new to their registry; absent where it has none. */
  readonly newcomer?: NewcomerPrior;
  /** When the registry first had the name, ISO 8601, where it was asked and said so. */
  readonly firstPublished?: string;
  readonly installs?: InstallFacts;
  readonly sequence?: BehaviorSequence;
  readonly durationMs: number;
}

/**
 * Why the policy changed an outcome, or made it: `Verdict.policy`.
 * On `allow`: `exception`, `own` (an alarm that is a warning), `unverified-accepted`, `threshold`.
 * On `block`: `threshold` (only the policy's is reached), `newcomer` (only that for new names), `finding`, `opaque`, `release-age`,
 * `exception-expired` and `exception-mismatch` (the score blocks, an exception is near and does not apply).
 */
export type PolicyEffect =
  | 'exception'
  | 'own'
  | 'unverified-accepted'
  | 'threshold'
  | 'newcomer'
  | 'finding'
  | 'opaque'
  | 'release-age'
  | 'exception-expired'
  | 'exception-mismatch';

const DAY_MS = 86_400_000;

/** `now` in milliseconds since 1970. */
export function decide(facts: Facts, policy: Policy, now: number): Verdict {
  const newcomer = dependsOnName(facts, policy) ? newcomerOf(facts, now) : undefined;
  const limit = facts.score && thresholdOf(facts, facts.score.threshold, policy, newcomer !== undefined);
  const outcome = judge(facts, limit, newcomer !== undefined, policy, now);
  const {
    ecosystem,
    name,
    version,
    integrity,
    score,
    findings,
    unverified,
    opaqueFiles,
    installs,
    sequence,
    durationMs,
  } = facts;
  return {
    ecosystem,
    name,
    version,
    integrity,
    verdict: outcome.verdict,
    ...(score !== undefined && limit !== undefined && { score: score.value, threshold: limit }),
    findings,
    // What is let through as a matter of course needs no evidence, also where it was looked for.
    evidence: outcome.verdict === 'allow' && outcome.effect === undefined ? [] : (score?.evidence ?? []),
    ...(unverified !== undefined && { unverified }),
    ...(outcome.effect !== undefined && { policy: outcome.effect }),
    ...(newcomer !== undefined && { newcomer }),
    ...(outcome.unmet !== undefined && { unmet: outcome.unmet }),
    opaqueFiles,
    ...(installs !== undefined && { installs }),
    ...(sequence !== undefined && { sequence }),
    durationMs,
  };
}

/** What a guard itself could not read, under the policy: allowed where it accepts that kind. */
export function acceptUnread(verdict: Verdict, policy: Policy): Verdict {
  const { unverified } = verdict;
  if (verdict.verdict !== 'unverified' || unverified === undefined) return verdict;
  if (!policy.acceptUnverified.has(unverified.code)) return verdict;
  const effect: PolicyEffect = 'unverified-accepted';
  return { ...verdict, verdict: 'allow', policy: effect };
}

/**
 * Score that blocks, for a name that is new to its registry or for any other.
 * @param model the model's own threshold
 */
export function thresholdOf(
  { ecosystem, newcomer }: Pick<Facts, 'ecosystem' | 'newcomer'>,
  model: number,
  policy: Policy,
  isNew: boolean,
): number {
  const { set, most } = policy.threshold[ecosystem];
  const limit = Math.min(set ?? model, most ?? 1);
  if (!isNew || newcomer === undefined || policy.newcomers === 'plain') return limit;
  // σ(logit(limit) - logOdds); a threshold of 1, which nothing reaches, stays 1.
  return 1 / (1 + ((1 - limit) / limit) * Math.exp(newcomer.logOdds));
}

/** Whether the score blocks only where the name is new: nothing else needs to know when it was first published. */
export function dependsOnName(
  facts: Pick<Facts, 'ecosystem' | 'newcomer' | 'score'>,
  policy: Policy,
): boolean {
  const { score } = facts;
  if (score === undefined) return false;
  const over = (isNew: boolean): boolean => score.value >= thresholdOf(facts, score.threshold, policy, isNew);
  return over(true) && !over(false);
}

/** Undefined for a name that is old or without a date. One of tomorrow is new: the registry's clock or this one's is off. */
function newcomerOf({ newcomer, firstPublished }: Facts, now: number): Verdict['newcomer'] {
  const first = Date.parse(firstPublished ?? '');
  if (newcomer === undefined || !(now - first < newcomer.days * DAY_MS)) return undefined;
  return {
    firstPublished: new Date(first).toISOString(),
    daysAgo: Math.floor((now - first) / DAY_MS),
  };
}

interface Outcome {
  readonly verdict: Verdict['verdict'];
  readonly effect?: PolicyEffect;
  readonly unmet?: PolicyEffect;
}

function judge(
  facts: Facts,
  limit: number | undefined,
  isNew: boolean,
  policy: Policy,
  now: number,
): Outcome {
  const plain = withoutExceptions(facts, limit, isNew, policy, now);
  if (plain.verdict === 'allow') return plain;
  const near = nearestException(facts, policy.exceptions, now);
  if (near === 'applies') return { verdict: 'allow', effect: 'exception' };
  if (near === undefined) return plain;
  return plain.effect === undefined ? { ...plain, effect: near } : { ...plain, unmet: near };
}

function withoutExceptions(
  facts: Facts,
  limit: number | undefined,
  isNew: boolean,
  policy: Policy,
  now: number,
): Outcome {
  const { score, unverified } = facts;
  // An artifact read in part and already over the threshold is an alarm, whatever stands in the rest.
  if (score !== undefined && limit !== undefined && score.value >= limit) {
    if (isOwn(facts, policy.own)) return { verdict: 'allow', effect: 'own' };
    if (isNew) return { verdict: 'block', effect: 'newcomer' };
    return score.value >= score.threshold ? { verdict: 'block' } : { verdict: 'block', effect: 'threshold' };
  }
  if (unverified !== undefined && !policy.acceptUnverified.has(unverified.code))
    return { verdict: 'unverified' };
  if (facts.findings.some(({ code }) => policy.blockFindings.has(code))) {
    return { verdict: 'block', effect: 'finding' };
  }
  if (policy.opaque === 'block' && facts.opaqueFiles > 0) return { verdict: 'block', effect: 'opaque' };
  if (tooYoung(facts, policy.minimumReleaseAge, now)) return { verdict: 'block', effect: 'release-age' };
  if (unverified !== undefined) return { verdict: 'allow', effect: 'unverified-accepted' };
  // Nothing read and no reason given must never pass: it would be a fault of ours.
  if (score === undefined) return { verdict: 'unverified' };
  return score.value >= score.threshold ? { verdict: 'allow', effect: 'threshold' } : { verdict: 'allow' };
}

/** Only for what a registry served; one that gives no date cannot show that a release is old enough. */
function tooYoung({ registry, published }: Facts, days: number, now: number): boolean {
  if (days === 0 || registry === undefined) return false;
  const age = now - Date.parse(published ?? '');
  return !(age >= days * DAY_MS);
}

function isOwn({ ecosystem, name, registry }: Facts, own: readonly string[]): boolean {
  return own.some((entry) =>
    entry.startsWith('@')
      ? ecosystem === 'npm' && name.startsWith(`${entry}/`)
      : registry !== undefined && withSlash(registry).startsWith(withSlash(entry)),
  );
}

const withSlash = (address: string): string => {
  const { href } = new URL(address);
  return href.endsWith('/') ? href : `${href}/`;
};

function nearestException(
  facts: Facts,
  exceptions: readonly Exception[],
  now: number,
): 'applies' | 'exception-expired' | 'exception-mismatch' | undefined {
  const named = exceptions.filter((e) => e.ecosystem === facts.ecosystem && e.name === facts.name);
  if (named.length === 0) return undefined;
  const exact = named.filter((e) => e.version === facts.version && e.integrity === facts.integrity);
  if (exact.length === 0) return 'exception-mismatch';
  const inForce = exact.some(
    (e) => e.until === undefined || now < Date.parse(`${e.until}T00:00:00Z`) + DAY_MS,
  );
  return inForce ? 'applies' : 'exception-expired';
}
