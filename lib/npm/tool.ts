/** Finds the npm the user would have run. */
import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { KnownError } from '../errors.js';
import { findTool } from '../tools.js';
import { librariesOf, type NpmLibraries } from './libraries.js';

export interface NpmTool {
  /** What to spawn: the file as found on PATH, so that version managers keep working. */
  readonly command: readonly string[];
  /** npm's package folder; undefined when the file on PATH is some manager's launcher. */
  readonly root: string | undefined;
  /** Empty when unknown. */
  readonly version: string;
  readonly libraries: NpmLibraries;
}

/** npm's package folder for a file inside it (`bin/npm-cli.js`), looking upwards. */
function packageRoot(file: string): { root: string; version: string } | undefined {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      return found.name === 'npm' ? { root: folder, version: String(found.version) } : undefined;
    } catch {
      // No package.json here: go on upwards.
    }
  }
  return undefined;
}

/**
 * Version managers put launchers on PATH that start one npm or another: this asks which, by having Node say what it
 * was started with in place of running it. Empty when that cannot be told.
 */
function askLauncher(command: readonly string[]): string {
  const say = 'data:text/javascript,process.stdout.write(process.argv[1]);process.exit(0)';
  const env = { ...process.env, NODE_OPTIONS: `--import=${say}` };
  const [file, ...args] = command;
  const { stdout } = spawnSync(file!, [...args, '--version'], { env, encoding: 'utf8', timeout: 10_000 });
  try {
    return realpathSync(stdout ?? '');
  } catch {
    return '';
  }
}

/** Wraps one npm, given as the command line that starts it (`['npm']`, `['node', '…/npm-cli.js']`). */
export function npmFromCommand(command: readonly string[]): NpmTool {
  const found = packageRoot(realpathSync(command.at(-1)!)) ?? packageRoot(askLauncher(command));
  return {
    command,
    root: found?.root,
    version: found?.version ?? '',
    libraries: librariesOf(found?.root),
  };
}

/** @throws KnownError when no npm is on PATH. */
export function findNpm(env: NodeJS.ProcessEnv): NpmTool {
  const file = findTool('npm', env);
  if (file === undefined) {
    throw new KnownError(
      'npm-missing',
      'cannot find npm on PATH; install Node.js with npm, or add it to PATH',
    );
  }
  return npmFromCommand([file]);
}
