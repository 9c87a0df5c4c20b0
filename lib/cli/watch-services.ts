/** What `watch`, its subcommands and `worker` share: where things are kept, metrics, and an end on Ctrl-C or SIGTERM. */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { bullMqQueue } from '../watch/bullmq-queue.js';
import type { Client } from '../watch/client.js';
import type { Timing, WatchOptions } from '../watch/engine.js';
import type { Log } from '../watch/log.js';
import { type Loopback, listenLoopback } from '../watch/loopback.js';
import { renderMetrics } from '../watch/metrics.js';
import { PostgresDatabase } from '../watch/postgres.js';
import { embeddedQueue } from '../watch/queue.js';
import { SqliteDatabase } from '../watch/sqlite.js';
import { WatchStore } from '../watch/store.js';
import { usage } from './exit.js';

/** How long a database that restarts is waited for. */
const PATIENCE_MS = 10 * 60_000;

// Addresses carry passwords, which a command line shows to everybody on the machine.
export const STORE_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'Keep everything in postgres://… in place of a file (or SAFE_INSTALL_STORE)',
} as const;

/** Options of the commands that look up, fetch and read. */
export const READING_OPTIONS = {
  queue: {
    type: 'string',
    requiresArg: true,
    describe: 'Give the jobs to workers through redis://… (or SAFE_INSTALL_QUEUE)',
  },
  store: STORE_OPTION,
  threads: {
    type: 'string',
    requiresArg: true,
    describe: 'Threads that read (default: a core each, at most 8)',
  },
  rate: {
    type: 'string',
    requiresArg: true,
    default: '10',
    describe: 'Requests a second of this process to one host',
  },
  'retry-delay': {
    type: 'string',
    requiresArg: true,
    default: '5',
    describe: 'Seconds before a failed job is tried again; doubles',
  },
  lease: {
    type: 'string',
    requiresArg: true,
    default: '120',
    describe: 'Seconds after which others take over the jobs of a silent process',
  },
  metrics: {
    type: 'string',
    requiresArg: true,
    describe: 'Prometheus metrics on this port of 127.0.0.1, or of ADDRESS:PORT',
  },
  format: {
    choices: ['text', 'json'] as const,
    default: 'text' as const,
    describe: 'Form of the lines on stderr',
  },
} as const;

/** What the numbers among them say. Throws a usage error for one that is none, or out of its range. */
export function readingNumbers(parsed: {
  readonly rate: string;
  readonly 'retry-delay': string;
  readonly threads: string | undefined;
  readonly lease: string;
}): {
  readonly rate: number;
  readonly threads: number;
  readonly timing: Pick<Timing, 'retryMs' | 'leaseMs'>;
} {
  const rate = number(parsed.rate, '--rate', 0.01, 10_000);
  const retryMs = 1000 * number(parsed['retry-delay'], '--retry-delay', 0.01, 3600);
  const threads = number(parsed.threads ?? String(Math.min(availableParallelism(), 8)), '--threads', 1, 64);
  const leaseMs = 1000 * number(parsed.lease, '--lease', 1, 3600);
  return { rate, threads, timing: { retryMs, leaseMs } };
}

/** The file of this machine, or the database that the option or the environment names. `log`: of what runs for long. */
export async function openStore(option: string | undefined, log?: Log): Promise<WatchStore> {
  const address = storeAddress(option);
  if (address === undefined) return new WatchStore(await SqliteDatabase.open());
  return new WatchStore(
    await PostgresDatabase.open(address, {
      patienceMs: log === undefined ? 0 : PATIENCE_MS,
      ...(log !== undefined && { notice: (words) => log('store', 'warn', words) }),
    }),
  );
}

/** The queue of this machine, or the one that the option or the environment names; that one needs a shared store. */
export function queueOf(
  option: string | undefined,
  store: string | undefined,
  log: Log,
): WatchOptions['queue'] {
  const address = queueAddress(option);
  if (address === undefined) return embeddedQueue;
  if (storeAddress(store) === undefined)
    throw usage('--queue needs --store postgres://…, which all machines see');
  return (options) => bullMqQueue({ ...options, address, log });
}

export function queueAddress(option: string | undefined): string | undefined {
  return checked(
    option ?? process.env.SAFE_INSTALL_QUEUE,
    /^rediss?:$/,
    '--queue needs redis://… or rediss://…',
  );
}

export function storeAddress(option: string | undefined): string | undefined {
  return checked(
    option ?? process.env.SAFE_INSTALL_STORE,
    /^postgres(?:ql)?:$/,
    '--store needs postgres://…',
  );
}

function checked(address: string | undefined, protocol: RegExp, words: string): string | undefined {
  if (address === undefined || address === '') return undefined;
  if (!URL.canParse(address) || !protocol.test(new URL(address).protocol)) throw usage(words);
  return address;
}

/** `option` as PORT or ADDRESS:PORT. */
export async function serveMetrics(
  option: string,
  store: WatchStore,
  client: Client,
  log: Log,
): Promise<Loopback> {
  const [, address = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d+)$/.exec(option) ?? [];
  const server = await listenLoopback(
    number(port, '--metrics', 0, 65_535),
    async (request, response) => {
      const known = request.url === '/metrics';
      const body = known ? await renderMetrics(store, client, Date.now()) : 'nothing here: /metrics\n';
      response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(body);
    },
    address,
  );
  log('metrics', 'info', `metrics: http://${address}:${server.port}/metrics`, { port: server.port });
  return server;
}

/** Runs until it ends or the process is told to; a second signal ends it at once. */
export async function untilEnded(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await body(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

export async function sayEnd(store: WatchStore, log: Log): Promise<void> {
  const { artifact, package: packages } = await store.counts();
  const { block } = await store.verdicts();
  const aside = artifact.aside + packages.aside;
  const words = `${artifact.done} artifacts judged, ${block} flagged, ${artifact.queued} queued, ${aside} set aside`;
  log('ended', 'info', words, { artifacts: artifact, packages, flagged: block });
}

export function number(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw usage(`${option} needs a number from ${least} to ${most}`);
  return value;
}
