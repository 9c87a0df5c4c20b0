/**
 * One run of a Python installer behind the gate. Local archives are read before it starts, everything else before it
 * is handed out; the first archive that may not be used ends it, which is in time because every installer here
 * installs nothing until it has everything.
 */
import type { StdioOptions } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { LIMITS } from '../artifact/limits.js';
import { Child } from '../child.js';
import { EXIT } from '../errors.js';
import { FileStore } from '../gate/file-store.js';
import { type Judged, PypiGate } from '../gate/index-pypi.js';
import { type Gate, type GateHandler, openGate } from '../gate/proxy.js';
import { createUpstream, type Upstream, type UpstreamSettings } from '../gate/upstream.js';
import { judgeOwnScripts } from '../guard.js';
import { type OwnScripts, ownBuilds } from '../scan/own-scripts.js';
import type { Accept, Scan, UnverifiedReason, Verdict } from '../types.js';
import { Inspector } from './inspect.js';
import { Provenance } from './provenance.js';
import type { SourceReader } from './sources.js';
import { GitMirrors, GitProblem } from './vcs.js';

/** What every guarded installer is given. */
export interface RunOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  readonly scan: Scan;
  /** The policy's word on what cannot be read; without it nothing of that kind is accepted. */
  readonly accept?: Accept;
  /** The verdict on what builds a folder the user named; without it that is not looked at. */
  readonly judgeOwn?: (own: OwnScripts) => Promise<Verdict>;
  /** Where archives are kept between runs; nothing is kept without it. */
  readonly cacheFolder?: string;
}

export interface GuardResult {
  /** The installer's own, or one of EXIT. */
  readonly exitCode: number;
  /** Archives read, in the order they were asked for; the one refused is the last. */
  readonly results: readonly Judged[];
  /** Whether it ran as a guarded command at all. */
  readonly guarded: boolean;
  /** What else the user should know, one line each, not yet escaped. */
  readonly notes: readonly string[];
}

/** What a child needs to know to live behind the gate. */
export interface GateFacts {
  /** Address of the proxy, with its secret. */
  readonly proxy: string;
  /** PEM file with the only authority the child trusts. */
  readonly authority: string;
  /** Folder of this run alone, removed at its end. */
  readonly folder: string;
}

export interface RunPlan {
  readonly sources: SourceReader;
  readonly upstream: Omit<UpstreamSettings, 'env' | 'trustedHosts'>;
  /** The words that start the installer. */
  readonly command: (gate: GateFacts) => readonly string[];
  /** On top of what `gatedEnv` gives every installer. */
  readonly env: (gate: GateFacts) => NodeJS.ProcessEnv;
}

/** @throws KnownError when the installer cannot be started, or whatever the scanner failed with; nothing is installed then. */
export async function runGated(options: RunOptions, plan: RunPlan): Promise<GuardResult> {
  const run = new GatedRun(options, plan);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

/** Runs a command that installs nothing as it is. */
export async function passThrough(
  command: readonly string[],
  { cwd, env, stdio }: Pick<RunOptions, 'cwd' | 'env' | 'stdio'>,
): Promise<GuardResult> {
  const exitCode = await new Child({ command, cwd, env, stdio }).ended;
  return { exitCode, results: [], guarded: false, notes: [] };
}

class GatedRun {
  private readonly provenance = new Provenance();
  private readonly inspector: Inspector;
  private readonly gate: PypiGate;
  private readonly upstream: Upstream;
  private readonly store: FileStore | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'safe-install-pip-'));
  private readonly local: Judged[] = [];
  private readonly git: GitMirrors;
  private proxy: Gate | undefined;
  private child: Child | undefined;
  private failure: unknown;

  constructor(
    private readonly options: RunOptions,
    private readonly plan: RunPlan,
  ) {
    const { env, cacheFolder, scan } = options;
    this.git = new GitMirrors(this.folder, env);
    this.inspector = new Inspector({
      provenance: this.provenance,
      admit: (address) => this.gate.admit(address),
    });
    this.store = cacheFolder === undefined ? undefined : new FileStore(join(cacheFolder, 'archives'));
    const trustedHosts = (): readonly string[] => [...plan.sources.found.trustedHosts];
    this.upstream = createUpstream({ ...plan.upstream, env, trustedHosts });
    this.gate = new PypiGate({
      scan,
      upstream: this.upstream,
      store: this.store,
      waiting: new FileStore(join(this.folder, 'waiting'), 4 * LIMITS.compressedBytes),
      maxArchiveBytes: LIMITS.compressedBytes,
      ...(options.accept === undefined ? {} : { accept: options.accept }),
      inspect: (filename, bytes, url) =>
        this.inspector.archive(filename, bytes, this.gate.servedMetadata(url)),
      inspectMetadata: (bytes) => this.inspector.metadata(bytes),
      pathTo: (name) => this.provenance.pathTo(name),
      onText: (body, url) => this.readRemoteFile(body, url),
      onRefusal: () => this.child?.stop() ?? Promise.resolve(),
    });
  }

  async run(): Promise<GuardResult> {
    const { cwd, env, stdio } = this.options;
    this.takeSources();
    await this.readBuilds();
    if (this.refused()) return this.result(this.refusalCode());
    await this.readLocalArchives();
    await this.readRepositories();
    if (this.refused()) return this.result(this.refusalCode());
    this.proxy = await openGate(this.handle);
    const authority = join(this.folder, 'authority.pem');
    writeFileSync(authority, this.proxy.certificate);
    const facts: GateFacts = { proxy: this.proxy.proxy, authority, folder: this.folder };
    const child = new Child({
      command: this.plan.command(facts),
      cwd,
      env: { ...gatedEnv(env, facts), ...this.git.childEnv(env), ...this.plan.env(facts) },
      stdio,
    });
    this.child = child;
    const exitCode = await child.ended;
    if (this.failure !== undefined) throw this.failure;
    if (!this.refused()) return this.result(exitCode);
    // A progress bar that was cut off leaves the cursor hidden.
    if (process.stdout.isTTY && stdio === 'inherit') process.stderr.write('\x1b[?25h');
    return this.result(this.refusalCode());
  }

  async close(): Promise<void> {
    if (this.child?.running) await this.child.stop();
    await this.proxy?.close();
    this.gate.close();
    this.upstream.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    await this.store?.prune();
  }

  /** Anything unforeseen ends the installer: an archive that was not judged is not served. */
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
    const { found } = this.plan.sources;
    for (const address of found.addresses) this.gate.admit(address);
    for (const { from, requirement, toBuild } of found.requirements) {
      this.provenance.needs(from, requirement, toBuild);
    }
  }

  private readRemoteFile(body: Buffer, url: URL): void {
    const { sources } = this.plan;
    if (!sources.found.remoteFiles.has(url.href)) return;
    sources.readRemoteFile(body.toString('utf8'), url.href);
    this.takeSources();
  }

  private async readBuilds(): Promise<void> {
    if (this.options.judgeOwn === undefined) return;
    const builds = await ownBuilds([...this.plan.sources.found.folders]);
    this.local.push(...(await judgeOwnScripts(builds, this.options.judgeOwn)));
  }

  private async readLocalArchives(): Promise<void> {
    const { found } = this.plan.sources;
    for (const { target, from, reason } of found.unreadable) {
      this.local.push({ target, verdict: await this.unread(reason), path: [from, target] });
    }
    for (const [path, from] of found.archives) {
      try {
        await this.judge(path, from, basename(path), readFileSync(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
        const args = { file: path, why: (error as Error).message };
        const verdict = await this.unread({ code: 'not-fetched', args });
        this.local.push({ target: path, verdict, path: [from, path] });
      }
    }
  }

  private async readRepositories(): Promise<void> {
    for (const { reference, target, from } of this.plan.sources.found.git) {
      if (this.refused()) return;
      try {
        const { archives } = await this.git.read(reference);
        for (const bytes of archives) await this.judge(target, from, 'repository.tar.gz', bytes);
      } catch (error) {
        if (!(error instanceof GitProblem)) throw error;
        const args = { source: target, why: error.message };
        const verdict = await this.unread({ code: 'git-source', args });
        this.local.push({ target, verdict, path: [from, target] });
      }
    }
  }

  private async judge(target: string, from: string, filename: string, bytes: Buffer): Promise<void> {
    let verdict = await this.options.scan({ ecosystem: 'pypi', filename, bytes });
    if (verdict.verdict === 'allow') {
      const reason = await this.inspector.archive(filename, bytes, undefined);
      if (reason !== undefined)
        verdict = await this.accepted({ ...verdict, verdict: 'unverified', unverified: reason });
    }
    const shown = verdict.name === '' ? target : `${verdict.name}@${verdict.version}`;
    this.local.push({ target, verdict, path: [from, shown] });
  }

  private unread(reason: UnverifiedReason): Promise<Verdict> {
    return this.accepted(unread(reason));
  }

  private async accepted(verdict: Verdict): Promise<Verdict> {
    return (await this.options.accept?.(verdict)) ?? verdict;
  }

  private results(): Judged[] {
    return [...this.local, ...this.gate.results];
  }

  private refused(): boolean {
    return this.results().some(({ verdict }) => verdict.verdict !== 'allow');
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
}

/** Reaches the installer's own children too: pip installs what a build needs with a second pip that sees only this. */
function gatedEnv(env: NodeJS.ProcessEnv, { proxy, authority, folder }: GateFacts): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = { ...env };
  for (const name of Object.keys(child)) if (OVERRIDDEN.test(name)) delete child[name];
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy']) {
    child[name] = proxy;
    child[name.toUpperCase()] = proxy;
  }
  for (const name of ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE', 'PIP_CERT']) {
    child[name] = authority;
  }
  return {
    ...child,
    PIP_PROXY: proxy,
    PIP_TIMEOUT: GATE_PATIENCE_S,
    TMPDIR: folder,
    // The start-up hook of a guarded environment lets this pip and those it starts pass.
    SAFE_INSTALL_GUARDED_PIP: '1',
  };
}

/** Seconds the child waits for the gate; the user's own time-out holds between gate and index. */
export const GATE_PATIENCE_S = '86400';
const OVERRIDDEN =
  /^(?:no_proxy|(?:https?|all)_proxy|ssl_cert_dir|pip_(?:proxy|cert|timeout|default_timeout|cache_dir|no_cache_dir|no_proxy_env|client_cert)|safe_install_p(?:ip|ython))$/i;

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
