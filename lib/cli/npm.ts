/** `safe-install npm …`, `npx …`, and `safe-install [npm install arguments]`. */
import process from 'node:process';
import type { OutcomeKind } from '../npm/guard.js';
import type { ProjectSetting } from '../npm/project-settings.js';
import type { NpmTool } from '../npm/tool.js';
import { escapeText } from '../report/escape.js';
import type { PackageResult } from '../report/run.js';
import { failed, type Outcome, say, usage } from './exit.js';
import { guarded } from './guarded.js';

/** npm's installing commands, which may follow `safe-install` without `npm`. */
const INSTALLING = new Set(
  (
    'install i in ins inst insta instal isnt isnta isntal isntall add ci ic clean-install install-clean isntall-clean ' +
    'install-test it install-ci-test cit clean-install-test sit update up upgrade udpate dedupe ddp exec x create ' +
    'rebuild rb uninstall unlink remove rm r un prune link ln'
  ).split(' '),
);

export const runNpm = (argv: readonly string[]): Promise<Outcome> => runNpmOf('npm', argv);

export const runNpx = (argv: readonly string[]): Promise<Outcome> => runNpmOf('npx', argv);

/** `tool`: the npm to guard; by default the one on PATH. */
export function runNpmOf(command: 'npm' | 'npx', argv: readonly string[], tool?: NpmTool): Promise<Outcome> {
  return guarded(command, silent(argv), async (services, cwd) => {
    const { guardNpm, guardNpx } = await import('../npm/guard.js');
    let unreported: readonly PackageResult[] = [];
    const guard = command === 'npx' ? guardNpx : guardNpm;
    const { kind, exitCode, error } = await guard({
      ...(tool === undefined ? {} : { tool }),
      argv,
      cwd,
      env: process.env,
      scan: services.scan,
      recall: services.recall,
      accept: services.accept,
      onProjectSettings: async (settings) => {
        await services.announce();
        for (const { key, value, risk } of settings) {
          say(escapeText(`this project's .npmrc sets ${key}=${value}: ${RISKS[risk]}`));
        }
      },
      judgeOwn: async (own) => {
        const { judgeOwn } = await import('./own-scripts.js');
        return judgeOwn(own, services.scan, services.accept);
      },
      onDecision: ({ packages }) => {
        if (packages.length > 0 && !services.reportNow(packages)) unreported = packages;
        // All is judged: threads, parsers and model need not wait in memory beside npm.
        void services.close();
      },
    });
    // Nothing of it had bytes to scan; then npm has not run either.
    if (unreported.length > 0) await services.report(unreported);
    if (error !== undefined) return failed(error);
    return { outcome: OUTCOMES[kind], exitCode };
  });
}

const RISKS: Readonly<Record<ProjectSetting['risk'], string>> = {
  program: 'npm will run this, and it is not judged',
  insecure: 'what is fetched can be changed on the way',
  foreign: 'packages come from there, which your own configuration does not name',
};

const OUTCOMES: Readonly<Record<OutcomeKind, Outcome['outcome']>> = {
  ran: 'allowed',
  passed: 'passed',
  'npm-refused': 'refused',
  blocked: 'blocked',
  unverified: 'unverified',
  failed: 'failed',
};

const silent = (argv: readonly string[]): boolean =>
  argv.some((word) => ['-s', '--silent', '--loglevel=silent', '-q', '--quiet'].includes(word));

export const runInstall = async (argv: readonly string[]): Promise<Outcome> => runNpm(npmArguments(argv));

/**
 * What stands after a bare `safe-install` → npm's arguments. A first word that is another command of npm is
 * refused: neither reading it as that command nor as the name of a package is surely what was meant.
 */
export function npmArguments(argv: readonly string[]): readonly string[] {
  const [first] = argv;
  if (first === undefined || first.startsWith('-')) return ['install', ...argv];
  if (INSTALLING.has(first)) return argv;
  if (OTHER.has(first)) {
    throw usage(
      `'${first}' is a command of npm that installs nothing: say 'npm ${first}', or 'safe-install install ${first}' for the package of that name`,
    );
  }
  return ['install', ...argv];
}

/** npm's commands that are not in `INSTALLING`, with the aliases in common use. */
const OTHER = new Set(
  (
    'access adduser approve-scripts audit author bugs c cache completion config deny-scripts deprecate diff dist-tag ' +
    'dist-tags docs edit exp explain explore find find-dupes fund get help help-search hlep home info issues la list ll ' +
    'login logout ls org outdated owner pack ping pkg prefix profile publish query repo restart root rum run ' +
    'run-script s sbom se search set show shrinkwrap star stars start stop t team test token tst undeprecate ' +
    'unpublish unstar urn v version view whoami why'
  ).split(' '),
);
