/** Finds the package manager the user would have run. */
import { spawnSync } from 'node:child_process';
import semver from 'semver';
import { EXIT, KnownError } from '../errors.js';
import { findTool } from '../tools.js';
import type { ManagerName } from './argv.js';

export interface ManagerTool {
  /** What to spawn. */
  readonly command: readonly string[];
  readonly version: string;
}

/** Versions the guard has been seen to work with, end to end. Bun asks a security scanner from 1.2.21 on. */
const SUPPORTED: Readonly<Record<ManagerName, string>> = {
  pnpm: '>=9',
  yarn: '^1.22 || >=4',
  bun: '>=1.3',
};

/** @throws KnownError when there is none on PATH, or one the guard does not know. */
export function findManager(
  manager: ManagerName,
  cwd: string,
  env: NodeJS.ProcessEnv,
  command?: readonly string[],
): ManagerTool {
  const file = command === undefined ? findTool(manager, env) : undefined;
  const words = command ?? (file === undefined ? undefined : [file]);
  if (words === undefined) {
    throw new KnownError(
      `${manager}-missing`,
      `cannot find ${manager} on PATH; install it, or add it to PATH`,
    );
  }
  const [program = '', ...first] = words;
  const { stdout, error } = spawnSync(program, [...first, '--version'], {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const version = semver.valid(stdout?.trim().split('\n').at(-1) ?? '');
  if (version === null) {
    throw new KnownError(
      `${manager}-version`,
      `${program} --version gave no version${error ? `: ${error.message}` : ''}; see that it runs by itself`,
    );
  }
  if (!semver.satisfies(version, SUPPORTED[manager], { includePrerelease: true })) {
    throw new KnownError(
      `${manager}-version`,
      `${manager} ${version} is not guarded, so it was not run: use ${SUPPORTED[manager]}`,
      EXIT.usage,
    );
  }
  return { command: words, version };
}
