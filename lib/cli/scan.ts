/** `safe-install scan`: read and judge targets, install nothing. */
import process from 'node:process';
import { EXIT } from '../errors.js';
import { outcomeOf } from '../guard.js';
import { FORMATS, type Format, renderReport, writeWhole } from '../report/output.js';
import { createProgress } from '../report/progress.js';
import type { PackageResult, Run } from '../report/run.js';
import { expandTargets, type TargetItem } from '../scan/targets.js';
import { createScanner, type Scanner } from '../scan.js';
import type { Ecosystem, Verdict } from '../types.js';
import { ECOSYSTEMS } from '../types.js';
import { loadPolicy, type Policy } from '../verdict/policy.js';
import { parseArguments } from './arguments.js';
import { done, type Outcome, usage } from './exit.js';
import { recordRun } from './record.js';
import { describeTool, unreadVerdict } from './services.js';

const HELP = {
  usage: 'scan [options] TARGET…',
  description: `Reads and judges packages without running or installing them.

TARGET is an archive (.tgz, .tar.gz, .whl, .zip), an unpacked package folder, npm:NAME@RANGE,
pypi:NAME==VERSION (every file of the release), package-lock.json, requirements.txt, a project
folder with node_modules, .venv or venv, or a virtual environment or its site-packages. The report
goes to standard output.

Exit codes: 0 all allowed, 100 something is blocked, 101 something is unverified, 2 bad usage.`,
  examples: [
    ['safe-install scan npm:left-pad@1.3.0', 'one release'],
    ['safe-install scan *.tgz --format json', 'archives, for a program'],
    ['safe-install scan package-lock.json --format html --output report.html', 'a page to send on'],
  ],
} as const;

/** Targets loaded and scanned at a time; the scanner's own threads bound the work, this bounds the memory. */
const AT_ONCE = 8;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) =>
    parser
      .option('format', { choices: FORMATS, default: 'text' as Format, describe: 'Form of the report' })
      .option('output', {
        type: 'string',
        requiresArg: true,
        describe: 'Write the report to a file, whole or not at all',
      })
      .option('ecosystem', { choices: ECOSYSTEMS, describe: 'For archives that could be of either' })
      .option('silent', { type: 'boolean', default: false, describe: 'No progress line' }),
  );
  if (parsed === undefined) return done;
  const { format, output, ecosystem, silent } = parsed;
  const targets = parsed._;
  if (targets.length === 0) throw usage('scan needs a TARGET: see safe-install scan --help');
  const result = await scanTargets(targets, {
    cwd: process.cwd(),
    silent,
    sequences: format === 'html',
    ...(ecosystem !== undefined && { ecosystem }),
  });
  const report = await renderReport(result, format, output !== undefined);
  if (output === undefined) await writeOut(report);
  else writeWhole(output, report);
  const outcome = outcomeOf(result.packages.map(({ verdict }) => verdict));
  const exitCode = { allowed: EXIT.ok, blocked: EXIT.blocked, unverified: EXIT.unverified }[outcome];
  recordRun({ command: 'scan', outcome, exitCode, run: result, cwd: process.cwd() });
  return { outcome, exitCode };
}

export interface ScanTargetsOptions {
  readonly cwd: string;
  readonly silent: boolean;
  /** Keeps the sequences, for a report that draws them. */
  readonly sequences: boolean;
  readonly ecosystem?: Ecosystem;
}

/** Scans targets in their order. One bad target is one `unverified` entry; only our own failure throws. */
export async function scanTargets(targets: readonly string[], options: ScanTargetsOptions): Promise<Run> {
  const start = performance.now();
  const policy = loadPolicy(options.cwd);
  const tool = await describeTool();
  const progress = createProgress({ silent: options.silent });
  const scanner = await createScanner({ policy, cache: true, sequences: options.sequences });
  const packages: PackageResult[] = [];
  const underway: Promise<PackageResult>[] = [];
  const settle = async (): Promise<void> => {
    const result = await underway.shift()!;
    packages.push(result);
    const { name, version } = result.verdict;
    progress.update('read', packages.length, undefined, name === '' ? result.target : `${name}@${version}`);
  };
  try {
    for await (const item of expandTargets(targets, options)) {
      const result = scanItem(item, scanner, policy);
      // Awaited in order further down; until then a rejection is not unhandled.
      result.catch(() => {});
      underway.push(result);
      if (underway.length >= AT_ONCE) await settle();
    }
    while (underway.length > 0) await settle();
  } finally {
    progress.clear();
    await Promise.allSettled(underway);
    await scanner.close();
  }
  return { tool, packages, notices: policy.notices, durationMs: performance.now() - start };
}

async function scanItem(item: TargetItem, scanner: Scanner, policy: Policy): Promise<PackageResult> {
  const { target, ecosystem, name, version } = item;
  const loaded = await item.load();
  const verdict: Verdict =
    loaded.input === undefined
      ? await unreadVerdict({ ecosystem, name, version, reason: loaded.unverified }, policy)
      : await scanner.scan(loaded.input);
  // What could not be opened says nothing of itself; then the name it was asked for by is better than none.
  return { target, verdict: verdict.name === '' ? { ...verdict, name, version } : verdict };
}

/** Waits until a pipe has taken all of it, or its reader has gone. */
function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}
