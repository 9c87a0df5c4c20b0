/** `safe-install allow NAME@VERSION --reason …`: an exception for exactly one artifact, after showing the evidence. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { applyEdits, modify } from 'jsonc-parser';
import { KnownError } from '../errors.js';
import { writeWhole } from '../report/output.js';
import type { PackageResult } from '../report/run.js';
import { styleOf } from '../report/style.js';
import { renderText } from '../report/text.js';
import { ECOSYSTEMS, type Ecosystem } from '../types.js';
import { userFolders } from '../verdict/folders.js';
import { findProjectPolicy, isTrusted, loosens, POLICY_FILE, POLICY_KEY, trust } from '../verdict/policy.js';
import { type Exception, isDay, parsePolicy } from '../verdict/policy-file.js';
import { parseArguments } from './arguments.js';
import { done, type Outcome, say, usage } from './exit.js';
import { scanTargets } from './scan.js';

const HELP = {
  usage: 'allow NAME@VERSION --reason TEXT',
  description: `Reads the package again, shows what weighs against it, and writes an exception for exactly these
bytes (name, version and integrity) into the project's safe-install.json, or the user's policy. Any
other target of 'scan' will do too: an archive, npm:NAME@VERSION, pypi:NAME==VERSION.`,
  examples: [
    ['safe-install allow left-pad@1.3.0 --reason "read it, its postinstall only prints"', 'in the project'],
    [
      'safe-install allow pypi:tool==2.0 --user --reason "ours" --until 2027-01-31',
      'for this user, for a time',
    ],
  ],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) =>
    parser
      .option('reason', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'Why; kept with the exception',
      })
      .option('until', { type: 'string', requiresArg: true, describe: 'Last day it applies, YYYY-MM-DD' })
      .option('ecosystem', { choices: ECOSYSTEMS, default: 'npm' as Ecosystem, describe: 'Of NAME@VERSION' })
      .option('user', {
        type: 'boolean',
        default: false,
        describe: "Write the user's policy, not the project's",
      }),
  );
  if (parsed === undefined) return done;
  const { reason, until, ecosystem, user } = parsed;
  const [what, ...more] = parsed._;
  if (what === undefined || more.length > 0)
    throw usage('allow needs one NAME@VERSION: see safe-install allow --help');
  if (reason.trim() === '') throw usage('allow needs a --reason in words');
  if (until !== undefined && !isDay(until))
    throw usage(`--until needs a day as YYYY-MM-DD, not '${until}': see safe-install allow --help`);

  const scanned = await scanTargets([targetOf(what, ecosystem)], {
    cwd: process.cwd(),
    silent: false,
    sequences: false,
    ecosystem,
  });
  process.stderr.write(renderText(scanned, styleOf('stderr'), 'scan'));
  const flagged = scanned.packages.filter(({ verdict }) => verdict.verdict !== 'allow');
  if (flagged.length === 0) {
    say('it is allowed already: no exception is needed');
    return done;
  }
  const exceptions = flagged.map((result) => exceptionFor(result, reason, until));
  const path = user ? join(userFolders().config, 'policy.json') : writeProject(exceptions);
  if (user) addExceptions(path, [], exceptions);
  say(`wrote ${exceptions.length === 1 ? 'the exception' : `${exceptions.length} exceptions`} to ${path}`);
  return done;
}

/** `NAME@VERSION` as a target; what already is one (a file, `npm:…`, `pypi:…`) stays. */
export function targetOf(what: string, ecosystem: Ecosystem): string {
  if (/^(npm|pypi):/.test(what) || existsSync(what)) return what;
  const match = /^(@?[^@]+)@([^@]+)$/.exec(what);
  if (match === null)
    throw usage(`'${what}' is neither NAME@VERSION nor a file: see safe-install allow --help`);
  return ecosystem === 'npm' ? `npm:${what}` : `pypi:${match[1]}==${match[2]}`;
}

function exceptionFor(
  { verdict, target }: PackageResult,
  reason: string,
  until: string | undefined,
): Exception {
  const { ecosystem, name, version, integrity } = verdict;
  if (integrity === '' || name === '' || version === '') {
    throw new KnownError(
      'no-integrity',
      `${target} could not be fetched or does not say who it is, so no exception can name it: see safe-install scan ${target}`,
    );
  }
  return { ecosystem, name, version, integrity, reason, ...(until !== undefined && { until }) };
}

/** Writes into the project's policy and returns its path. What the user had accepted stays accepted. */
function writeProject(exceptions: readonly Exception[]): string {
  const found = findProjectPolicy(process.cwd());
  const accepted = found === undefined || !loosens(found) || isTrusted(found);
  const inManifest = found?.path.endsWith('package.json') === true;
  const path = found?.path ?? join(projectFolder(process.cwd()), POLICY_FILE);
  addExceptions(path, inManifest ? [POLICY_KEY] : [], exceptions);
  const written = findProjectPolicy(dirname(path));
  if (accepted && written !== undefined) trust(written);
  else say("the project's policy held permissions you have not accepted: read it, then safe-install trust");
  return path;
}

/** The nearest folder with a package.json or a repository, otherwise this one. */
function projectFolder(cwd: string): string {
  for (let folder = cwd; dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, '.git'))) return folder;
  }
  return cwd;
}

/** Adds entries and keeps the file's comments and layout. Throws `KnownError` (2) when the result would be malformed. */
export function addExceptions(
  path: string,
  within: readonly string[],
  exceptions: readonly Exception[],
): void {
  let text = existsSync(path) ? readFileSync(path, 'utf8') : '{}\n';
  for (const exception of exceptions) {
    const options = {
      formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' },
      isArrayInsertion: true,
    };
    text = applyEdits(text, modify(text, [...within, 'exceptions', -1], exception, options));
  }
  if (within.length === 0) parsePolicy(text, path);
  mkdirSync(dirname(path), { recursive: true });
  writeWhole(path, text);
}
