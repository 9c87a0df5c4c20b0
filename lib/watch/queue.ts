/** Who works on which job when. The store keeps the jobs themselves: a queue that is lost is filled from it again. */
import type { Job, JobKind, WatchStore } from './store.js';

/** What became of a job: over, or to be tried again at this time (milliseconds since 1970). */
export type Outcome = 'over' | { readonly retryAt: number };

export interface Work {
  /** Jobs of each kind at a time. */
  readonly slots: Readonly<Record<JobKind, number>>;
  readonly handle: (job: Job) => Promise<Outcome>;
  /** Asked when there is nothing to do: nothing will come any more. */
  readonly finished: () => Promise<boolean>;
}

export interface JobQueue {
  /** Has every job of the store handled that is due, until it is stopped or all is finished. Rejects when `handle` does. */
  work(work: Work): Promise<void>;
  /** Something was put into the store. */
  ring(): void;
  /** Hands out nothing more; `work` resolves when what is under way has ended. */
  stop(): void;
}

export interface QueueOptions {
  readonly store: WatchStore;
  /** Names this process in the store. */
  readonly owner: string;
  /** How long a job is another's when its process says nothing, milliseconds. */
  readonly leaseMs: number;
}

/** How long an idle queue sleeps before it looks at what other processes have put into the store. */
const LOOK_MS = 1000;

/** Sleeps that something can end early. */
export class Rest {
  private readonly sleepers = new Set<() => void>();
  private ended = false;

  for(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const rise = (): void => {
        clearTimeout(timer);
        this.sleepers.delete(rise);
        resolve();
      };
      const timer = setTimeout(rise, ms);
      this.sleepers.add(rise);
      if (this.ended) rise();
    });
  }

  wake(): void {
    for (const rise of [...this.sleepers]) rise();
  }

  /** Nobody sleeps any more. */
  end(): void {
    this.ended = true;
    this.wake();
  }
}

/** One machine: processes take their jobs from the store itself. */
export function embeddedQueue({ store, owner, leaseMs }: QueueOptions): JobQueue {
  const rest = new Rest();
  let stopped = false;
  const slot = async (kind: JobKind, { handle, finished }: Work): Promise<void> => {
    while (!stopped) {
      const now = Date.now();
      const job = await store.claim(kind, owner, now, leaseMs);
      if (job !== undefined) {
        await handle(job);
        rest.wake();
        continue;
      }
      if (await finished()) return;
      const due = (await store.nextDue(kind)) ?? Number.POSITIVE_INFINITY;
      await rest.for(Math.max(5, Math.min(LOOK_MS, due - now)));
    }
  };
  const stop = (): void => {
    stopped = true;
    rest.end();
  };
  return {
    work: async (work) => {
      let fault: unknown;
      // One fault ends all slots, and is thrown once all of them have ended.
      const guarded = (kind: JobKind): Promise<void> =>
        slot(kind, work).catch((error: unknown) => {
          fault ??= error;
          stop();
        });
      await Promise.all(
        (['package', 'artifact'] as const).flatMap((kind) =>
          Array.from({ length: work.slots[kind] }, () => guarded(kind)),
        ),
      );
      if (fault !== undefined) throw fault;
    },
    ring: () => rest.wake(),
    stop,
  };
}
