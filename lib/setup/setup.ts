/** `safe-install setup` and `teardown`: put the guard in front of npm and pip for a user, a CI job or a virtual environment. */
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KnownError } from '../errors.js';
import { dataFolder, shimFolder } from '../tools.js';
import { addBlock, fishScript, posixScript, removeBlock, type Shell, startupFiles } from './shells.js';
import { PACKAGE_ROOT, removeShims, writeShims } from './shims.js';

type Env = Readonly<Record<string, string | undefined>>;

export const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];
export const CI_SYSTEMS = ['github', 'gitlab', 'azure'] as const;
export type CiSystem = (typeof CI_SYSTEMS)[number];

export interface SetupOutcome {
  readonly shims: string;
  /** Start-up files that were changed. */
  readonly changed: readonly string[];
  /** Lines for standard output: what a CI job has to evaluate. */
  readonly output: readonly string[];
}

/** Paths a set-up writes to; `node` and `guard` go into the shims. */
function places(env: Env) {
  return {
    shims: shimFolder(env),
    node: process.execPath,
    guard: path.join(PACKAGE_ROOT, 'bin', 'safe-install.js'),
    posix: path.join(dataFolder(env), 'shell.sh'),
    fish: path.join(dataFolder(env), 'shell.fish'),
    env,
  };
}

/**
 * Writes the shims and the start-up blocks of `shells`.
 * @throws KnownError `unsupported-platform` on Windows, where shell shims do not stand in front of `npm.cmd`.
 */
export function setup(shells: readonly Shell[], env: Env = process.env): SetupOutcome {
  refuseWindows();
  const at = places(env);
  const home = env.HOME ?? os.homedir();
  writeShims(at);
  writeScripts(at);
  const changed: string[] = [];
  for (const shell of shells) {
    for (const file of startupFiles(shell, home, env)) {
      if (addBlock(file, shell === 'fish' ? at.fish : at.posix, shell)) changed.push(file);
    }
  }
  return { shims: at.shims, changed, output: [] };
}

/** Makes the rest of a CI job guarded: writes where the system reads a path, else prints what to evaluate. */
export function setupCi(system: CiSystem, env: Env = process.env): SetupOutcome {
  refuseWindows();
  const at = places(env);
  writeShims(at);
  switch (system) {
    case 'github': {
      if (env.GITHUB_PATH !== undefined && env.GITHUB_PATH !== '') {
        appendFileSync(env.GITHUB_PATH, `${at.shims}\n`);
        return { shims: at.shims, changed: [env.GITHUB_PATH], output: [] };
      }
      return { shims: at.shims, changed: [], output: [`echo '${at.shims}' >> "$GITHUB_PATH"`] };
    }
    case 'gitlab':
      return { shims: at.shims, changed: [], output: [`export PATH='${at.shims}':"$PATH"`] };
    case 'azure':
      return { shims: at.shims, changed: [], output: [`##vso[task.prependpath]${at.shims}`] };
  }
}

/** Removes shims, scripts and start-up blocks, also of shells that were set up earlier. Returns what was changed or removed. */
export function teardown(env: Env = process.env): string[] {
  const at = places(env);
  const home = env.HOME ?? os.homedir();
  const done: string[] = [];
  // Every file bash may read first at a login counts: another one may have appeared since the set-up.
  const bashLogin = ['.bash_profile', '.bash_login', '.profile'].map((name) => path.join(home, name));
  const files = new Set([...SHELLS.flatMap((shell) => startupFiles(shell, home, env)), ...bashLogin]);
  for (const file of files) if (removeBlock(file)) done.push(file);
  for (const script of [at.posix, at.fish]) {
    if (!existsSync(script)) continue;
    rmSync(script);
    done.push(script);
  }
  return [...done, ...removeShims(at.shims)];
}

/** The shell a person uses, from `$SHELL`; bash when it is another one. */
export function usersShell(env: Env = process.env): Shell {
  const name = path.basename(env.SHELL ?? '');
  return SHELLS.find((shell) => shell === name) ?? 'bash';
}

function writeScripts(at: ReturnType<typeof places>): void {
  mkdirSync(path.dirname(at.posix), { recursive: true });
  writeFileSync(at.posix, posixScript(at.shims));
  writeFileSync(at.fish, fishScript(at.shims));
}

function refuseWindows(): void {
  if (process.platform !== 'win32') return;
  throw new KnownError(
    'unsupported-platform',
    "safe-install setup does not support Windows yet; call 'safe-install npm …' and 'safe-install pip …' instead",
    2,
  );
}
