/**
 * feeds → jobs → results. Feed readers move positions and make jobs in one transaction; a few slots look packages up, a
 * few more fetch artifacts and have the scanner read them. The database is the only memory: whatever ends here, another
 * process goes on from it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { integrityOf, integrityProblem } from '../artifact/integrity.js';
import { LIMITS } from '../artifact/limits.js';
import { KnownError } from '../errors.js';
import {
  behaviorWords,
  mainEvidence,
  PHASE_WORDS,
  scoreNumber,
  unverifiedWords,
} from '../report/messages.js';
import { readerOf, type Scanner } from '../scan.js';
import type { ScanInput, Verdict } from '../types.js';
import { type Client, Failure } from './client.js';
import type { Feed } from './feed.js';
import type { Log } from './log.js';
import { lookUp, lookUpEarlier } from './lookup.js';
import { type JobQueue, type Outcome, type QueueOptions, Rest } from './queue.js';
import { type Entry, type Job, LIVING, ownerName, type ResultKey, type WatchStore } from './store.js';

export interface WatchOptions {
  readonly store: WatchStore;
  readonly feeds: readonly Feed[];
  readonly client: Client;
  readonly queue: (options: QueueOptions) => JobQueue | Promise<JobQueue>;
  /** Must keep sequences. Without it feeds are followed and jobs handed over, and nothing is worked on. */
  readonly scanner?: Pick<Scanner, 'scan'> | undefined;
  readonly model: string;
  readonly taxonomy: string;
  readonly log: Log;
  /** Ends the watch: what is under way goes back into the queue. */
  readonly signal: AbortSignal;
  /** Ends when the feeds have nothing more and no job is open; `never`: also when all feeds have an end. */
  readonly once: boolean | 'never';
  readonly timing?: Partial<Timing>;
}

/** Milliseconds and counts; tests shorten them. */
export interface Timing {
  /** How long a job is another's when its process says nothing. */
  readonly leaseMs: number;
  /** Before a failed job is tried again; doubles each time. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
  /** Tries of what fails by itself, of what a registry in use has not (yet, or any more), of what the network or a server fails. */
  readonly tries: number;
  readonly goneTries: number;
  readonly passingTries: number;
  /** Tries of a feed by a watch that is to end. */
  readonly onceTries: number;
  /** A package is looked at again after these: caches before the registry may be some minutes behind its feed. */
  readonly lookAgainMs: readonly number[];
  /** Open jobs from which on feeds wait: they are all on disk, but lag says more when the feed has not run ahead. */
  readonly mostOpen: number;
}

const TIMING: Timing = {
  leaseMs: 120_000,
  retryMs: 5000,
  longestRetryMs: 3_600_000,
  tries: 4,
  goneTries: 7,
  passingTries: 12,
  onceTries: 6,
  lookAgainMs: [60_000, 330_000],
  mostOpen: 20_000,
};

const LOOKUP_SLOTS = 4;
/** Fetches overlap reading: a little more than what is read at a time. */
const ARTIFACT_SLOTS = Math.max(4, Math.min(16, availableParallelism() * 2));
/** How long a feed sleeps before it looks whether it has run ahead still. */
const LOOK_MS = 1000;
const MOST_ETAGS = 10_000;

/** Runs until the signal, or with `once` until nothing is left. Throws `KnownError` when the scanner itself cannot work. */
export async function watch(options: WatchOptions): Promise<void> {
  const { store, client, log, signal, feeds, scanner } = options;
  const timing = { ...TIMING, ...options.timing };
  const owner = ownerName(randomBytes(8).toString('hex'));
  LIVING.add(owner);
  const recovered = await store.recover(Date.now());
  if (recovered > 0)
    log('recovered', 'info', `${recovered} jobs of a process that ended are taken up again`, {
      jobs: recovered,
    });

  let ending = false;
  const rest = new Rest();
  const queue = await options.queue({ store, owner, leaseMs: timing.leaseMs });
  const stop = (): void => {
    ending = true;
    client.close();
    queue.stop();
    rest.end();
  };

  let fault: unknown;
  const renew = (): void => {
    store.renew(owner, Date.now() + timing.leaseMs).catch((error: unknown) => {
      fault ??= error;
      stop();
    });
  };
  const renewal = setInterval(renew, timing.leaseMs / 4);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });

  let reading = feeds.length;
  /** It has an end; otherwise caches before the registry may still be behind the feed. */
  const ends = options.once === true || (options.once === false && feeds.every(({ finite }) => finite));
  const etags = new Map<number, string>();

  const follow = async (feed: Feed): Promise<void> => {
    let strikes = 0;
    let said = '';
    while (!ending) {
      try {
        let at = await store.feed(feed.id);
        if (at === undefined) {
          const { position, floor } = await feed.begin();
          await store.startFeed(feed.id, position, floor);
          log('begins', 'info', `${feed.id}: begins at ${position}`, { feed: feed.id, position });
          at = (await store.feed(feed.id))!;
        }
        const page = await feed.read(at.position, at.floor);
        strikes = 0;
        const { position: to, entries, behind, notice } = page;
        if (notice !== undefined && notice !== said)
          log('notice', 'warn', `${feed.id}: ${notice}`, { feed: feed.id, notice });
        said = notice ?? '';
        // When another process was faster, its page counts.
        if (
          (await store.advance(feed.id, { from: at.position, to, entries, behind, notice }, Date.now())) &&
          entries.length > 0
        )
          queue.ring();
        if (page.caughtUp && (feed.finite || options.once === true)) return;
        if (page.caughtUp) await rest.for(feed.pollMs);
        while (!ending && (await store.open()) > timing.mostOpen) await rest.for(LOOK_MS);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (ending) return;
        if (options.once === true && strikes + 1 >= timing.onceTries)
          throw new KnownError(
            'feed',
            `${feed.id} cannot be read: ${error.message}; check the address and try again`,
            undefined,
            {
              cause: error,
            },
          );
        const wait = backOff(error, strikes++, timing);
        const words = `${feed.id}: ${error.message}; asked again in ${Math.ceil(wait / 1000)} s`;
        log('feed-failed', 'warn', words, { feed: feed.id, why: error.message, waitMs: wait });
        await rest.for(wait);
      }
    }
  };

  const lookAt = async (job: Job): Promise<Outcome> => {
    try {
      const { artifacts, etag } = await lookUp(job, client, etags.get(job.id));
      const fresh = await store.unknown(artifacts);
      const again = ends ? undefined : timing.lookAgainMs[job.looks];
      const now = Date.now();
      if (!(await store.finishPackage(job, fresh, now, again === undefined ? undefined : now + again)))
        return 'over';
      if (etags.size >= MOST_ETAGS) etags.clear();
      if (etag !== undefined) etags.set(job.id, etag);
      return 'over';
    } catch (error) {
      return failed(job, error);
    }
  };

  const readArtifact = async (job: Job): Promise<Outcome> => {
    try {
      const { body } = await client.get(job.url, { maxBytes: LIMITS.compressedBytes });
      const input: ScanInput = { ecosystem: job.ecosystem, filename: job.filename, bytes: body! };
      const integrity = integrityOf(input);
      if (
        job.promised !== '' &&
        integrityProblem({ ...input, expectedIntegrity: job.promised }, integrity) !== undefined
      )
        throw new Failure('final', 'its bytes are not those that were promised');
      const { model, taxonomy } = options;
      const key: ResultKey = {
        ecosystem: job.ecosystem,
        integrity,
        reader: readerOf(input),
        model,
        taxonomy,
      };
      if (await store.hasResult(key)) {
        await store.finishArtifact(job, key, undefined, Date.now());
        return 'over';
      }
      const verdict = await scanner!.scan(input);
      // A worker that died or hung says nothing of the bytes that would hold on another day.
      if (verdict.unverified?.code === 'scan-failed')
        throw new Failure('final', unverifiedWords(verdict.unverified));
      const sha256 = createHash('sha256').update(body!).digest('hex');
      const { fresh } = await store.finishArtifact(job, key, { verdict, sha256 }, Date.now());
      if (fresh && verdict.verdict === 'block') {
        tell(job, verdict);
        await queueEarlier(job);
      }
      return 'over';
    } catch (error) {
      return failed(job, error);
    }
  };

  /** The release before a flagged one is read too, to say what is new in this one. */
  const queueEarlier = async (job: Job): Promise<void> => {
    try {
      const earlier = await lookUpEarlier(job, client);
      if (earlier !== undefined) await store.queue(earlier, Date.now());
    } catch (error) {
      // Nothing is lost but a comparison.
      if (!(error instanceof Failure)) throw error;
    }
  };

  const tell = (job: Entry, verdict: Verdict): void => {
    const { ecosystem, name, version, filename, published } = job;
    const evidence = mainEvidence(verdict.evidence).map(({ behavior }) => behavior);
    const first = evidence[0];
    const why =
      first === undefined
        ? ''
        : `: ${PHASE_WORDS[first.phase]}, ${first.file}:${first.line} ${behaviorWords(first)}${evidence.length > 1 ? ` and ${evidence.length - 1} more` : ''}`;
    log(
      'finding',
      'finding',
      `finding ${ecosystem} ${name}@${version} (${filename}), score ${scoreNumber(verdict.score ?? 1)}${why}`,
      {
        ecosystem,
        name,
        version,
        filename,
        integrity: verdict.integrity,
        score: verdict.score,
        ...(published !== undefined && { published: new Date(published).toISOString() }),
        evidence: evidence.map(({ code, phase, file, line }) => ({ code, phase, file, line })),
      },
    );
  };

  const failed = async (job: Job, cause: unknown): Promise<Outcome> => {
    // What broke because everything ends is no failure of the job; `release` hands it back.
    if (ending) return 'over';
    // Without a scanner, a disk or a database nothing else would fare better.
    if (cause instanceof KnownError) throw cause;
    // A bug of ours that one release brings out must not keep all others from being judged.
    const error =
      cause instanceof Failure
        ? cause
        : new Failure('final', `a fault of safe-install: ${(cause as Error).message}`);
    const now = Date.now();
    const { passingTries, goneTries } = timing;
    const tries =
      error.kind === 'passing' ? passingTries : error.kind === 'gone' && !ends ? goneTries : timing.tries;
    if (job.failures + 1 < tries) {
      const retryAt = now + backOff(error, job.failures, timing);
      return (await store.postpone(job, retryAt, error.message)) ? { retryAt } : 'over';
    }
    if (!(await store.setAside(job, error.message, now))) return 'over';
    const { ecosystem, name, version, filename } = job;
    const what = `${ecosystem} ${name}${version === '' ? '' : `@${version}`}`;
    log('aside', 'warn', `set aside ${what}: ${error.message}`, {
      ecosystem,
      name,
      version,
      filename,
      reason: error.message,
    });
    return 'over';
  };

  // One fault of ours ends everything else too, and is thrown once all of it has ended.
  const guarded = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      fault ??= error;
      stop();
    });
  const slots = { package: LOOKUP_SLOTS, artifact: ARTIFACT_SLOTS };
  await Promise.all([
    ...feeds.map((feed) =>
      guarded(
        follow(feed).finally(() => {
          reading--;
          queue.ring();
        }),
      ),
    ),
    guarded(
      queue.work({
        slots: scanner === undefined ? { package: 0, artifact: 0 } : slots,
        handle: (job) => (job.kind === 'package' ? lookAt(job) : readArtifact(job)),
        finished: async () => ends && reading === 0 && (await store.open()) === 0,
      }),
    ),
  ]);
  clearInterval(renewal);
  signal.removeEventListener('abort', stop);
  LIVING.delete(owner);
  try {
    await store.release(owner);
  } catch (error) {
    fault ??= error;
  }
  if (fault !== undefined) throw fault;
}

function backOff(failure: Failure, strikes: number, { retryMs, longestRetryMs }: Timing): number {
  const own = Math.min(retryMs * 2 ** strikes, longestRetryMs);
  return Math.max(own, (failure.retryAt ?? 0) - Date.now());
}
