/** Redis and PostgreSQL as Debian has them, each started by the test in a folder of its own, on a free port of this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresDatabase } from '../../lib/watch/postgres.js';

/** Leaves out tests that need these servers where they cannot run, and says why. */
export function needServers(test: Mocha.Context): void {
  const missing = missingServers();
  if (missing === undefined) return;
  console.log(`      skipped: ${missing}`);
  test.skip();
}

function missingServers(): string | undefined {
  if (redisCommand() === undefined) return 'no redis-server or valkey-server (Debian: redis-server)';
  if (postgresFolder() === undefined) return 'no PostgreSQL server (Debian: postgresql)';
  if (account() === undefined)
    return 'PostgreSQL does not run as root and there is no user postgres or nobody';
  return undefined;
}

const found = (command: string, folders: readonly string[]): string | undefined =>
  folders.find((folder) => existsSync(join(folder, command)));

const path = (): string[] => [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin'];

const redisCommand = (): string | undefined =>
  ['redis-server', 'valkey-server'].find((command) => found(command, path()) !== undefined);

function postgresFolder(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : [];
  return found('initdb', [...versions.reverse(), ...path()]);
}

/** Whom PostgreSQL runs as: root is refused by it. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return { uid: process.getuid!(), gid: process.getgid!() };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((what) => spawnSync('id', [what, name], { encoding: 'utf8' }).stdout);
    if (uid?.trim() && gid?.trim()) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await sleep(50);
  }
}

abstract class Server {
  protected port = 0;
  private child: ChildProcess | undefined;
  protected readonly folder = mkdtempSync(join(tmpdir(), 'safe-install-server-'));

  protected abstract command(): [string, string[], { uid?: number; gid?: number }];

  async start(): Promise<this> {
    this.port ||= await freePort();
    const [command, argv, options] = this.command();
    this.child = spawn(command, argv, { ...options, stdio: 'ignore', cwd: this.folder });
    await reachable(this.port);
    return this;
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.child!, 'exit');
    this.child!.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    if (this.child?.exitCode === null && this.child.signalCode === null) await this.stop('SIGINT');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Keeps nothing on disk: whoever stops it loses all it has. */
export class RedisServer extends Server {
  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  protected command(): [string, string[], object] {
    const argv = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    return [redisCommand()!, [...argv, '--dir', this.folder, '--maxmemory-policy', 'noeviction'], {}];
  }
}

export class PostgresServer extends Server {
  private made = false;

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** It listens before it answers, also after a restart: waited for. */
  async open(): Promise<PostgresDatabase> {
    for (;;) {
      try {
        return await PostgresDatabase.open(this.url, { patienceMs: 30_000 });
      } catch (error) {
        if (!/starting up|ECONNREFUSED|terminated/.test((error as Error).message)) throw error;
        await sleep(50);
      }
    }
  }

  override async start(): Promise<this> {
    if (!this.made) {
      const { uid, gid } = account()!;
      chownSync(this.folder, uid, gid);
      const argv = ['-D', this.data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8'];
      const { status, stderr } = spawnSync(join(postgresFolder()!, 'initdb'), argv, {
        ...{ uid, gid, cwd: this.folder, encoding: 'utf8' },
      });
      if (status !== 0) throw new Error(`initdb: ${stderr}`);
      this.made = true;
    }
    return super.start();
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  protected command(): [string, string[], { uid?: number; gid?: number }] {
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
    return [
      join(postgresFolder()!, 'postgres'),
      ['-D', this.data, '-p', String(this.port), ...settings.flatMap((setting) => ['-c', setting])],
      account()!,
    ];
  }
}
