/** What the command line and the guards (`lib/npm/guard.ts`, `lib/pip/guard.ts`) agree on. */
import type { OwnScripts } from './scan/own-scripts.js';
import type { Verdict } from './types.js';

/** The outcome of verdicts on a whole tree; a block weighs more than something unverified. */
export function outcomeOf(verdicts: Iterable<Verdict>): 'allowed' | 'blocked' | 'unverified' {
  let outcome: 'allowed' | 'unverified' = 'allowed';
  for (const { verdict } of verdicts) {
    if (verdict === 'block') return 'blocked';
    if (verdict === 'unverified') outcome = 'unverified';
  }
  return outcome;
}

/** Install scripts, or build code, of a project itself that are not allowed. */
export interface OwnRefusal {
  /** `name@version` of the folder's package. */
  readonly target: string;
  readonly verdict: Verdict;
  readonly path: readonly string[];
  /** The folder, absolute. */
  readonly own: string;
}

export async function judgeOwnScripts(
  scripts: readonly OwnScripts[],
  judge: (own: OwnScripts) => Promise<Verdict>,
): Promise<OwnRefusal[]> {
  const refused: OwnRefusal[] = [];
  for (const own of scripts) {
    const verdict = await judge(own);
    if (verdict.verdict === 'allow') continue;
    const target = own.version === '' ? own.name : `${own.name}@${own.version}`;
    refused.push({ target, verdict, path: [target], own: own.folder });
  }
  return refused;
}
