/**
 * `pip install`, `download`, `wheel` … of the user's own pip behind the gate. Local archives are read before pip
 * starts, everything else before it is handed out; the first that may not be used ends pip, which installs nothing
 * until it has everything.
 */
import { execFile, type StdioOptions } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { LIMITS } from '../artifact/limits.js';
import { EXIT, KnownError } from '../errors.js';
import { FileStore } from '../gate/file-store.js';
import { type Judged, PypiGate } from '../gate/index-pypi.js';
import { type Gate, type GateHandler, openGate } from '../gate/proxy.js';
import { createUpstream } from '../gate/upstream.js';
import type { Scan, UnverifiedReason, Verdict } from '../types.js';
import { type PipArguments, parsePipArguments } from './argv.js';
import { Child } from './child.js';
import { type PipSettings, pipSettings } from './config.js';
import { Inspector } from './inspect.js';
import { Provenance } from './provenance.js';
import { SourceReader } from './sources.js';

export interface GuardOptions {
  /** How the user's pip is started: `['/venv/bin/pip']`, `['/venv/bin/python', '-m', 'pip']`. */
  readonly pip: readonly string[];
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  readonly scan: Scan;
  /** Where archives and built wheels are kept between runs; nothing is kept without it. */
  readonly cacheFolder?: string;
  /**
   * Names everything an earlier verdict depended on (model, policy). pip takes a wheel it built before without asking
   * for the sdist again, so such wheels are kept apart by it, and not at all without it.
   */
  readonly cacheIdentity?: string;
}

export interface GuardResult {
  /** pip's own, or one of EXIT. */
  readonly exitCode: number;
  /** Archives read, in the order pip asked for them; the one refused is the last. */
  readonly results: readonly Judged[];
  /** Whether pip ran as a guarded command at all. */
  readonly guarded: boolean;
  /** What else the user should know, one line each, not yet escaped. */
  readonly notes: readonly string[];
}

/** @throws KnownError when pip cannot be asked or started; nothing is installed then. */
export async function guardPip(options: GuardOptions): Promise<GuardResult> {
  const args = parsePipArguments(options.argv);
  // A line that pip refuses anyway: put nothing behind the option that waits for its value.
  if (!args.guarded || args.missingValue !== undefined) return passThrough(options);
  const settings = await readSettings(options, args);
  const run = new GuardedRun(options, args, settings);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

async function passThrough({ pip, argv, cwd, env, stdio }: GuardOptions): Promise<GuardResult> {
  const exitCode = await new Child({ command: [...pip, ...argv], cwd, env, stdio }).ended;
  return { exitCode, results: [], guarded: false, notes: [] };
}

class GuardedRun {
  private readonly provenance = new Provenance();
  private readonly inspector: Inspector;
  private readonly sources: SourceReader;
  private readonly gate: PypiGate;
  private readonly upstream;
  private readonly store: FileStore | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'safe-install-pip-'));
  private readonly local: Judged[] = [];
  private proxy: Gate | undefined;
  private child: Child | undefined;
  private failure: unknown;

  constructor(
    private readonly options: GuardOptions,
    private readonly args: PipArguments,
    private readonly settings: PipSettings,
  ) {
    const { env, cwd, cacheFolder, scan } = options;
    this.inspector = new Inspector({
      provenance: this.provenance,
      admit: (address) => this.gate.admit(address),
    });
    this.sources = new SourceReader(cwd, env);
    this.sources.readCommand(args, settings);
    this.store = cacheFolder === undefined ? undefined : new FileStore(join(cacheFolder, 'archives'));
    this.upstream = createUpstream({
      caFiles: authorityFiles(settings, env),
      ...(settings.clientCert === undefined ? {} : { clientCert: settings.clientCert }),
      ...(settings.proxy === undefined ? {} : { proxy: settings.proxy }),
      env,
      trustedHosts: () => [...this.sources.found.trustedHosts],
      timeoutMs: settings.timeoutMs,
    });
    this.gate = new PypiGate({
      scan,
      upstream: this.upstream,
      store: this.store,
      maxArchiveBytes: LIMITS.compressedBytes,
      inspect: (filename, bytes, url) =>
        this.inspector.archive(filename, bytes, this.gate.servedMetadata(url)),
      inspectMetadata: (bytes) => this.inspector.metadata(bytes),
      pathTo: (name) => this.provenance.pathTo(name),
      onText: (body, url) => this.readRemoteFile(body, url),
      onRefusal: () => this.child?.stop() ?? Promise.resolve(),
    });
  }

  async run(): Promise<GuardResult> {
    const { pip, argv, cwd, env, stdio } = this.options;
    this.takeSources();
    await this.readLocalArchives();
    if (this.refusal() !== undefined) return this.result(this.refusalCode());
    this.proxy = await openGate(this.handle);
    const authority = join(this.folder, 'authority.pem');
    writeFileSync(authority, this.proxy.certificate);
    const at = this.args.insertAt;
    const child = new Child({
      command: [...pip, ...argv.slice(0, at), ...this.ownOptions(authority), ...argv.slice(at)],
      cwd,
      env: this.childEnv(env, authority),
      stdio,
    });
    this.child = child;
    const exitCode = await child.ended;
    if (this.failure !== undefined) throw this.failure;
    if (this.refusal() !== undefined) {
      // A progress bar that was cut off leaves the cursor hidden.
      if (process.stdout.isTTY && stdio === 'inherit') process.stderr.write('\x1b[?25h');
      return this.result(this.refusalCode());
    }
    return this.result(exitCode);
  }

  async close(): Promise<void> {
    if (this.child?.running) await this.child.stop();
    await this.proxy?.close();
    this.upstream.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    await this.store?.prune();
  }

  /** Anything unforeseen ends pip: an archive that was not judged is not served. */
  private readonly handle: GateHandler = async (request) => {
    try {
      return await this.gate.handle(request);
    } catch (error) {
      this.failure ??= error;
      await this.child?.stop();
      throw error;
    }
  };

  private takeSources(): void {
    const { found } = this.sources;
    for (const address of found.addresses) this.gate.admit(address);
    for (const { from, requirement, toBuild } of found.requirements)
      this.provenance.needs(from, requirement, toBuild);
  }

  private readRemoteFile(body: Buffer, url: URL): void {
    const { found } = this.sources;
    if (!found.remoteFiles.has(url.href)) return;
    this.sources.readRemoteFile(body.toString('utf8'), url.href);
    this.takeSources();
  }

  private async readLocalArchives(): Promise<void> {
    const { found } = this.sources;
    for (const { target, from, reason } of found.unreadable) {
      this.local.push({ target, verdict: unread(reason), path: [from, target] });
    }
    for (const [path, from] of found.archives) {
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        const reason: UnverifiedReason = {
          code: 'not-fetched',
          args: { file: path, why: (error as Error).message },
        };
        this.local.push({ target: path, verdict: unread(reason), path: [from, path] });
        continue;
      }
      const filename = basename(path);
      let verdict = await this.options.scan({ ecosystem: 'pypi', filename, bytes });
      if (verdict.verdict === 'allow') {
        const reason = await this.inspector.archive(filename, bytes, undefined);
        if (reason !== undefined) verdict = { ...verdict, verdict: 'unverified', unverified: reason };
      }
      this.local.push({
        target: path,
        verdict,
        path: [from, verdict.name === '' ? path : `${verdict.name}@${verdict.version}`],
      });
    }
  }

  private results(): Judged[] {
    return [...this.local, ...this.gate.results];
  }

  private refusal(): Judged | undefined {
    return this.results().find(({ verdict }) => verdict.verdict !== 'allow');
  }

  private refusalCode(): number {
    const blocked = this.results().some(({ verdict }) => verdict.verdict === 'block');
    return blocked ? EXIT.blocked : EXIT.unverified;
  }

  private result(exitCode: number): GuardResult {
    const notes = [
      ...(exitCode === 0 ? [] : [...this.gate.failures].map((failure) => `could not fetch from ${failure}`)),
      ...[...this.gate.deniedHosts].map(
        (host) => `denied network access to ${host}: neither you nor your index names it`,
      ),
    ];
    return { exitCode, results: this.results(), guarded: true, notes };
  }

  /** These stand behind the user's, and so win over them; `--isolated` would pass over the environment's. */
  private ownOptions(authority: string): string[] {
    const { options } = this.args;
    const wheels = this.builtWheels();
    const proxy = options.has('proxy') || options.has('isolated') ? ['--proxy', this.proxy!.proxy] : [];
    return [
      '--cert',
      authority,
      '--timeout',
      GATE_PATIENCE_S,
      ...(wheels === undefined ? ['--no-cache-dir'] : ['--cache-dir', wheels]),
      ...proxy,
    ];
  }

  private builtWheels(): string | undefined {
    const { cacheFolder, cacheIdentity } = this.options;
    if (this.settings.noCache || cacheFolder === undefined || cacheIdentity === undefined) return undefined;
    return join(cacheFolder, 'pip', cacheIdentity);
  }

  /** Reaches pip's own children too: it installs what a build needs with a second pip that sees only this. */
  private childEnv(env: NodeJS.ProcessEnv, authority: string): NodeJS.ProcessEnv {
    const { proxy: url } = this.proxy!;
    const wheels = this.builtWheels();
    const child: NodeJS.ProcessEnv = { ...env };
    for (const name of Object.keys(child)) if (OVERRIDDEN.test(name)) delete child[name];
    for (const name of [
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'ALL_PROXY',
      'http_proxy',
      'https_proxy',
      'all_proxy',
      'PIP_PROXY',
    ]) {
      child[name] = url;
    }
    for (const name of ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'])
      child[name] = authority;
    return {
      ...child,
      PIP_TIMEOUT: GATE_PATIENCE_S,
      ...(wheels === undefined ? { PIP_NO_CACHE_DIR: '1' } : { PIP_CACHE_DIR: wheels }),
      // git would go its own way past the gate.
      GIT_ALLOW_PROTOCOL: 'none',
      TMPDIR: this.folder,
      // The start-up hook of a guarded environment lets this pip and those it starts pass.
      SAFE_INSTALL_GUARDED_PIP: '1',
    };
  }
}

/** Seconds pip waits for the gate; the user's own time-out holds between gate and index. */
const GATE_PATIENCE_S = '86400';
const OVERRIDDEN =
  /^(?:no_proxy|(?:https?|all)_proxy|ssl_cert_dir|pip_(?:proxy|cert|timeout|default_timeout|cache_dir|no_cache_dir|no_proxy_env|client_cert)|safe_install_p(?:ip|ython))$/i;

/** The bundles pip's user trusts, in the order pip and requests look; the system's own when none is named. */
function authorityFiles(settings: PipSettings, env: NodeJS.ProcessEnv): string[] {
  const named = [settings.cert, env.REQUESTS_CA_BUNDLE, env.CURL_CA_BUNDLE, env.SSL_CERT_FILE].filter(
    (file): file is string => file !== undefined && file !== '',
  );
  const system = [
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/cert.pem',
  ];
  return [...new Set([...named, ...system.filter((file) => existsSync(file)).slice(0, 1)])];
}

async function readSettings({ pip, cwd, env }: GuardOptions, args: PipArguments): Promise<PipSettings> {
  const [program = '', ...before] = pip;
  const isolated = args.options.has('isolated') ? ['--isolated'] : [];
  const listing = await new Promise<string>((resolve, reject) => {
    execFile(
      program,
      [...before, 'config', 'list', ...isolated],
      { cwd, env, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const why = stderr.trim().split('\n').at(-1) || error.message;
        reject(
          new KnownError(
            'pip-config',
            `cannot ask ${[program, ...before].join(' ')} for its settings: ${why}`,
          ),
        );
      },
    );
  });
  return pipSettings(listing, args.command ?? '', args.options);
}

function unread(reason: UnverifiedReason): Verdict {
  return {
    ecosystem: 'pypi',
    name: '',
    version: '',
    integrity: '',
    verdict: 'unverified',
    findings: [],
    evidence: [],
    unverified: reason,
    opaqueFiles: 0,
    durationMs: 0,
  };
}
