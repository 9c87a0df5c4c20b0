/** pnpm's, Yarn's and Bun's command lines → what will happen. Pure: reads no file, no environment. */

export type ManagerName = 'pnpm' | 'yarn' | 'bun';

/**
 * `install`: fetches packages and puts them into the project. `rebuild`: runs the scripts of what is on disk.
 * `execute`: fetches a package to run it. `refuse`: fetches code and runs it in a way that is not guarded.
 * `pass`: fetches no package (it may run the project's own scripts).
 */
export type ManagerKind = 'install' | 'rebuild' | 'execute' | 'refuse' | 'pass';

export interface ManagerInvocation {
  /** The manager's word for the command, aliases resolved; empty when none was given. */
  readonly command: string;
  readonly kind: ManagerKind;
  /** Words after the command that are neither options nor their values. */
  readonly args: readonly string[];
  /** Where the command's words stand in `argv`; its length when there is no command. */
  readonly commandAt: number;
  /** Whether packages are installed for the user instead of a project. */
  readonly global: boolean;
  /** Folder the command line says to work in. */
  readonly directory: string | undefined;
}

type Table = Readonly<Record<string, ManagerKind>>;

const table = (rows: Partial<Record<ManagerKind, string>>): Table =>
  Object.fromEntries(
    Object.entries(rows).flatMap(([kind, words]) =>
      words.split(' ').map((word) => [word, kind as ManagerKind]),
    ),
  );

/** Words that are no command of a manager name a script or program of the project, which installs nothing. */
const KINDS: Readonly<Record<ManagerName, Table>> = {
  pnpm: table({
    install:
      'install i ci clean-install ic install-clean add update up upgrade remove rm uninstall un uni link ln unlink ' +
      'dislink dedupe prune fetch install-test it deploy patch-commit patch-remove import',
    rebuild: 'rebuild rb approve-builds',
    execute: 'dlx create',
    refuse: 'pipeline',
  }),
  yarn: table({
    install:
      'install add remove upgrade up upgrade-interactive dedupe link unlink import focus generate-lock-entry ' +
      'patch-commit autoclean unplug',
    rebuild: 'rebuild',
    execute: 'dlx create init-from',
    refuse: 'plugin',
  }),
  bun: table({
    install: 'install i add a update remove r rm uninstall link unlink ci patch-commit',
    execute: 'x create c',
  }),
};

/** Options whose value is the next word, for those that may stand before the command. */
const VALUED: Readonly<Record<ManagerName, readonly string[]>> = {
  pnpm: [
    '-C',
    '--dir',
    '--filter',
    '-F',
    '--filter-prod',
    '--loglevel',
    '--reporter',
    '--workspace-concurrency',
    '--store-dir',
    '--virtual-store-dir',
    '--modules-dir',
    '--registry',
    '--env-file',
    '--state-dir',
  ],
  yarn: [
    '--cwd',
    '--use-yarnrc',
    '--registry',
    '--cache-folder',
    '--modules-folder',
    '--preferred-cache-folder',
    '--global-folder',
    '--link-folder',
    '--mutex',
    '--network-timeout',
    '--network-concurrency',
    '--proxy',
    '--https-proxy',
  ],
  bun: ['--cwd', '-c', '--config'],
};

/** Options that may stand before the command and take no value. */
const SWITCHES =
  /^(?:-[rwgsDPOEv]+|--(?:recursive|global|silent|verbose|no-[\w-]+|ignore-scripts|frozen-lockfile|offline|prefer-offline|workspace-root|json|color|bun|stream|aggregate-output|use-stderr|yes|force|production|prod|dev|non-interactive|emoji|if-present|parallel|help|version))$/;

/** Options of `version` that only Yarn 1 has, which installs nothing there; others end with an error. */
const CLASSIC_VERSION =
  /^--(?:new-version|major|minor|patch|pre[a-z]+|message|no-git-tag-version|no-commit-hooks)(?:=|$)/;

const DIRECTORY = ['-C', '--dir', '--cwd'];

/**
 * Environment for pnpm commands that are passed: else `run`, `test` and `exec` install first where node_modules is not up
 * to date, by default in pnpm 12 and wherever a project's file says so.
 */
export const NO_INSTALL_BEFORE_RUN = {
  npm_config_verify_deps_before_run: 'warn',
  pnpm_config_verify_deps_before_run: 'warn',
};

/** Behind an option that may take a value it may be that value. */
function asksForHelp(word: string, at: number, words: readonly string[]): boolean {
  const before = words[at - 1] ?? '';
  const isValue = before.startsWith('-') && !before.includes('=') && !SWITCHES.test(before);
  return /^(?:-h|--help)$/.test(word) && !isValue;
}

export function parseManagerArgv(manager: ManagerName, argv: readonly string[]): ManagerInvocation {
  const directory = directoryOf(argv);
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const asksOnly = /^(?:--version|-v)$/.test(argv[0] ?? '') || words.some(asksForHelp);
  const global = words.some((word) => word === '-g' || word === '--global');
  const base = { directory, global };
  const at = commandIndex(manager, argv, 0);
  const found = at === undefined ? undefined : resolveCommand(manager, argv, at);
  const kind: ManagerKind = asksOnly ? 'pass' : (found?.kind ?? bare(manager));
  return {
    ...base,
    command: found?.command ?? (kind === 'install' ? 'install' : ''),
    kind,
    args: found === undefined ? [] : positional(manager, argv, found.at + 1),
    commandAt: found?.at ?? argv.length,
    global: global || found?.global === true,
  };
}

/** Yarn without a command installs; pnpm and Bun print their help. */
const bare = (manager: ManagerName): ManagerKind => (manager === 'yarn' ? 'install' : 'pass');

interface FoundCommand {
  readonly command: string;
  readonly kind: ManagerKind;
  readonly at: number;
  readonly global?: boolean;
}

function resolveCommand(manager: ManagerName, argv: readonly string[], at: number): FoundCommand {
  const word = argv[at]!;
  const next = commandIndex(manager, argv, at + 1);
  const nested = (from: number | undefined): FoundCommand =>
    from === undefined
      ? { command: 'install', kind: bare(manager), at }
      : resolveCommand(manager, argv, from);
  if (manager === 'pnpm' && /^(?:recursive|multi|m|pm)$/.test(word)) return nested(next);
  if (manager === 'yarn') {
    if (word === 'global') return { ...nested(next), global: true };
    // `workspace NAME command`, `workspaces focus`, `workspaces foreach [options] [run] command`.
    if (word === 'workspace')
      return nested(next === undefined ? undefined : commandIndex(manager, argv, next + 1));
    if (word === 'workspaces') {
      const sub = next === undefined ? '' : argv[next]!;
      if (sub === 'focus') return { command: 'focus', kind: 'install', at: next! };
      if (sub === 'foreach')
        return strictest(manager, argv, next! + 1) ?? { command: 'foreach', kind: 'pass', at };
      return { command: 'workspaces', kind: 'pass', at };
    }
    // Modern Yarn installs after both.
    if (word === 'set' && argv[next ?? -1] === 'resolution') {
      return { command: 'set resolution', kind: 'install', at: next! };
    }
    if (word === 'version' && next !== undefined && argv[next] !== 'check') {
      const classic = argv.slice(at + 1).some((option) => CLASSIC_VERSION.test(option));
      return { command: word, kind: classic ? 'pass' : 'install', at };
    }
    // Only importing a plugin brings code, which Yarn then runs at every start.
    if (word === 'plugin' && argv[next ?? -1] !== 'import') return { command: word, kind: 'pass', at };
  }
  if (manager === 'bun' && word === 'pm') {
    const trusts = argv[next ?? -1] === 'trust';
    return { command: trusts ? 'pm trust' : 'pm', kind: trusts ? 'rebuild' : 'pass', at: next ?? at };
  }
  if (manager === 'bun' && word === 'patch') {
    const commits = argv.includes('--commit');
    return { command: 'patch', kind: commits ? 'install' : 'pass', at };
  }
  if (manager === 'bun' && word === 'init') return { command: 'init', kind: 'execute', at };
  const kind = Object.hasOwn(KINDS[manager], word) ? KINDS[manager][word] : undefined;
  // An option nobody knows may or may not have taken this word as its value, and so hide the command.
  const before = argv[at - 1];
  const doubtful =
    kind === undefined &&
    at > 0 &&
    before!.startsWith('-') &&
    !before!.includes('=') &&
    !SWITCHES.test(before!);
  if (doubtful && next !== undefined) return resolveCommand(manager, argv, next);
  return { command: word, kind: kind ?? 'pass', at };
}

/** The first word from `from` on that installs, for commands that hand a whole command line on. */
function strictest(manager: ManagerName, argv: readonly string[], from: number): FoundCommand | undefined {
  for (let i = from; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === 'run' || word === 'exec') return undefined;
    if (Object.hasOwn(KINDS[manager], word)) return { command: word, kind: KINDS[manager][word]!, at: i };
  }
  return undefined;
}

function commandIndex(manager: ManagerName, argv: readonly string[], from: number): number | undefined {
  for (let i = from; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') return undefined;
    if (!word.startsWith('-')) return i;
    if (VALUED[manager].includes(word)) i++;
  }
  return undefined;
}

function positional(manager: ManagerName, argv: readonly string[], from: number): string[] {
  const found: string[] = [];
  for (let i = from; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') return [...found, ...argv.slice(i + 1)];
    if (!word.startsWith('-')) found.push(word);
    else if (VALUED[manager].includes(word)) i++;
  }
  return found;
}

function directoryOf(argv: readonly string[]): string | undefined {
  for (const [i, word] of argv.entries()) {
    if (word === '--') return undefined;
    if (DIRECTORY.includes(word)) return argv[i + 1];
    const match = /^(?:--dir|--cwd|-C)=(.+)$/.exec(word);
    if (match !== null) return match[1];
  }
  return undefined;
}
