/** `pip install`, `download`, `wheel` … of the user's own pip, with the user's own settings, behind the gate. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KnownError } from '../errors.js';
import { type PipArguments, parsePipArguments } from './argv.js';
import { type PipSettings, pipSettings } from './config.js';
import { GATE_PATIENCE_S, type GuardResult, passThrough, type RunOptions, runGated } from './gated-run.js';
import { SourceReader } from './sources.js';

export type { GuardResult } from './gated-run.js';

export interface GuardOptions extends RunOptions {
  /** How the user's pip is started: `['/venv/bin/pip']`, `['/venv/bin/python', '-m', 'pip']`. */
  readonly pip: readonly string[];
  /**
   * Names everything an earlier verdict depended on (model, policy). pip takes a wheel it built before without asking
   * for the sdist again, so such wheels are kept apart by it, and not at all without it. Asked for only by a command that
   * installs.
   */
  readonly cacheIdentity?: () => Promise<string | undefined>;
}

/** @throws KnownError when pip cannot be asked or started; nothing is installed then. */
export async function guardPip(options: GuardOptions): Promise<GuardResult> {
  const { pip, argv, cwd, env } = options;
  const args = parsePipArguments(argv);
  // A line that pip refuses anyway: put nothing behind the option that waits for its value.
  if (!args.guarded || args.missingValue !== undefined) return passThrough([...pip, ...argv], options);
  const settings = await readSettings(options, args);
  const sources = new SourceReader(cwd, env);
  sources.readCommand(args, settings);
  const wheels = await builtWheels(options, settings);
  const at = args.insertAt;
  return runGated(options, {
    sources,
    upstream: {
      caFiles: authorityFiles(settings.cert, env),
      timeoutMs: settings.timeoutMs,
      ...(settings.clientCert === undefined ? {} : { clientCert: settings.clientCert }),
      ...(settings.proxy === undefined ? {} : { proxy: settings.proxy }),
    },
    // These stand behind the user's, and so win over them; `--isolated` would pass over the environment's.
    command: ({ authority, proxy }) => [
      ...pip,
      ...argv.slice(0, at),
      '--cert',
      authority,
      '--timeout',
      GATE_PATIENCE_S,
      ...(wheels === undefined ? ['--no-cache-dir'] : ['--cache-dir', wheels]),
      // Others on the machine can read a command line, so the proxy's secret stands there only when it must.
      ...(args.options.has('proxy') || args.options.has('isolated') ? ['--proxy', proxy] : []),
      ...argv.slice(at),
    ],
    env: () => (wheels === undefined ? { PIP_NO_CACHE_DIR: '1' } : { PIP_CACHE_DIR: wheels }),
  });
}

async function builtWheels(
  { cacheFolder, cacheIdentity }: GuardOptions,
  settings: PipSettings,
): Promise<string | undefined> {
  if (settings.noCache || cacheFolder === undefined) return undefined;
  const identity = await cacheIdentity?.();
  return identity === undefined ? undefined : join(cacheFolder, 'wheels', identity);
}

/** The bundles the user trusts, in the order pip and requests look; the system's own comes last. */
export function authorityFiles(cert: string | undefined, env: NodeJS.ProcessEnv): string[] {
  const named = [cert, env.REQUESTS_CA_BUNDLE, env.CURL_CA_BUNDLE, env.SSL_CERT_FILE].filter(
    (file): file is string => file !== undefined && file !== '',
  );
  const system = [
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/cert.pem',
  ];
  return [...new Set([...named, ...system.filter((file) => existsSync(file)).slice(0, 1)])];
}

/** Asks pip itself: what it reads from which file differs by version and platform. */
async function readSettings({ pip, cwd, env }: GuardOptions, args: PipArguments): Promise<PipSettings> {
  const [program = '', ...before] = pip;
  const words = [...before, 'config', 'list', ...(args.options.has('isolated') ? ['--isolated'] : [])];
  const listing = await new Promise<string>((resolve, reject) => {
    execFile(program, words, { cwd, env, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const why = stderr.trim().split('\n').at(-1) || error.message;
      reject(
        new KnownError(
          'pip-config',
          `cannot ask ${[program, ...before].join(' ')} for its settings: ${why}; see that it runs by itself`,
        ),
      );
    });
  });
  return pipSettings(listing, args.command ?? '', args.options);
}
