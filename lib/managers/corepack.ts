/** Corepack's command line → which package manager it would run. What it runs is found by asking Corepack itself. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import semver from 'semver';
import { EXIT, KnownError } from '../errors.js';
import { type NpmTool, npmFromCommand } from '../npm/tool.js';
import { findTool } from '../tools.js';
import type { ManagerName } from './argv.js';

type Env = NodeJS.ProcessEnv;

/** Corepack's commands that fetch a package manager at most. */
const OWN = new Set(['enable', 'disable', 'install', 'prepare', 'hydrate', 'pack', 'cache']);

/** The programs Corepack runs: whose they are, and the manager's command they stand for. */
const PROGRAMS: Readonly<Record<string, { manager: ManagerName | 'npm' | 'npx'; first?: string }>> = {
  npm: { manager: 'npm' },
  npx: { manager: 'npx' },
  pnpm: { manager: 'pnpm' },
  pn: { manager: 'pnpm' },
  pnpx: { manager: 'pnpm', first: 'dlx' },
  pnx: { manager: 'pnpm', first: 'dlx' },
  yarn: { manager: 'yarn' },
  yarnpkg: { manager: 'yarn' },
};

export interface CorepackRequest {
  readonly manager: ManagerName | 'npm' | 'npx';
  /** What names it to Corepack: `yarn`, `pnpm@9`. */
  readonly spec: string;
  /** The manager's arguments. */
  readonly argv: readonly string[];
}

/**
 * The package manager a command line of Corepack runs; undefined for a command of its own that installs nothing.
 * @throws KnownError exit 2 for what is not guarded
 */
export function parseCorepackArgv(argv: readonly string[]): CorepackRequest | undefined {
  const [first = '', ...rest] = argv;
  const [, name = '', version] = /^([^@]*)(?:@(.*))?$/s.exec(first) ?? [];
  const program = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (program !== undefined && !/[:/]/.test(version ?? '')) {
    const before = program.first === undefined ? [] : [program.first];
    return { manager: program.manager, spec: first, argv: [...before, ...rest] };
  }
  const asks = argv.length === 1 && /^(?:-v|-h|--version|--help)$/.test(first);
  if (argv.length === 0 || OWN.has(first) || asks) return undefined;
  const refused =
    first === 'use' || first === 'up'
      ? "installs the project's packages past the guard, so it was not run: set packageManager in package.json, then run 'corepack NAME install'"
      : 'is not guarded, so it was not run';
  throw new KnownError('not-guarded', `'corepack ${first}' ${refused}`, EXIT.usage);
}

/** @throws KnownError when Corepack is not on PATH. */
export function findCorepack(env: Env): string {
  const file = findTool('corepack', env);
  if (file !== undefined) return file;
  throw new KnownError('corepack-missing', 'cannot find corepack on PATH; install it, or add it to PATH');
}

/** The version Corepack would run here; it fetches that manager when it has not done so before. */
function versionOf(corepack: string, spec: string, cwd: string, env: Env): string {
  const { stdout, stderr } = spawnSync(corepack, [spec, '--version'], { cwd, env, encoding: 'utf8' });
  const version = semver.valid(stdout?.trim().split('\n').at(-1) ?? '');
  if (version !== null) return version;
  const lines = stderr?.trim().split('\n') ?? [];
  const why = lines.find((line) => /error/i.test(line)) ?? lines[0] ?? '';
  throw new KnownError('corepack-version', `'corepack ${spec} --version' gave no version: ${why}`);
}

/** The command line that starts the manager, with its exact version, so that Corepack asks no registry behind the gate. */
export function corepackManager(
  corepack: string,
  { manager, spec }: CorepackRequest,
  cwd: string,
  env: Env,
): string[] {
  return [corepack, `${manager}@${versionOf(corepack, spec, cwd, env)}`];
}

/** The npm that Corepack keeps, started without it: its own libraries say what it would do. */
export function corepackNpm(corepack: string, { spec }: CorepackRequest, cwd: string, env: Env): NpmTool {
  const version = versionOf(corepack, spec, cwd, env);
  const cache = env.XDG_CACHE_HOME ?? path.join(env.HOME ?? os.homedir(), '.cache');
  const home = env.COREPACK_HOME ?? path.join(cache, 'node', 'corepack');
  const cli = path.join(home, 'v1', 'npm', version, 'bin', 'npm-cli.js');
  if (existsSync(cli)) return npmFromCommand([process.execPath, cli]);
  throw new KnownError(
    'corepack-npm',
    `Corepack keeps no npm ${version} in ${home}: run npm itself, which is guarded`,
  );
}
