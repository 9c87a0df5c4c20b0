/**
 * Many machines: BullMQ (Redis or Valkey) says who works on which job when, tries again with back-off, and gives the jobs
 * of a worker that died to another. A job there is only the number of one in the store; every process hands over what
 * the store has open, and BullMQ takes each number once. So Redis may lose everything it has.
 */
import type * as BullMq from 'bullmq';
import type { Redis } from 'ioredis';
import { KnownError } from '../errors.js';
import type { Log } from './log.js';
import { type JobQueue, type Outcome, type QueueOptions, Rest, type Work } from './queue.js';
import type { Job, JobKind } from './store.js';

export interface BullMqOptions extends QueueOptions {
  /** As `redis://user:password@host:6379/0`, or `rediss://`. */
  readonly address: string;
  readonly log: Log;
}

const KINDS: readonly JobKind[] = ['package', 'artifact'];
/** Jobs handed over at a time, and how many may wait there: a re-scan of everything stays in the store until its turn. */
const BATCH = 500;
const MOST_WAITING = 5000;
const LOOK_MS = 1000;
/** What is under way may take this long to come back when Redis does not answer. */
const LONGEST_CLOSE_MS = 5000;
/** The store decides which failure is the last. */
const ATTEMPTS = 1000;

/** BullMQ tries again after what this says. */
class Retry extends Error {
  constructor(readonly waitMs: number) {
    super(`tried again in ${Math.ceil(waitMs / 1000)} s`);
  }
}

/** Throws `KnownError` when the packages are missing or Redis does not answer. */
export async function bullMqQueue(options: BullMqOptions): Promise<JobQueue> {
  const { store, owner, leaseMs, log } = options;
  const { bullmq, connect } = await load(options);
  const connections: Redis[] = [];
  const connection = (): Redis => {
    const made = connect();
    connections.push(made);
    return made;
  };
  const first = connection();
  try {
    await first.connect();
  } catch (cause) {
    first.disconnect();
    const { host } = new URL(options.address);
    throw new KnownError(
      'queue',
      `cannot reach the queue ${host}: ${(cause as Error).message}; check --queue and the server`,
      undefined,
      {
        cause,
      },
    );
  }

  let away = false;
  const trouble = (error: Error): void => {
    if (!away)
      log('queue-away', 'warn', `the queue is away (${error.message}), waiting`, { why: error.message });
    away = true;
  };
  first.on('ready', () => {
    if (away) log('queue-back', 'info', 'the queue answers again');
    away = false;
  });
  first.on('error', trouble);

  const rest = new Rest();
  let stopped = false;
  let fault: unknown;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    rest.end();
    // Redis that is away must not keep a process that is to end: what waits for it fails.
    setTimeout(() => {
      for (const one of connections) one.disconnect();
    }, LONGEST_CLOSE_MS).unref();
  };
  const queues = new Map(
    KINDS.map((kind) => {
      const queue = new bullmq.Queue(`safe-install-${kind}`, { connection: first });
      queue.on('error', trouble);
      return [kind, queue] as const;
    }),
  );

  /** A new number each time a package is named or looked at again. */
  const numberOf = ({ id, wanted, looks }: Job): string => `${id}.${wanted}.${looks}`;

  const handOver = async (kind: JobKind, queue: BullMq.Queue): Promise<void> => {
    while (!stopped && (await queue.getWaitingCount()) < MOST_WAITING) {
      const now = Date.now();
      const jobs = await store.toHandOver(kind, now, BATCH);
      if (jobs.length === 0) return;
      await queue.addBulk(
        jobs.map((job) => ({
          name: kind,
          data: { id: job.id },
          opts: {
            jobId: numberOf(job),
            delay: Math.max(0, job.due - now),
            attempts: ATTEMPTS,
            backoff: { type: 'custom' },
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      );
      await store.handedOver(jobs, now, leaseMs);
    }
  };

  const worker = (kind: JobKind, concurrency: number, { handle }: Work): BullMq.Worker => {
    const processor = async (job: BullMq.Job<{ id: number }>, token?: string): Promise<void> => {
      if (!stopped) {
        const taken = await store.take(job.data.id, job.stalledCounter > 0, owner, Date.now(), leaseMs);
        if (taken === undefined) return;
        if ('retryAt' in taken) throw new Retry(taken.retryAt - Date.now());
        let outcome: Outcome;
        try {
          outcome = await handle(taken);
        } catch (error) {
          fault ??= error;
          stop();
          throw error;
        }
        rest.wake();
        if (!stopped) {
          if (outcome !== 'over') throw new Retry(Math.max(0, outcome.retryAt - Date.now()));
          return;
        }
      }
      // For another worker, as if it had never been begun here.
      await job.moveToWait(token);
      throw new bullmq.WaitingError();
    };
    const made = new bullmq.Worker(`safe-install-${kind}`, processor, {
      connection: connection(),
      concurrency,
      lockDuration: leaseMs / 4,
      stalledInterval: leaseMs / 4,
      // The store counts deaths, and sets aside with a reason.
      maxStalledCount: ATTEMPTS,
      settings: { backoffStrategy: (_, __, error) => (error instanceof Retry ? error.waitMs : 0) },
    });
    made.on('error', trouble);
    return made;
  };

  return {
    work: async (work) => {
      const workers = KINDS.filter((kind) => work.slots[kind] > 0).map((kind) =>
        worker(kind, work.slots[kind], work),
      );
      try {
        while (!stopped) {
          for (const [kind, queue] of queues) await handOver(kind, queue);
          if (stopped || (await work.finished())) break;
          await rest.for(LOOK_MS);
        }
      } catch (error) {
        if (!stopped) throw error;
      } finally {
        stop();
        const closing = Promise.all([...workers, ...queues.values()].map((one) => one.close()));
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise((resolve) => {
          timer = setTimeout(resolve, LONGEST_CLOSE_MS);
        });
        await Promise.race([closing.catch(() => {}), late]);
        clearTimeout(timer);
        for (const one of connections) one.disconnect();
      }
      if (fault !== undefined) throw fault;
    },
    ring: () => rest.wake(),
    stop,
  };
}

async function load({ address }: BullMqOptions): Promise<{ bullmq: typeof BullMq; connect: () => Redis }> {
  try {
    const [bullmq, { Redis: Client }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return {
      bullmq,
      connect: () => {
        // BullMQ's workers wait for Redis for as long as it takes.
        const client = new Client(address, { maxRetriesPerRequest: null, lazyConnect: true });
        client.on('error', () => {});
        return client;
      },
    };
  } catch (cause) {
    throw new KnownError(
      'no-queue',
      '--queue redis:// needs the packages bullmq and ioredis: npm install -g --ignore-scripts bullmq@6 ioredis@5',
      undefined,
      { cause },
    );
  }
}
