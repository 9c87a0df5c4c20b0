/** `safe-install log`: what was judged on this machine, and what the model of today says of it. */
import process from 'node:process';
import { EXIT } from '../errors.js';
import { outcomeOf } from '../guard.js';
import { escapeJson, escapeText } from '../report/escape.js';
import { counted } from '../report/messages.js';
import type { PackageResult } from '../report/run.js';
import { styleOf } from '../report/style.js';
import { renderText } from '../report/text.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say, usage } from './exit.js';
import { type RecordedPackage, type RecordedRun, readRuns } from './record.js';
import { scanTargets } from './scan.js';

const HELP = {
  usage: 'log [--rescan]',
  description: `Lists the runs recorded on this machine, newest last. With --rescan, fetches and judges again
what was allowed, with the model of today: exit 100 when something would be blocked now, 101 when a
registry no longer serves the bytes that were judged then.`,
  examples: [
    ['safe-install log --last 5', 'the last five runs'],
    ['safe-install log --format json', 'one JSON line a run'],
    ['safe-install log --rescan', 'what a newer model says of past installs'],
  ],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) =>
    parser
      .option('last', { type: 'string', requiresArg: true, default: '20', describe: 'Runs to show' })
      .option('format', { choices: ['text', 'json'] as const, default: 'text' as const, describe: 'Form' })
      .option('rescan', { type: 'boolean', default: false, describe: 'Judge past installs again' }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'log');
  if (!/^[1-9]\d{0,8}$/.test(parsed.last))
    throw usage(`--last needs a number of runs, not '${parsed.last}': see safe-install log --help`);
  const runs = readRuns();
  if (runs.length === 0) {
    say('no runs are recorded yet');
    return done;
  }
  if (parsed.rescan) return rescan(runs);
  const last = runs.slice(-Number(parsed.last));
  const lines = last.map((recorded) =>
    parsed.format === 'json' ? escapeJson(JSON.stringify(recorded)) : runLine(recorded),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
  return done;
}

function runLine({ time, command, outcome, packages, cwd, model }: RecordedRun): string {
  const flagged = packages
    .filter(({ verdict }) => verdict !== 'allow')
    .map(({ name, version }) => (name === '' ? 'unnamed' : `${name}@${version}`));
  const named =
    flagged.length === 0 ? '' : `: ${flagged.slice(0, 5).join(', ')}${flagged.length > 5 ? ', …' : ''}`;
  const when = time.slice(0, 16).replace('T', ' ');
  return escapeText(
    `${when}  ${command}  ${outcome}  ${counted(packages.length, 'package')}, model ${model}, in ${cwd}${named}`,
  );
}

async function rescan(runs: readonly RecordedRun[]): Promise<Outcome> {
  const targets = rescanTargets(runs);
  if (targets.length === 0) {
    say('no past install came from a registry: nothing to judge again');
    return done;
  }
  const scanned = await scanTargets(targets, { cwd: process.cwd(), silent: false, sequences: false });
  const result = { ...scanned, packages: withReplaced(scanned.packages, runs) };
  process.stdout.write(renderText(result, styleOf('stdout'), 'scan'));
  const outcome = outcomeOf(result.packages.map(({ verdict }) => verdict));
  return {
    outcome,
    exitCode: { allowed: EXIT.ok, blocked: EXIT.blocked, unverified: EXIT.unverified }[outcome],
  };
}

/** What was installed or passed a scan, once each. */
export function rescanTargets(runs: readonly RecordedRun[]): string[] {
  return [...new Set(passed(runs).map(registryTarget))];
}

const registryTarget = ({ ecosystem, name, version }: RecordedPackage): string =>
  ecosystem === 'npm' ? `npm:${name}@${version}` : `pypi:${name}==${version}`;

const passed = (runs: readonly RecordedRun[]): RecordedPackage[] =>
  runs
    .flatMap(({ packages }) => packages)
    .filter(({ verdict, name, version }) => verdict === 'allow' && name !== '' && version !== '');

/**
 * The results, and those of releases that are not served any more as they were recorded: an archive of a release is as
 * published for ever, so other bytes under the same name and version are a replaced one.
 */
export function withReplaced(
  packages: readonly PackageResult[],
  runs: readonly RecordedRun[],
): PackageResult[] {
  const recorded = new Map<string, Set<string>>();
  for (const each of passed(runs).filter(({ archive }) => archive === true)) {
    const target = registryTarget(each);
    recorded.set(target, (recorded.get(target) ?? new Set()).add(each.integrity));
  }
  const served = new Map<string, Set<string>>();
  for (const { target, verdict } of packages)
    if (verdict.integrity !== '')
      served.set(target, (served.get(target) ?? new Set()).add(verdict.integrity));
  const said = new Set<string>();
  return packages.map((result) => {
    const { target, verdict } = result;
    const now = served.get(target);
    const gone = [...(recorded.get(target) ?? [])].find((integrity) => now?.has(integrity) === false);
    if (gone === undefined || verdict.verdict !== 'allow' || said.has(target)) return result;
    said.add(target);
    const reason = {
      code: 'integrity-mismatch',
      args: { recorded: gone, served: verdict.integrity },
    } as const;
    return { ...result, verdict: { ...verdict, verdict: 'unverified', unverified: reason } };
  });
}
