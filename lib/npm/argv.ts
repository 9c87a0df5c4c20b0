/** npm's command line → what will happen. Pure: reads no file, no environment. */
import { EXIT, KnownError } from '../errors.js';
import type { ConfigLike, NpmLibraries } from './libraries.js';

/**
 * `install`: changes node_modules from a resolved tree, so the tree is scanned first.
 * `execute`: fetches a package to run it. `rebuild`: runs the scripts of what is already on disk.
 * `unguarded`: fetches or runs packages in a way that is not guarded yet, and is refused.
 * `pass`: installs nothing, runs nothing of a package that was not there before.
 */
export type CommandKind = 'install' | 'execute' | 'rebuild' | 'unguarded' | 'pass';

export interface Invocation {
  /** npm's own name for the command after aliases; empty when none was given. */
  readonly command: string;
  readonly kind: CommandKind;
  /** The same where the folder, a file or the environment makes npm act in workspaces. */
  readonly kindInWorkspaces: CommandKind;
  /** Positional arguments after the command. */
  readonly args: readonly string[];
  /** Everything as given. */
  readonly argv: readonly string[];
  /** Options npm's definitions do not know, without dashes. */
  readonly unknownOptions: readonly string[];
}

/** Commands that fetch the package they are given, and build it when it is a git source. */
const BUILD_GIT = new Set(['pack', 'publish', 'diff', 'view', 'docs', 'bugs', 'repo', 'fund']);

const KINDS: Readonly<Record<string, CommandKind>> = {
  install: 'install',
  ci: 'install',
  'install-test': 'install',
  'install-ci-test': 'install',
  update: 'install',
  dedupe: 'install',
  uninstall: 'install',
  prune: 'install',
  exec: 'execute',
  init: 'execute',
  rebuild: 'rebuild',
  link: 'install',
  edit: 'unguarded',
};

/** Words npm takes for a command. Kept in step with npm's `lib/utils/cmd-list.js` by a test. */
const COMMANDS = (
  'access adduser approve-scripts audit bugs cache ci completion config dedupe deny-scripts deprecate diff dist-tag ' +
  'docs doctor edit exec explain explore find-dupes fund get help help-search init install install-ci-test ' +
  'install-scripts install-test link ll login logout ls org outdated owner pack ping pkg prefix profile prune ' +
  'publish query rebuild repo restart root run sbom search set shrinkwrap stage star stars start stop team test ' +
  'token trust undeprecate uninstall unpublish unstar update version view whoami'
).split(' ');

/** Commands of npm 10 that are gone since; they install nothing. */
const OLDER = ['hook'];

const ALIASES: Readonly<Record<string, string>> = {
  author: 'owner',
  home: 'docs',
  issues: 'bugs',
  info: 'view',
  show: 'view',
  find: 'search',
  add: 'install',
  unlink: 'uninstall',
  remove: 'uninstall',
  rm: 'uninstall',
  r: 'uninstall',
  un: 'uninstall',
  rb: 'rebuild',
  list: 'ls',
  ln: 'link',
  create: 'init',
  i: 'install',
  it: 'install-test',
  cit: 'install-ci-test',
  u: 'update',
  up: 'update',
  c: 'config',
  s: 'search',
  se: 'search',
  tst: 'test',
  t: 'test',
  ddp: 'dedupe',
  v: 'view',
  'run-script': 'run',
  'clean-install': 'ci',
  'clean-install-test': 'install-ci-test',
  x: 'exec',
  why: 'explain',
  la: 'll',
  verison: 'version',
  ic: 'ci',
  innit: 'init',
  in: 'install',
  ins: 'install',
  inst: 'install',
  insta: 'install',
  instal: 'install',
  isnt: 'install',
  isnta: 'install',
  isntal: 'install',
  isntall: 'install',
  'install-clean': 'ci',
  'isntall-clean': 'ci',
  hlep: 'help',
  'dist-tags': 'dist-tag',
  upgrade: 'update',
  udpate: 'update',
  rum: 'run',
  sit: 'install-ci-test',
  urn: 'run',
  ogr: 'org',
  'add-user': 'adduser',
};

/** npm's rule: exact name, alias, or an unambiguous beginning of one; camelCase counts as kebab-case. */
export function dereference(word: string): string | undefined {
  const name = word.replace(/([A-Z])/g, (letter) => `-${letter.toLowerCase()}`);
  if (COMMANDS.includes(name)) return name;
  const alias = ALIASES[name];
  if (alias !== undefined) return alias;
  const candidates = [...COMMANDS, ...Object.keys(ALIASES)].filter((candidate) => candidate.startsWith(name));
  const only = candidates.length === 1 ? candidates[0]! : undefined;
  return only === undefined ? undefined : (ALIASES[only] ?? only);
}

/**
 * @param argv npm's arguments without `node` and `npm`
 * @param libraries whose option definitions decide which words are values of options
 */
export function parseArgv(argv: readonly string[], libraries: NpmLibraries): Invocation {
  const config = new libraries.Config({
    definitions: libraries.definitions,
    shorthands: libraries.shorthands,
    flatten: libraries.flatten,
    nerfDarts: libraries.nerfDarts,
    npmPath: '/',
    argv: ['node', 'npm', ...argv],
    env: {},
    cwd: '/',
    warn: false,
  });
  config.loadDefaults();
  try {
    config.loadCLI();
  } catch (error) {
    // npm's own parser trips over names like `--constructor`; npm would end with this very error.
    const why = (error as Error).message;
    throw new KnownError('npm-arguments', `npm cannot read these arguments: ${why}`, EXIT.usage);
  }
  const [word, ...args] = config.parsedArgv.remain;
  const unknownOptions = config.parsedArgv.cooked
    .slice(0, cookedEnd(config.parsedArgv.cooked))
    .filter((item) => item.startsWith('--') && item.length > 2)
    .map((item) => item.slice(2).replace(/^no-/, '').replace(/=.*$/s, ''))
    .filter((name) => !Object.hasOwn(libraries.definitions, name) && !name.includes(':') && name !== '');
  const base = { args, argv, unknownOptions };
  const passes = { kind: 'pass', kindInWorkspaces: 'pass' } as const;
  if (word === undefined) return { ...base, ...passes, command: '' };
  const command = (libraries.deref ?? dereference)(word) ?? '';
  const asksOnly = given(config, 'usage') || given(config, 'version') || given(config, 'versions');
  if (asksOnly) return { ...base, ...passes, command };
  // Own keys only: each level inherits from the one below it.
  const cli: Record<string, unknown> = { ...config.data.get('cli')?.data };
  const kind = (inWorkspaces: boolean) => kindOf(command, args, cli, inWorkspaces, libraries);
  const inWorkspaces = cli.workspace !== undefined || cli.workspaces === true;
  return { ...base, command, kind: kind(inWorkspaces), kindInWorkspaces: kind(true) };
}

function given(config: ConfigLike, key: string): boolean {
  return config.data.get('cli')?.data[key] === true;
}

function cookedEnd(cooked: readonly string[]): number {
  const end = cooked.indexOf('--');
  return end === -1 ? cooked.length : end;
}

function kindOf(
  command: string,
  args: readonly string[],
  cli: Readonly<Record<string, unknown>>,
  inWorkspaces: boolean,
  libraries: NpmLibraries,
): CommandKind {
  // A command of another npm: nobody has looked at what it fetches or runs.
  if (command !== '' && !COMMANDS.includes(command) && !(command in ALIASES) && !OLDER.includes(command)) {
    return 'unguarded';
  }
  switch (command) {
    // `npm audit` only reports.
    case 'audit':
      return args[0] === 'fix' ? 'install' : 'pass';
    // Without a package it asks questions and writes package.json; in workspaces it then installs.
    case 'init':
      return args.length > 0 ? 'execute' : inWorkspaces ? 'unguarded' : 'pass';
    // In workspaces it brings node_modules up to date with the new versions.
    case 'version':
      return inWorkspaces && args.length > 0 ? 'install' : 'pass';
    // Downloads and unpacks; a git or folder spec is built.
    case 'cache':
      return args[0] === 'add' ? 'unguarded' : 'pass';
  }
  if (BUILD_GIT.has(command)) {
    const differences = Array.isArray(cli.diff) ? (cli.diff as string[]) : [];
    if ([...args, ...differences].some((spec) => isGit(spec, libraries))) return 'unguarded';
  }
  return KINDS[command] ?? 'pass';
}

function isGit(spec: string, libraries: NpmLibraries): boolean {
  try {
    return libraries.npa(spec).type === 'git';
  } catch {
    return false;
  }
}
