/** What the command line and the guards (`lib/npm/guard.ts`, `lib/pip/guard.ts`) agree on. */
import { type OwnScripts, ownScripts } from './scan/own-scripts.js';
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

/** Install scripts of a project itself that are not allowed. */
export interface OwnRefusal {
  /** `name@version` of the folder's package. */
  readonly target: string;
  readonly verdict: Verdict;
  readonly path: readonly string[];
  /** The folder, absolute. */
  readonly own: string;
}

export async function judgeOwnScripts(
  folders: readonly string[],
  judge: (own: OwnScripts) => Promise<Verdict>,
): Promise<OwnRefusal[]> {
  const refused: OwnRefusal[] = [];
  for (const own of await ownScripts(folders)) {
    const verdict = await judge(own);
    if (verdict.verdict === 'allow') continue;
    const target = `${own.name}@${own.version}`;
    refused.push({ target, verdict, path: [target], own: own.folder });
  }
  return refused;
}
