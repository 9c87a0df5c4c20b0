/**
 * The seam between the command line and the guards (`lib/npm/guard.ts`, `lib/pip/guard.ts`): what a guard is given
 * and what it gives back. The command line owns words, scanner, policy, exit codes and the record of runs; a guard
 * owns its package manager.
 *
 * A guard exports `guardNpm(argv, services)`, `guardPip(argv, services)`, and throws `KnownError` for what ends
 * in one line; anything else it throws is taken for a fault of ours and ends in 102.
 */
import type { PackageResult } from './report/run.js';
import type { Scan, UnverifiedReason, Verdict } from './types.js';

export interface GuardServices {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /**
   * The scanner with the policy in force, opened at the first call and kept. It loads the model and the parsers, so
   * a command that has nothing to scan must not ask for it.
   */
  readonly scanner: () => Promise<Scan>;
  /** Verdict on what has no bytes to scan (git source, not fetched…), under the policy in force. */
  readonly unread: (about: Unread) => Promise<Verdict>;
  /** Tells how far a stage is; shown on a terminal only. */
  readonly progress: (stage: string, done: number, total?: number, what?: string) => void;
  /**
   * Called once, when the verdicts on everything are known and before the tool writes anything of its own (pip: when it
   * has ended). Prints the cards and the one line, and keeps the record. Not called when nothing was scanned.
   */
  readonly report: (packages: readonly PackageResult[]) => void;
}

export interface Unread {
  readonly ecosystem: Verdict['ecosystem'];
  readonly name: string;
  readonly version: string;
  readonly reason: UnverifiedReason;
}

export interface GuardResult {
  /** The tool's own exit code, or one of `EXIT`. */
  readonly exitCode: number;
  /**
   * `passed`: the command installs nothing and ran unguarded; `allowed`: the tool ran on what was judged;
   * `blocked`, `unverified`: the tool did not install. For the status file, where `exitCode` could be the tool's.
   */
  readonly outcome: 'passed' | 'allowed' | 'blocked' | 'unverified';
}

/** The outcome of verdicts on a whole tree; a block weighs more than something unverified. */
export function outcomeOf(verdicts: Iterable<Verdict>): 'allowed' | 'blocked' | 'unverified' {
  let outcome: 'allowed' | 'unverified' = 'allowed';
  for (const { verdict } of verdicts) {
    if (verdict === 'block') return 'blocked';
    if (verdict === 'unverified') outcome = 'unverified';
  }
  return outcome;
}
