/** Runs the built command in a folder of its own, with user folders of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const BIN = join(ROOT, 'bin', 'safe-install.js');

export interface Sandbox {
  readonly root: string;
  readonly project: string;
  readonly env: NodeJS.ProcessEnv;
  readonly run: (
    argv: readonly string[],
    options?: { readonly env?: NodeJS.ProcessEnv; readonly bin?: string },
  ) => { readonly code: number | null; readonly stdout: string; readonly stderr: string };
  /** The command on its own, killed by `remove` if it still runs then; `said`: its stderr so far. */
  readonly start: (argv: readonly string[]) => { readonly child: ChildProcess; readonly said: () => string };
  readonly remove: () => void;
}

export function sandbox(): Sandbox {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-install-cli-')));
  const project = join(root, 'project');
  mkdirSync(join(project, '.git'), { recursive: true });
  const { SAFE_INSTALL_STATUS_FILE: _, ...outer } = process.env;
  const env: NodeJS.ProcessEnv = {
    ...outer,
    HOME: join(root, 'home'),
    XDG_CONFIG_HOME: join(root, 'config'),
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_STATE_HOME: join(root, 'state'),
    XDG_DATA_HOME: join(root, 'data'),
  };
  const children: ChildProcess[] = [];
  return {
    root,
    project,
    env,
    run: (argv, options = {}) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [options.bin ?? BIN, ...argv], {
        cwd: project,
        env: { ...env, ...options.env },
        encoding: 'utf8',
        timeout: 60_000,
      });
      return { code: status, stdout, stderr };
    },
    start: (argv) => {
      const child = spawn(process.execPath, [BIN, ...argv], {
        cwd: project,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let stderr = '';
      child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk;
      });
      return { child, said: () => stderr };
    },
    remove: () => {
      for (const child of children) child.kill('SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}
