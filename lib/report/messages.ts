/**
 * Every sentence a report says about a package. Data comes in, plain English goes out; nothing here is escaped
 * (each reporter escapes for its own medium) and nothing here decides.
 */
import { taxonomyRow } from '../behavior/taxonomy.js';
import { describeBehavior } from '../behavior/tokens.js';
import type {
  Behavior,
  Evidence,
  Finding,
  Phase,
  UnverifiedCode,
  UnverifiedReason,
  Verdict,
} from '../types.js';
import type { PolicyEffect } from '../verdict/decide.js';
import type { PolicyNotice } from '../verdict/policy.js';

export const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  install: 'while installing',
  import: 'when imported',
  runtime: 'when called',
};

/** What each reason for `unverified` means; README's table is these lines. */
export const UNVERIFIED_WORDS: Readonly<Record<UnverifiedCode, string>> = {
  'too-large': 'it is over a limit of size, number of files, nesting or compression',
  damaged: 'its archive or manifest cannot be read as the installer would read it',
  ambiguous: 'two readers of its archive would see different files',
  encrypted: 'it is encrypted',
  'not-fetched': 'it could not be fetched',
  'integrity-mismatch': 'its bytes are not those that were promised',
  'git-source': 'it comes from a git repository that cannot be fetched or prepared without running code',
  'remote-source': 'it comes from an address outside the registries that is not read yet',
  'local-source': 'it comes from a folder or file of this machine that is not read',
  'scan-budget': 'reading it took more steps or bytes than its budget',
  'scan-failed': 'the scanner failed on it',
  'unsupported-format': 'it is in a format that is not read',
};

/** `it could not be fetched: no such file or folder`, `it is over a limit of … (limit 512 MB, size 600 MB)`. */
export function unverifiedWords({ code, args }: UnverifiedReason): string {
  // Every report names the target itself.
  const { target: _, why, error, ...rest } = args;
  const cause = why === undefined ? '' : `: ${shortened(String(why))}`;
  const known = error === undefined || error === 'usage' || FILE_ERRORS.has(error);
  return `${UNVERIFIED_WORDS[code] ?? code}${cause}${argumentWords(known ? rest : { ...rest, error })}`;
}

/** Of the operating system: the file is not there, or not the user's to read. */
const FILE_ERRORS: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM']);

/** What a user can do about each. */
export function unverifiedAdvice({ code, args }: UnverifiedReason): string {
  switch (code) {
    case 'not-fetched':
      if (FILE_ERRORS.has(args.error)) return 'Check that the file is there and that you may read it.';
      if (args.error === 'usage') return 'See safe-install scan --help for what a target can be.';
      return 'Check the network and the registry, and try again.';
    case 'integrity-mismatch':
      return 'Do not install it: the registry, a proxy or a cache gave other bytes than were recorded.';
    case 'git-source':
    case 'remote-source':
      return 'Use a release from a registry instead.';
    default:
      return `To accept all packages of this kind, add "acceptUnverified": ["${code}"] to your policy.`;
  }
}

/** Sentences of known findings; `args` fill the rest in brackets. */
const FINDING_WORDS: Readonly<Record<string, string>> = {
  'manifest-mismatch': 'the registry says other things of this package than its own manifest',
  'name-collision': 'files of the archive fall on one another on some file systems',
  'record-mismatch': 'the RECORD of the wheel does not agree with its files',
};

export function findingWords({ code, args }: Pick<Finding, 'code' | 'args'>): string {
  return `${FINDING_WORDS[code] ?? code.replaceAll('-', ' ')}${argumentWords(args)}`;
}

/** Values longer than this say no more than their beginning, and would bury the rest of the report. */
const LONGEST_VALUE = 160;

const shortened = (text: string): string =>
  text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;

function argumentWords(args: Finding['args']): string {
  const words = Object.entries(args).map(([key, value]) => {
    const text = Array.isArray(value) ? value.join(', ') : String(value);
    return `${key} ${shortened(text)}`;
  });
  return words.length === 0 ? '' : ` (${words.join('; ')})`;
}

export const behaviorWords = ({ code, qualifiers }: Behavior): string => describeBehavior(code, qualifiers);

/** The score in words; a score is a calibrated probability, and what blocks is at least likely. */
export function scoreWords(score: number, threshold: number): string {
  if (score < threshold) return 'not like malware';
  if (score >= 0.99) return 'almost certainly malicious';
  if (score >= 0.9) return 'very likely malicious';
  return 'likely malicious';
}

/** Three decimals, never rounded to the other side of a threshold or to a certainty. */
export function scoreNumber(score: number): string {
  if (score <= 0 || score >= 1) return score.toFixed(3);
  return (Math.min(999, Math.max(1, Math.floor(score * 1000))) / 1000).toFixed(3);
}

/** Why the verdict is what it is, in one sentence. */
export function verdictWords(verdict: Verdict): string {
  const { score, threshold, unverified } = verdict;
  const effect = effectWords(verdict.policy as PolicyEffect | undefined);
  const unmet = effectWords(verdict.unmet as PolicyEffect | undefined);
  const scored =
    score === undefined || threshold === undefined
      ? undefined
      : `${scoreWords(score, threshold)}: score ${scoreNumber(score)}, blocks from ${scoreNumber(threshold)}`;
  const isNew = newcomerWords(verdict);
  const unread = unverified === undefined ? undefined : `not read in full: ${unverifiedWords(unverified)}`;
  const byPolicyAlone = ['finding', 'opaque', 'release-age'].includes(verdict.policy ?? '');
  const reasons =
    verdict.verdict === 'unverified'
      ? [unread ?? 'not read', effect, unmet]
      : byPolicyAlone
        ? [effect, unmet]
        : [scored, isNew, unread, effect, unmet];
  return reasons.filter((reason) => reason !== undefined).join('; ');
}

/** `new name: first published 2026-11-25, 3 days ago, so judged more strictly`. */
function newcomerWords({ newcomer }: Verdict): string | undefined {
  if (newcomer === undefined) return undefined;
  const { firstPublished, daysAgo } = newcomer;
  const ago = daysAgo < 0 ? 'in the future' : daysAgo === 0 ? 'today' : `${counted(daysAgo, 'day')} ago`;
  return `new name: first published ${firstPublished.slice(0, 10)}, ${ago}, so judged more strictly`;
}

function effectWords(effect: PolicyEffect | undefined): string | undefined {
  switch (effect) {
    case undefined:
    // Its own words say when.
    case 'newcomer':
      return undefined;
    case 'exception':
      return 'allowed by an exception in the policy';
    case 'own':
      return "allowed with a warning: the policy names it as the organisation's own";
    case 'unverified-accepted':
      return 'accepted by the policy';
    case 'threshold':
      return 'by the threshold of the policy';
    case 'finding':
      return 'the policy blocks packages with this finding';
    case 'opaque':
      return 'the policy blocks packages with files that cannot be read for their kind';
    case 'release-age':
      return 'released more recently than the policy allows, or without a date';
    case 'exception-expired':
      return 'an exception for it has expired';
    case 'exception-mismatch':
      return 'an exception is for another version or other bytes of it, and does not apply';
  }
}

export function noticeWords({ code, args }: PolicyNotice): string {
  switch (code) {
    case 'not-trusted':
      return `${args.path} would let more through; it only tightens until you have read and accepted it: safe-install trust`;
    case 'locked':
      return `${args.path} would let more through; this machine's policy is locked and forbids that`;
  }
}

/** An alarm or something unread that the policy let pass: a report must not keep quiet about it. */
export function isWarning({ verdict, policy }: Verdict): boolean {
  return verdict === 'allow' && policy !== undefined;
}

/** Imports of a module: they prepare an act and are none. */
const IMPORTS: ReadonlySet<string> = new Set(['R1', 'R3', 'D1', 'E1', 'P1']);

/** Of the dimensions that act, what only leads to an act: an address in the code, a script that starts another file. */
const LEADS_TO_ACT: ReadonlySet<string> = new Set([...IMPORTS, 'D3', 'run-own-file']);

/** Whether it sends, executes, persists or destroys by itself. */
const isAct = ({ behavior: { code } }: Evidence): boolean =>
  !LEADS_TO_ACT.has(code) && 'DPSX'.includes(taxonomyRow(code).dimension);

/** Behaviours shown before the heaviest act: who reads three lines has read it. */
const MOST_BEFORE_ACT = 2;

/**
 * The three to six behaviours that weigh most, in running order, the heaviest act among the first three. What one line does
 * with one thing is one of them, and so is a line reached by two ways. Imports only fill up where fewer than three
 * behaviours do something.
 */
export function mainEvidence(evidence: readonly Evidence[]): Evidence[] {
  const distinct = byLine(evidence).sort((a, b) => b.weight - a.weight || a.order - b.order);
  const isImport = ({ behavior }: Evidence): boolean => IMPORTS.has(behavior.code);
  const does = distinct.filter((each) => !isImport(each));
  const ranked = [...does, ...distinct.filter(isImport).slice(0, Math.max(0, 3 - does.length))];
  const act = ranked.find(isAct);
  let before = 0;
  const chosen = ranked.filter(
    (each) => act === undefined || each.order >= act.order || ++before <= MOST_BEFORE_ACT,
  );
  const top = chosen.slice(0, 6);
  if (act !== undefined && !top.includes(act)) top[top.length - 1] = act;
  const least = (top[0]?.weight ?? 0) / 5;
  return top
    .filter((each, rank) => rank < 3 || each === act || each.weight >= least)
    .sort((a, b) => a.order - b.order);
}

/** Evidence of one line and one excerpt put together: its act, or else what weighs most, stands for all of it. */
function byLine(evidence: readonly Evidence[]): Evidence[] {
  const lines = new Map<string, Map<string, Evidence>>();
  for (const each of evidence) {
    const { code, file, line, detail } = each.behavior;
    const key = `${file}\0${line}\0${detail === '' ? code : detail}`;
    const codes = lines.get(key) ?? new Map<string, Evidence>();
    lines.set(key, codes);
    const known = codes.get(code);
    if (known === undefined || known.weight < each.weight) codes.set(code, each);
  }
  return [...lines.values()].map((codes) => {
    const all = [...codes.values()].sort((a, b) => b.weight - a.weight || a.order - b.order);
    return { ...(all.find(isAct) ?? all[0]!), weight: all.reduce((sum, { weight }) => sum + weight, 0) };
  });
}

/** `1 package`, `2 packages`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
