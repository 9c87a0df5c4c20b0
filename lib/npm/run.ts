/** Runs the user's own npm behind the gate: original arguments, inherited terminal, exit code unchanged. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { EXIT, KnownError } from '../errors.js';
import type { Gate } from '../gate/proxy.js';
import type { NpmConfig } from './config.js';
import { SCRIPT_SHELL } from './project-hook.js';
import type { NpmTool } from './tool.js';

export interface RunResult {
  /** npm's exit code; 128 + signal number when a signal ended it. */
  readonly exitCode: number;
}

export interface RunningNpm {
  readonly done: Promise<RunResult>;
  /** Ends npm in the way that lets it put node_modules back. */
  stop(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const KILL_AFTER_MS = 20_000;

/** Runs npm as it is: for commands that install nothing. */
export function runPlain(
  tool: NpmTool,
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): RunningNpm {
  return start(tool, argv, cwd, env, () => {});
}

/** What npm is given beside the gate. */
export interface Handed {
  /** What npm finds as the project's lockfile, as long as there is none. */
  readonly lockfile?: string | undefined;
  /** Fills the content cache of npm, at this folder; for all else npm asks the gate. */
  readonly lend?: (cache: string) => void;
}

/** Runs npm with the gate as its only network and a cache of its own, so that it asks for everything not in there. */
export function runBehindGate(
  tool: NpmTool,
  config: NpmConfig,
  argv: readonly string[],
  gate: Gate,
  cwd: string,
  env: NodeJS.ProcessEnv,
  { lockfile, lend }: Handed = {},
): RunningNpm {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'safe-install-'));
  try {
    const cache = path.join(folder, 'cache');
    const realCache = path.resolve(config.flat.cache, '..');
    mkdirSync(cache);
    shareFolders(realCache, cache);
    lend?.(path.join(cache, '_cacache'));
    const cafile = path.join(folder, 'gate.pem');
    writeFileSync(cafile, gate.certificate, { mode: 0o600 });
    const settings = gateSettings(config, gate, cafile, cache);
    if (!config.get('logs-dir')) settings.set('logs-dir', path.join(realCache, '_logs'));
    const child = childEnvironment(config, env, settings);
    if (lockfile !== undefined) {
      const from = path.join(folder, 'package-lock.json');
      writeFileSync(from, lockfile);
      child.SAFE_INSTALL_TREE = JSON.stringify({ file: path.join(config.where, 'package-lock.json'), from });
    }
    return start(tool, overrideArguments(argv, config, settings), cwd, child, () =>
      rmSync(folder, { recursive: true, force: true }),
    );
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Everything npm keeps beside its content cache (logs, `_npx`, prebuilt binaries) stays where it is. */
function shareFolders(real: string, own: string): void {
  mkdirSync(path.join(real, '_logs'), { recursive: true });
  for (const entry of readdirSync(real)) {
    if (entry !== '_cacache' && entry !== '_update-notifier-last-checked') {
      symlinkSync(path.join(real, entry), path.join(own, entry));
    }
  }
}

/** npm options that put the gate between npm and the world. */
function gateSettings(config: NpmConfig, gate: Gate, cafile: string, cache: string): Map<string, string> {
  const settings = new Map([
    ['proxy', gate.proxy],
    ['https-proxy', gate.proxy],
    // Not empty: a list of the project or the user would count.
    ['noproxy', 'none.invalid'],
    ['cafile', cafile],
    ['ca', gate.certificate],
    ['cache', cache],
    // Git sources have been refused; npm is given no program to fetch one with.
    ['git', 'git-is-refused-by-safe-install'],
    // Asking for a newer npm is not part of installing.
    ['update-notifier', 'false'],
  ]);
  if (config.strict) settings.set('registry', String(config.get('registry')));
  // The gate holds what offline installs would take from the cache.
  for (const key of ['offline', 'prefer-offline']) if (config.get(key)) settings.set(key, 'false');
  return settings;
}

const variableOf = (key: string): string => `npm_config_${key.replaceAll('-', '_')}`;

function childEnvironment(
  config: NpmConfig,
  env: NodeJS.ProcessEnv,
  settings: Map<string, string>,
): NodeJS.ProcessEnv {
  const keys = new Map([...settings].map(([key, value]) => [variableOf(key), value]));
  const restore: Record<string, string | null> = {
    NODE_OPTIONS: config.scriptEnvironment.NODE_OPTIONS ?? null,
  };
  const child: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(env)) {
    // npm's agent looks at NO_PROXY even where noproxy is configured.
    if (name.toLowerCase() === 'no_proxy') restore[name] = value ?? null;
    // npm reads these names in any case; the last one would win.
    else if (!keys.has(name.toLowerCase().replaceAll('-', '_'))) child[name] = value;
  }
  for (const [name, value] of keys) {
    child[name] = value;
    restore[name] = config.scriptEnvironment[name] ?? null;
  }
  for (const [name, value] of Object.entries(env)) {
    if (keys.has(name.toLowerCase()) && !keys.has(name)) restore[name] = value ?? null;
  }
  const preload = new URL('./child-env.js', import.meta.url).href;
  // A project's hook has nothing left to do: the whole tree was judged before npm started.
  if (config.get('script-shell') === SCRIPT_SHELL) child.SAFE_INSTALL_GUARDED_NPM = '1';
  child.NODE_OPTIONS = [env.NODE_OPTIONS, `--import=${preload}`].filter(Boolean).join(' ');
  child.SAFE_INSTALL_SCRIPT_ENV = JSON.stringify(restore);
  return child;
}

/**
 * Command-line options win over the environment: where the user's own set one of the gate's keys, ours follow.
 * @throws KnownError for `--noproxy`, a list that a later option can only make longer
 */
export function overrideArguments(
  argv: readonly string[],
  config: Pick<NpmConfig, 'onCommandLine'>,
  settings: ReadonlyMap<string, string>,
): string[] {
  if (config.onCommandLine('noproxy')) {
    const line =
      '--noproxy on the command line would lead npm past the gate; set noproxy in .npmrc or NO_PROXY instead';
    throw new KnownError('noproxy', line, EXIT.usage);
  }
  const ours = [...settings]
    .filter(([key]) => config.onCommandLine(key))
    .map(([key, value]) => `--${key}=${value}`);
  const end = argv.indexOf('--');
  return end === -1 ? [...argv, ...ours] : [...argv.slice(0, end), ...ours, ...argv.slice(end)];
}

function start(
  tool: NpmTool,
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  cleanUp: () => void,
): RunningNpm {
  const [file, ...first] = tool.command;
  const child = spawn(file!, [...first, ...argv], { cwd, env, stdio: 'inherit' });
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    timer ??= setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  };
  // A terminal sends ^C to npm as well: wait for npm to finish with it. The others reach only this process.
  const forward = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  const done = finished(child).finally(() => {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, forward);
    cleanUp();
  });
  return { done, stop };
}

function finished(child: ChildProcess): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve({ exitCode: code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]) });
    });
  });
}
