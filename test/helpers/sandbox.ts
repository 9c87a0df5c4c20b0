/** A home folder and projects for real package managers, thrown away afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { findTool } from '../../lib/tools.js';
import { BIN } from '../cli/run.js';
import type { GuardSetup } from './guard-npm.js';

export interface GuardReport {
  readonly kind: string;
  readonly message?: string;
  readonly packages: readonly { target: string; verdict: string; path: readonly string[] }[];
  readonly ownFolders: readonly string[];
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The npm under test, as a command line: the one on PATH, or `SAFE_INSTALL_TEST_NPM` (words separated by
 * spaces: `/path/to/node /path/to/npm-cli.js`), whose first word then also runs the guard.
 */
export function npmUnderTest(): string[] {
  const given = process.env.SAFE_INSTALL_TEST_NPM?.split(' ').filter(Boolean);
  if (given !== undefined && given.length > 0) return given;
  const npm = findTool('npm');
  if (npm === undefined) throw new Error('no npm on PATH');
  return [process.execPath, fs.realpathSync(npm)];
}

export function npmMajor(): number {
  const manifest = path.join(path.dirname(npmUnderTest().at(-1)!), '..', 'package.json');
  return Number((JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string }).version.split('.')[0]);
}

const GUARD = fileURLToPath(new URL('./guard-npm.js', import.meta.url));

export class Sandbox {
  readonly root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'sandbox-')));
  readonly home = path.join(this.root, 'home');
  readonly npm = npmUnderTest();

  constructor(npmrc = '') {
    fs.mkdirSync(this.home);
    const quiet =
      'audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=1\nfetch-retry-mintimeout=10\nfetch-retry-maxtimeout=20\n';
    fs.writeFileSync(path.join(this.home, '.npmrc'), `${quiet}${npmrc}\n`);
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  /** Makes a folder with the given files; a value that is no string is written as JSON. */
  project(name: string, files: Record<string, unknown> = {}): string {
    const folder = path.join(this.root, name);
    fs.mkdirSync(folder, { recursive: true });
    for (const [file, content] of Object.entries({
      'package.json': { name: 'app', version: '1.0.0' },
      ...files,
    })) {
      const target = path.join(folder, file);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(
        target,
        typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`,
      );
    }
    return folder;
  }

  environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = { HOME: this.home, TMPDIR: path.join(this.root, 'tmp'), LANG: 'C.UTF-8' };
    fs.mkdirSync(env.TMPDIR!, { recursive: true });
    env.PATH = [path.dirname(this.npm[0]!), process.env.PATH].join(path.delimiter);
    return { ...env, ...extra };
  }

  /** Plain npm. */
  plain(cwd: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
    return run([...this.npm, ...args], cwd, this.environment(env));
  }

  /** The built `safe-install` itself, with the bundled model. */
  command(cwd: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
    return run([this.npm[0]!, BIN, ...args], cwd, this.environment(env));
  }

  /** npm behind the guard, with a scanner that knows its verdicts by integrity. */
  async guarded(
    cwd: string,
    args: readonly string[],
    setup: Omit<GuardSetup, 'npm'> = {},
    env?: NodeJS.ProcessEnv,
  ): Promise<Finished & { readonly report: GuardReport }> {
    const command = [this.npm[0]!, GUARD, JSON.stringify({ npm: this.npm, ...setup }), ...args];
    const finished = await run(command, cwd, this.environment(env));
    const line = finished.stderr.match(/^GUARD (.*)$/m)?.[1];
    if (line === undefined)
      throw new Error(`no report from the guard:\n${finished.stderr}\n${finished.stdout}`);
    return { ...finished, report: JSON.parse(line) as GuardReport };
  }

  /** The guard as a process a test can send signals to. */
  startGuarded(
    cwd: string,
    args: readonly string[],
    env?: NodeJS.ProcessEnv,
    setup: Omit<GuardSetup, 'npm'> = {},
  ): ChildProcess {
    const command = [GUARD, JSON.stringify({ npm: this.npm, ...setup }), ...args];
    return spawn(this.npm[0]!, command, {
      cwd,
      env: this.environment(env),
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  }

  /** Temporary folders left behind by the guard. */
  leftovers(): string[] {
    const folder = path.join(this.root, 'tmp');
    return fs.existsSync(folder)
      ? fs.readdirSync(folder).filter((name) => name.startsWith('safe-install'))
      : [];
  }
}

/** Runs a command to its end, without a terminal and with nothing to read. */
export function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Every file, link and mode below a folder, as one string to compare. */
export function fingerprint(folder: string): string {
  const lines: string[] = [];
  const walk = (current: string): void => {
    for (const entry of fs.readdirSync(current, { withFileTypes: true })) {
      const file = path.join(current, entry.name);
      const name = path.relative(folder, file);
      if (entry.isSymbolicLink()) lines.push(`${name} -> ${fs.readlinkSync(file)}`);
      else if (entry.isDirectory()) {
        lines.push(`${name}/`);
        walk(file);
      } else {
        const bytes = fs.readFileSync(file);
        // Lockfiles in full, so that a difference can be read.
        const shown = name.endsWith('lock.json')
          ? bytes.toString()
          : createHash('sha256').update(bytes).digest('hex');
        lines.push(`${name} ${fs.statSync(file).mode.toString(8)} ${shown}`);
      }
    }
  };
  walk(folder);
  return lines.sort().join('\n');
}

export function readJson(...parts: string[]): Record<string, unknown> {
  return JSON.parse(fs.readFileSync(path.join(...parts), 'utf8')) as Record<string, unknown>;
}
