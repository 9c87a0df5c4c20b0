/**
 * What the runs of one guarded command share: the gate that reads every archive before it is handed out, a folder of
 * their own, and the environment that leads a manager and all it starts to the gate.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { rootCertificates } from 'node:tls';
import { LIMITS } from '../artifact/limits.js';
import { Child } from '../child.js';
import { type Gate, type GateHandler, type GateRequest, type GateResponse, openGate } from '../gate/proxy.js';
import { type JudgedTarball, ScanningRegistry, unreadNpm } from '../gate/registry-scan.js';
import { readTarballManifest } from '../npm/facts.js';
import type { UnverifiedReason } from '../types.js';
import type { ManagerOptions } from './guard.js';
import type { ManagerTool } from './tool.js';
import { createNpmUpstream } from './upstream.js';

/** Where a scanner inside the manager reports what it is going to install; never leaves the gate. */
export const REPORT_HOST = 'scanner.safe-install.invalid';

/** A run that ended before its time: refused, or failed by itself. */
export class Ended extends Error {
  constructor(readonly exitCode: number) {
    super('ended');
  }
}

export class Session {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'safe-install-'));
  readonly registry: ScanningRegistry;
  /** Answers what a scanner inside the manager reports. */
  onReport: ((body: Buffer) => Promise<GateResponse>) | undefined;
  /** Set when everything has been judged: what scripts fetch from hosts of their own is theirs. */
  judged = false;
  private readonly hosts = new Set<string>([REPORT_HOST]);
  private gate: Gate | undefined;
  private child: Child | undefined;
  private failure: unknown;

  private constructor(
    readonly options: ManagerOptions,
    readonly tool: ManagerTool,
    upstream: (request: GateRequest) => Promise<GateResponse>,
  ) {
    this.registry = new ScanningRegistry({
      scan: options.scan,
      upstream,
      inspect: needsPreparing,
      onRefusal: async () => {
        await this.child?.stop();
      },
      needsDates: options.needsDates ?? false,
      maxArchiveBytes: LIMITS.compressedBytes,
    });
  }

  static async open(options: ManagerOptions, tool: ManagerTool, cwd: string): Promise<Session> {
    const session = new Session(options, tool, await createNpmUpstream(cwd, options.env));
    try {
      session.gate = await openGate(session.handle, {
        tunnel: (host) => session.judged && !session.hosts.has(new URL(`https://${host}`).host),
      });
      const bundle = [session.gate.certificate, ...rootCertificates].join('\n');
      writeFileSync(path.join(session.folder, 'authorities.pem'), bundle, { mode: 0o600 });
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Settings of the gate, for every manager: each reads those it knows. */
  environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { env } = this.options;
    const { proxy } = this.gate!;
    const authorities = path.join(this.folder, 'authorities.pem');
    const settings: Record<string, string> = {
      https_proxy: proxy,
      http_proxy: proxy,
      npm_config_https_proxy: proxy,
      npm_config_proxy: proxy,
      npm_config_http_proxy: proxy,
      npm_config_noproxy: 'none.invalid',
      npm_config_cafile: authorities,
      pnpm_config_https_proxy: proxy,
      pnpm_config_http_proxy: proxy,
      pnpm_config_noproxy: 'none.invalid',
      pnpm_config_no_proxy: 'none.invalid',
      pnpm_config_cafile: authorities,
      NODE_EXTRA_CA_CERTS: authorities,
      // Git sources are refused: no program of this run may fetch one. Other uses of git go on.
      GIT_ALLOW_PROTOCOL: 'none',
      ...this.yarnSettings(proxy, authorities),
    };
    for (const [name, value] of Object.entries(extra)) if (value !== undefined) settings[name] = value;
    const names = new Set(
      [...Object.keys(settings), ...Object.keys(extra), 'no_proxy', 'all_proxy'].map((name) =>
        name.toLowerCase(),
      ),
    );
    const child: NodeJS.ProcessEnv = {};
    for (const [name, value] of Object.entries(env)) {
      if (!names.has(name.toLowerCase().replaceAll('-', '_'))) child[name] = value;
    }
    Object.assign(child, settings, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy });
    return child;
  }

  private yarnSettings(proxy: string, authorities: string): Record<string, string> {
    if (this.options.manager !== 'yarn') return {};
    return this.tool.version.startsWith('1.')
      ? {
          yarn_https_proxy: proxy,
          yarn_proxy: proxy,
          yarn_http_proxy: proxy,
          yarn_noproxy: 'none.invalid',
          yarn_cafile: authorities,
          yarn_yarn_offline_mirror: 'false',
        }
      : {
          YARN_HTTPS_PROXY: proxy,
          YARN_HTTP_PROXY: proxy,
          YARN_HTTPS_CA_FILE_PATH: authorities,
          YARN_ENABLE_TELEMETRY: '0',
        };
  }

  /**
   * Runs the manager behind the gate.
   * @param quiet its output is kept back, and shown only when it fails by itself
   * @throws Ended when it was refused an archive, or, if `quiet`, ended in an error of its own
   */
  async run(
    argv: readonly string[],
    { cwd, env = {}, quiet = false }: { cwd: string; env?: NodeJS.ProcessEnv; quiet?: boolean },
  ): Promise<number> {
    const child = new Child({
      command: [...this.tool.command, ...argv],
      cwd,
      env: this.environment(env),
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : this.options.stdio,
    });
    this.child = child;
    const exitCode = await child.ended;
    this.child = undefined;
    if (this.failure !== undefined) throw this.failure;
    if (this.registry.refused) throw new Ended(exitCode);
    if (quiet && exitCode !== 0) {
      const git = /transport '([^']+)' not allowed/.exec(child.output);
      if (git !== null) {
        this.registry.record(
          'a git source',
          unreadNpm({ code: 'git-source', args: { spec: 'a git source' } }),
        );
      } else process.stderr.write(child.output);
      throw new Ended(exitCode);
    }
    return exitCode;
  }

  /** Asks the manager for a setting; empty when it has none or cannot say. */
  async ask(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
    const child = new Child({
      command: [...this.tool.command, ...argv],
      cwd,
      env: this.environment(env),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return (await child.ended) === 0 ? child.output.trim() : '';
  }

  /** Reads an archive of this machine that the manager will take as it is. */
  async judgeFile(file: string, bytes: Buffer): Promise<void> {
    const verdict = await this.options.scan({ ecosystem: 'npm', filename: path.basename(file), bytes });
    this.registry.record(verdict.name === '' ? file : `${verdict.name}@${verdict.version}`, verdict);
  }

  get results(): readonly JudgedTarball[] {
    return this.registry.results;
  }

  async close(): Promise<void> {
    if (this.child?.running) await this.child.stop();
    await this.gate?.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Anything unforeseen ends the manager: an archive that was not judged is not served. */
  private readonly handle: GateHandler = async (request) => {
    try {
      if (request.url.host === REPORT_HOST) return await this.onReport!(request.body);
      this.hosts.add(request.url.host);
      return await this.registry.handle(request);
    } catch (error) {
      this.failure ??= error;
      await this.child?.stop();
      throw error;
    }
  };
}

/** Managers build what comes from elsewhere than a registry when it has these scripts, before everything is read. */
export async function needsPreparing(
  bytes: Buffer,
  { registry }: { readonly registry: boolean },
): Promise<UnverifiedReason | undefined> {
  if (registry) return undefined;
  const { manifest } = await readTarballManifest(bytes);
  const scripts = (manifest.scripts ?? {}) as Record<string, unknown>;
  const named = ['prepare', 'prepack', 'prepublish'].find((name) => typeof scripts[name] === 'string');
  return named === undefined
    ? undefined
    : { code: 'git-source', args: { spec: String(manifest.name ?? ''), why: `needs ${named}` } };
}
