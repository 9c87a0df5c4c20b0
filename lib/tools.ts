/**
 * Where the user's own tools are. A shim of ours stands first on PATH on a machine that is set up, so whoever
 * wants the real npm or pip must look past it, or the guard would call itself for ever.
 */
import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Stands in the second line of every shim, so that a shim is known wherever its folder was moved to. */
export const SHIM_MARK = '# shim of safe-install';

/** The folder of the shims: `$XDG_DATA_HOME/safe-install/shims`, by default under `~/.local/share`. */
export function shimFolder(env: Env = process.env): string {
  return path.join(dataFolder(env), 'shims');
}

/** Where safe-install keeps what it installs for a user. XDG Base Directory rules; relative values are ignored. */
export function dataFolder(env: Env = process.env): string {
  const configured = env.XDG_DATA_HOME;
  const base =
    configured !== undefined && path.isAbsolute(configured)
      ? configured
      : path.join(env.HOME ?? os.homedir(), '.local', 'share');
  return path.join(base, 'safe-install');
}

/** The first executable of that name on PATH which is no shim of ours; undefined when there is none. */
export function findTool(name: string, env: Env = process.env): string | undefined {
  return findAllTools(name, env).find((candidate) => !isShim(candidate));
}

/** Every executable of that name on PATH, in order, shims included. */
export function findAllTools(name: string, env: Env = process.env): string[] {
  const found: string[] = [];
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue; // a relative entry means whatever folder a package stands in
    const candidate = path.join(folder, name);
    if (isExecutable(candidate) && !found.includes(candidate)) found.push(candidate);
  }
  return found;
}

export function isShim(file: string): boolean {
  let handle: number | undefined;
  try {
    handle = openSync(realpathSync(file), 'r');
    const head = Buffer.alloc(64);
    const length = readSync(handle, head, 0, head.length, 0);
    return head.toString('latin1', 0, length).includes(SHIM_MARK);
  } catch {
    return false;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The variables that the guard sets for its own children, and that are set here: by hand they make project hooks and
 * hooked environments let everything pass.
 */
export function hookSwitches(env: Env): string[] {
  return ['SAFE_INSTALL_GUARDED_NPM', 'SAFE_INSTALL_GUARDED_PIP'].filter((name) => env[name]);
}
