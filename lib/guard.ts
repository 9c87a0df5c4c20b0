/** What the command line and the guards (`lib/npm/guard.ts`, `lib/pip/guard.ts`) agree on. */
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
