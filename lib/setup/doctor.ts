/** What is guarded on this machine and in this project, and what is not. Looks only; changes nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KnownError } from '../errors.js';
import { SCRIPT_SHELL } from '../npm/project-hook.js';
import { findAllTools, findTool, hookSwitches, isShim, shimFolder } from '../tools.js';
import { userFolders } from '../verdict/folders.js';
import { inspectProject } from './project.js';
import { proofs } from './proof.js';
import { shimNames, shimText } from './shims.js';
import { isVenvGuarded } from './venv.js';

/** `failed`: something believed guarded is not, or the guard itself does not work. `open`: not guarded, nor said to be. */
export type CheckState = 'ok' | 'open' | 'failed';

export interface Check {
  /** Stable, for programs: `tool:npm`, `project`, `model`, `proof:block`… */
  readonly id: string;
  readonly state: CheckState;
  readonly detail: string;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface DoctorOptions {
  readonly cwd: string;
  readonly env?: Env;
}

export async function examine({ cwd, env = process.env }: DoctorOptions): Promise<Check[]> {
  return [
    ...shimNames(env).map((name) => checkTool(name, env)),
    ...checkVersions(env),
    checkVenv(env),
    checkProject(cwd, env),
    ...checkEnvironment(env),
    checkCache(env),
    ...(await checkScanner()),
  ];
}

/** True when nothing that was set up is broken. */
export function isSound(checks: readonly Check[]): boolean {
  return checks.every((check) => check.state !== 'failed');
}

function checkTool(name: string, env: Env): Check {
  const id = `tool:${name}`;
  const [first, ...rest] = findAllTools(name, env);
  const isSetUp = existsSync(path.join(shimFolder(env), name));
  if (first === undefined) return { id, state: 'ok', detail: `no ${name} on PATH` };
  if (!isShim(first)) {
    const behind = rest.some(isShim);
    if (behind) return { id, state: 'failed', detail: `${first} stands before the shim on PATH` };
    return isSetUp
      ? {
          id,
          state: 'failed',
          detail: `${first} is used: ${shimFolder(env)} is not on PATH (open a new shell)`,
        }
      : {
          id,
          state: 'open',
          detail: `${first} is used directly: 'safe-install setup' puts the guard before it`,
        };
  }
  const text = readFileSync(first, 'utf8');
  const guard = text.match(/^guard='(.*)'$/m)?.[1];
  if (guard === undefined || !existsSync(guard)) {
    return {
      id,
      state: 'failed',
      detail: `${first} points to a guard that is gone: run 'safe-install setup' again`,
    };
  }
  const value = (pattern: RegExp): string => (text.match(pattern)?.[1] ?? '').replaceAll(`'\\''`, "'");
  const written = {
    shims: value(/^self_folder='(.*)'$/m),
    node: value(/ \|\| node='(.*)'$/m),
    guard: value(/^guard='(.*)'$/m),
  };
  // Whole, not by its mark: a line put into a shim can do anything a shell can.
  if (text !== shimText(name, written)) {
    return {
      id,
      state: 'failed',
      detail: `${first} is not the shim this version writes: run 'safe-install setup' again`,
    };
  }
  const real = findTool(name, env);
  return { id, state: 'ok', detail: `guarded by ${first}${real === undefined ? '' : `, then ${real}`}` };
}

function checkVersions(env: Env): Check[] {
  return (['npm', 'pip'] as const).flatMap((name): Check[] => {
    const tool = findTool(name, env);
    if (tool === undefined) return [];
    const run = spawnSync(tool, ['--version'], {
      encoding: 'utf8',
      env: env as NodeJS.ProcessEnv,
      timeout: 20_000,
    });
    const version = run.stdout?.match(/\d+(\.\d+)+/)?.[0];
    if (version === undefined)
      return [{ id: `version:${name}`, state: 'failed', detail: `${tool} --version gave no version` }];
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const supported = name === 'npm' ? major >= 10 : major > 22 || (major === 22 && minor >= 3);
    const wanted = name === 'npm' ? '10 or later' : '22.3 or later';
    return [
      {
        id: `version:${name}`,
        state: supported ? 'ok' : 'failed',
        detail: supported ? `${name} ${version}` : `${name} ${version}: the guard works with ${wanted}`,
      },
    ];
  });
}

function checkVenv(env: Env): Check {
  const folder = env.VIRTUAL_ENV;
  if (folder === undefined || folder === '')
    return { id: 'venv', state: 'ok', detail: 'no virtual environment is active' };
  try {
    return isVenvGuarded(folder)
      ? { id: 'venv', state: 'ok', detail: `${folder} hands pip to the guard at every start` }
      : {
          id: 'venv',
          state: 'open',
          detail: `${folder}/bin/pip called by its path is not guarded: safe-install setup --venv ${folder}`,
        };
  } catch (error) {
    if (error instanceof KnownError) return { id: 'venv', state: 'open', detail: error.message };
    throw error;
  }
}

function checkProject(cwd: string, env: Env): Check {
  const hook = inspectProject(cwd);
  if (hook === undefined) return { id: 'project', state: 'ok', detail: 'no package.json here' };
  if (!hook.script && !hook.scriptShell) {
    return {
      id: 'project',
      state: 'open',
      detail: "plain npm is not guarded in this project: 'safe-install init'",
    };
  }
  const missing = [
    ...(hook.script ? [] : ['the script in package.json']),
    ...(hook.scriptShell ? [] : ['script-shell in .npmrc']),
  ];
  if (missing.length > 0) {
    return {
      id: 'project',
      state: 'failed',
      detail: `half of the hook is gone (${missing.join(', ')}): run 'safe-install init' again`,
    };
  }
  const shell = findTool(SCRIPT_SHELL, env);
  if (shell === undefined) {
    return {
      id: 'project',
      state: 'failed',
      detail: `${SCRIPT_SHELL} is not on PATH: npm install -g --ignore-scripts safe-install`,
    };
  }
  const reach = hook.strict
    ? 'plain npm installs nothing here'
    : 'install scripts wait for the guard; see README for what stays outside';
  return { id: 'project', state: 'ok', detail: `hooked: ${reach}` };
}

function checkEnvironment(env: Env): Check[] {
  return hookSwitches(env).map((name) => ({
    id: `environment:${name}`,
    state: 'failed',
    detail: `${name} is set: hooks let everything pass; unset it`,
  }));
}

function checkCache(env: Env): Check {
  const { cache } = userFolders(env as NodeJS.ProcessEnv);
  const probe = path.join(cache, `doctor.${process.pid}`);
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(probe, '');
    rmSync(probe);
    return { id: 'cache', state: 'ok', detail: `${cache} is writable` };
  } catch (error) {
    return {
      id: 'cache',
      state: 'open',
      detail: `${cache} is not writable (${(error as Error).message}): every install scans anew`,
    };
  }
}

async function checkScanner(): Promise<Check[]> {
  const { createScanner } = await import('../scan.js');
  let scanner: Awaited<ReturnType<typeof createScanner>>;
  try {
    scanner = await createScanner();
  } catch (error) {
    if (error instanceof KnownError) return [{ id: 'model', state: 'failed', detail: error.message }];
    throw error;
  }
  try {
    const checks: Check[] = [];
    for (const { name, bytes, expected } of proofs()) {
      const verdict = await scanner.scan({ ecosystem: 'npm', filename: `${name}.tgz`, bytes });
      const score = verdict.score === undefined ? '' : ` (score ${verdict.score.toFixed(3)})`;
      checks.push({
        id: `proof:${expected}`,
        state: verdict.verdict === expected ? 'ok' : 'failed',
        detail:
          expected === 'block'
            ? `a package that sends the environment away gets '${verdict.verdict}'${score}`
            : `an honest package gets '${verdict.verdict}'${score}`,
      });
    }
    return [{ id: 'model', state: 'ok', detail: 'the model loads' }, ...checks];
  } catch (error) {
    if (error instanceof KnownError) return [{ id: 'model', state: 'failed', detail: error.message }];
    throw error;
  } finally {
    await scanner.close();
  }
}
