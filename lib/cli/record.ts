/**
 * The record of runs: one JSON line each in the user's state folder, so that a later model can be asked about earlier
 * installs. It stays on the machine. Arguments are not kept, as they may hold tokens.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../report/run.js';
import { userFolders } from '../verdict/folders.js';

export interface RecordedPackage {
  readonly ecosystem: 'npm' | 'pypi';
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** `integrity` is that of an archive, so that it can be compared with what a registry serves. */
  readonly archive?: true;
  readonly verdict: 'allow' | 'block' | 'unverified';
  readonly score?: number;
  /** What the policy did, as `Verdict.policy`. */
  readonly policy?: string;
}

export interface RecordedRun {
  /** ISO 8601. */
  readonly time: string;
  readonly command: string;
  readonly cwd: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly version: string;
  readonly model: string;
  readonly durationMs: number;
  readonly packages: readonly RecordedPackage[];
}

/** Size at which a file is put aside; one older file is kept. */
const MOST_BYTES = 16 * 1024 * 1024;

const recordFile = (folder: string): string => join(folder, 'runs.jsonl');
const olderFile = (folder: string): string => join(folder, 'runs.1.jsonl');

/** Never throws: an install is not stopped by a full disk of the record. */
export function recordRun(
  what: {
    readonly command: string;
    readonly cwd: string;
    readonly outcome: string;
    readonly exitCode: number;
    readonly run: Run;
  },
  folder: string = userFolders().state,
): void {
  const { command, cwd, outcome, exitCode, run } = what;
  const recorded: RecordedRun = {
    time: new Date().toISOString(),
    command,
    cwd,
    outcome,
    exitCode,
    version: run.tool.version,
    model: run.tool.model,
    durationMs: Math.round(run.durationMs),
    packages: run.packages.map(({ verdict: v }) => ({
      ecosystem: v.ecosystem,
      name: v.name,
      version: v.version,
      integrity: v.integrity,
      ...(v.unpacked === undefined && v.integrity !== '' && { archive: true as const }),
      verdict: v.verdict,
      ...(v.score !== undefined && { score: Number(v.score.toPrecision(4)) }),
      ...(v.policy !== undefined && { policy: v.policy }),
    })),
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    rotate(folder);
    appendFileSync(recordFile(folder), `${JSON.stringify(recorded)}\n`, { mode: 0o600 });
  } catch {
    // Not writable: there is no record then, and `safe-install log` says that it is empty.
  }
}

function rotate(folder: string): void {
  const size = statSync(recordFile(folder), { throwIfNoEntry: false })?.size ?? 0;
  if (size > MOST_BYTES) renameSync(recordFile(folder), olderFile(folder));
}

/** Runs recorded, oldest first. A line that was cut off or damaged is left out. */
export function readRuns(folder: string = userFolders().state): RecordedRun[] {
  return [olderFile(folder), recordFile(folder)].flatMap((file) => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap((line) => {
      try {
        const run = JSON.parse(line) as RecordedRun;
        return Array.isArray(run.packages) && typeof run.time === 'string' ? [run] : [];
      } catch {
        return [];
      }
    });
  });
}
