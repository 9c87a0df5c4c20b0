/** A virtual environment, an index and a canary: where a guarded pip can be watched from outside. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { type GuardOptions, type GuardResult, guardPip } from '../../lib/pip/guard.js';
import type { Scan, Verdict } from '../../lib/types.js';
import { TestIndex } from './index.js';
import { setuptoolsStandIn, wheelStandIn } from './pip-fixtures.js';

export interface Outcome extends GuardResult {
  readonly stdout: string;
  readonly stderr: string;
}

const run = promisify(execFile);

export class PipWorld {
  /** Archives the scanner of the tests blocks, by SHA-256. */
  readonly flagged = new Set<string>();
  readonly scanned: string[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'pip-world-'));
  readonly canary = join(this.folder, 'canary');
  /** Where temporary files of a run go; empty after each. */
  readonly temporary = join(this.folder, 'tmp');
  readonly venv: string;
  private runs = 0;
  private before: ReadonlySet<string> = new Set();

  private constructor(readonly index: TestIndex) {
    mkdirSync(this.temporary);
    this.venv = process.env.SAFE_INSTALL_TEST_VENV ?? join(this.folder, 'venv');
  }

  static async create(): Promise<PipWorld> {
    const index = await TestIndex.start();
    index.addWheel(setuptoolsStandIn());
    index.addWheel(wheelStandIn());
    const world = new PipWorld(index);
    if (!existsSync(world.venv)) await run('python3', ['-m', 'venv', world.venv]);
    world.before = new Set(await world.freeze());
    return world;
  }

  async remove(): Promise<void> {
    await this.reset();
    await this.index.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Uninstalls what a test installed and forgets what it saw. */
  async reset(): Promise<void> {
    const added = (await this.freeze()).filter((line) => !this.before.has(line));
    const names = added.map((line) => line.replace(/^-e .*#egg=/, '').replace(/(==| @ ).*$/, ''));
    if (names.length > 0) await this.pip(['uninstall', '-q', '-y', ...names]);
    rmSync(this.canary, { force: true });
    this.index.fault = undefined;
    this.index.credentials = undefined;
    this.index.requests.length = 0;
    this.scanned.length = 0;
  }

  flag(bytes: Uint8Array): void {
    this.flagged.add(sha256(bytes));
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.venv, 'bin')}:${process.env.PATH}`,
      HOME: this.folder,
      TMPDIR: this.temporary,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: this.index.url,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_RETRIES: '1',
      NO_PROXY: '127.0.0.1',
    };
  }

  /** The user's pip as it is, unguarded; returns its standard output. Asynchronous, as the index is in this process. */
  async pip(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    return this.interpreter(['-m', 'pip', ...argv], env);
  }

  /** Runs a line in the environment's interpreter, as its user would. */
  async python(code: string): Promise<string> {
    return this.interpreter(['-c', code]);
  }

  private async interpreter(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const options = { cwd: this.folder, env: { ...this.env, ...env } };
    return (await run(join(this.venv, 'bin', 'python'), argv, options)).stdout;
  }

  async guarded(argv: readonly string[], more: Partial<GuardOptions> = {}): Promise<Outcome> {
    const name = `${++this.runs}`;
    const files = ['out', 'err'].map((kind) => join(this.folder, `${name}.${kind}`));
    const handles = files.map((file) => openSync(file, 'w'));
    try {
      const result = await guardPip({
        pip: [join(this.venv, 'bin', 'python'), '-m', 'pip'],
        argv,
        cwd: this.folder,
        stdio: ['ignore', handles[0]!, handles[1]!],
        scan: this.scan,
        ...more,
        env: { ...this.env, ...more.env },
      });
      const [stdout = '', stderr = ''] = files.map((file) => readFileSync(file, 'utf8'));
      return { ...result, stdout, stderr };
    } finally {
      for (const handle of handles) closeSync(handle);
    }
  }

  readonly scan: Scan = async ({ ecosystem, filename, bytes }): Promise<Verdict> => {
    this.scanned.push(filename);
    const [name = '', version = ''] = filename.replace(/\.tar\.gz$|\.zip$/, '').split('-');
    return {
      ecosystem,
      name,
      version,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
      verdict: this.flagged.has(sha256(bytes)) ? 'block' : 'allow',
      score: 0,
      findings: [],
      evidence: [],
      opaqueFiles: 0,
      durationMs: 0,
    };
  };

  async freeze(): Promise<string[]> {
    return (await this.pip(['freeze', '--all'])).split('\n').filter(Boolean);
  }

  /** Command lines of processes of the environment that still run (Linux; none are looked for elsewhere). */
  leftProcesses(): string[] {
    if (!existsSync('/proc/self')) return [];
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
        } catch {
          return '';
        }
      })
      .filter((line) => line.startsWith(join(this.venv, 'bin')));
  }

  write(name: string, content: string | Uint8Array): string {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  canaryText(): string {
    return existsSync(this.canary) ? readFileSync(this.canary, 'utf8') : '';
  }

  get sitePackages(): string {
    const lib = join(this.venv, 'lib');
    return join(lib, readdirSync(lib).find((name) => name.startsWith('python'))!, 'site-packages');
  }

  /** Every file of site-packages with its hash, and the text of what pip writes about a distribution. */
  installed(): Record<string, string> {
    const state: Record<string, string> = {};
    for (const entry of readdirSync(this.sitePackages, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || path.endsWith('.pyc') || /\/pip(-[\d.]+\.dist-info)?\//.test(path)) continue;
      const bytes = readFileSync(path);
      state[path.slice(this.sitePackages.length + 1)] = /\.dist-info\/[^/]+$/.test(path)
        ? bytes.toString('utf8')
        : sha256(bytes);
    }
    return state;
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
