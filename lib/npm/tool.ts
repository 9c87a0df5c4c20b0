/** Finds the npm the user would have run. */
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
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

/** Wraps one npm, given as the command line that starts it (`['npm']`, `['node', '…/npm-cli.js']`). */
export function npmFromCommand(command: readonly string[]): NpmTool {
  const file = realpathSync(command.at(-1)!);
  const found = packageRoot(file);
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
