/** What a reporter is given: one finished run, as data. */
import type { Verdict } from '../types.js';
import type { PolicyNotice } from '../verdict/policy.js';

export interface PackageResult {
  /** What the user gave or what the tree holds, as given. */
  readonly target: string;
  readonly verdict: Verdict;
  /** How it came into the tree, from the project to the package: `['your-app', 'a@1.0.0', 'evil@1.0.0']`. */
  readonly path?: readonly string[];
  /** Folder of the project itself whose install scripts these are; otherwise it is a package. */
  readonly own?: string;
}

export interface Run {
  readonly tool: { readonly version: string; readonly model: string; readonly threshold: number };
  /** In the order of the targets. */
  readonly packages: readonly PackageResult[];
  readonly notices: readonly PolicyNotice[];
  readonly durationMs: number;
}

export interface Summary {
  readonly packages: number;
  readonly allowed: number;
  readonly blocked: number;
  readonly unverified: number;
}

export function summarize(packages: readonly PackageResult[]): Summary {
  const count = (kind: Verdict['verdict']): number =>
    packages.filter((p) => p.verdict.verdict === kind).length;
  return {
    packages: packages.length,
    allowed: count('allow'),
    blocked: count('block'),
    unverified: count('unverified'),
  };
}
