/**
 * Worker threads for `examine`. One artifact a thread at a time, so that a crash, a hang or running out of
 * memory costs that artifact and nothing else: the thread is replaced, the others go on. An artifact whose
 * thread died is tried once more in a fresh thread, so that what a neighbour left behind in memory cannot
 * decide; then it has failed.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { withoutTelemetry } from '../classifier/telemetry.js';
import { type ErrorCode, KnownError } from '../errors.js';
import type { ScanInput } from '../types.js';
import type { Examined, ExamineOptions } from './examine.js';
import { Watchdog, type Watched, watched } from './watchdog.js';

export interface Job {
  readonly id: number;
  readonly input: ScanInput;
  readonly options: ExamineOptions;
}

export type Answer =
  | { readonly id: number; readonly examined: Examined; readonly heapBytes?: number }
  | { readonly id: number; readonly known: { code: ErrorCode; message: string; exitCode: number } }
  | { readonly id: number; readonly failure: string };

/** How an artifact's thread ended without an answer. */
export class WorkerFailure extends Error {}

export interface PoolOptions {
  readonly threads?: number;
  /**
   * Last resort against a hang, in milliseconds of processor time; budgets of steps and bytes end an analysis long
   * before.
   */
  readonly watchdogMs?: number;
  /** Seconds in which nothing at all happens, before what is waited for is given up; for tests. */
  readonly stillSeconds?: number;
  /** JavaScript heap of a thread, MiB. */
  readonly heapMb?: number;
  /** Module the threads run; for tests. */
  readonly module?: URL;
}

interface Task {
  readonly job: Job;
  readonly resolve: (examined: Examined) => void;
  readonly reject: (error: Error) => void;
  attempts: number;
}

interface Thread {
  readonly worker: Worker;
  task: Task | undefined;
  /** Whether its task was taken from the large end of the queue. */
  largest: boolean;
  watched: Watched | undefined;
  done: number;
  ended: boolean;
}

const WATCHDOG_MS = 300_000;
const WATCHDOG_MS_PER_MB = 10_000;
const HEAP_MB = 2048;
/** The same stack everywhere: how deep a parser gets before it gives up must not depend on the machine. */
export const STACK_MB = 16;
/**
 * What must wait for every thread there is before another is started: reading less than this takes a thread no longer
 * than loading the parsers and the model into a new one.
 */
const WORTH_A_THREAD = { tasks: 4, bytes: 100_000 };
/** A thread is replaced after so many artifacts: what libraries keep must not grow without end. */
const JOBS_PER_THREAD = 1000;
/** And when its heap is still larger than this after its garbage was collected: something keeps it. */
const KEPT_HEAP_BYTES = 256 * 1024 * 1024;

export class Pool {
  private readonly threads = new Set<Thread>();
  private readonly queue: Task[] = [];
  private readonly size: number;
  private readonly watchdog: Watchdog;
  private nextId = 1;
  private closed = false;

  constructor(private readonly options: PoolOptions = {}) {
    this.size = Math.max(1, options.threads ?? Math.min(availableParallelism(), 8));
    this.watchdog = new Watchdog(options.stillSeconds);
  }

  /** Rejects with `KnownError` when the scanner itself cannot work, `WorkerFailure` when this artifact broke it. */
  run(input: ScanInput, options: ExamineOptions): Promise<Examined> {
    if (this.closed) return Promise.reject(new Error('the scanner is closed'));
    return new Promise((resolve, reject) => {
      const job = { id: this.nextId++, input, options };
      this.queue.push({ job, resolve, reject, attempts: 0 });
      this.pump();
    });
  }

  /** Ends all threads; artifacts still waiting are rejected. */
  async close(): Promise<void> {
    this.closed = true;
    const error = new Error('the scanner is closed');
    for (const task of this.queue.splice(0)) task.reject(error);
    const ending = [...this.threads].map((thread) => {
      thread.task?.reject(error);
      thread.task = undefined;
      return this.end(thread);
    });
    await Promise.all(ending);
  }

  private pump(): void {
    while (this.queue.length > 0 && !this.closed) {
      const idle = [...this.threads].find((thread) => thread.task === undefined && !thread.ended);
      const thread = idle ?? (this.wantsThread() ? this.start() : undefined);
      if (thread === undefined) return;
      const { task, largest } = this.takeNext();
      thread.largest = largest;
      this.give(thread, task);
    }
  }

  private wantsThread(): boolean {
    if (this.threads.size >= this.size) return false;
    if (this.threads.size === 0) return true;
    const bytes = this.queue.reduce((sum, { job }) => sum + sizeOf(job.input), 0);
    return this.queue.length >= WORTH_A_THREAD.tasks || bytes >= WORTH_A_THREAD.bytes;
  }

  /**
   * Half of the threads take the largest first, so that none of those comes last with nothing left for the others; the
   * rest begin with the smallest, so that not all the largest lie in memory together.
   */
  private takeNext(): { task: Task; largest: boolean } {
    const again = this.queue.findIndex(({ attempts }) => attempts > 0);
    if (again !== -1) return { task: this.queue.splice(again, 1)[0]!, largest: true };
    const atLargest = [...this.threads].filter(({ largest }) => largest).length;
    const largest = atLargest < Math.ceil(this.size / 2);
    let best = 0;
    const size = (at: number): number => sizeOf(this.queue[at]!.job.input);
    for (let at = 1; at < this.queue.length; at++) {
      if (largest ? size(at) > size(best) : size(at) < size(best)) best = at;
    }
    return { task: this.queue.splice(best, 1)[0]!, largest };
  }

  private start(): Thread {
    withoutTelemetry();
    const worker = new Worker(this.options.module ?? new URL('./worker.js', import.meta.url), {
      // What a library prints about a package must not reach the terminal, nor the user's NODE_OPTIONS the thread.
      stdout: true,
      stderr: true,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMb ?? HEAP_MB, stackSizeMb: STACK_MB },
    });
    worker.stdout.resume();
    worker.stderr.resume();
    const thread: Thread = {
      worker,
      task: undefined,
      largest: false,
      watched: undefined,
      done: 0,
      ended: false,
    };
    this.threads.add(thread);
    worker.on('message', (answer: Answer) => this.finish(thread, answer));
    worker.on('error', (error) => this.lose(thread, error.message));
    worker.on('exit', (code) => this.lose(thread, `exit ${code}`));
    return thread;
  }

  private give(thread: Thread, task: Task): void {
    thread.task = task;
    task.attempts++;
    thread.worker.ref();
    const megabytes = task.job.input.bytes.length / 1e6;
    const limit = (this.options.watchdogMs ?? WATCHDOG_MS) + megabytes * WATCHDOG_MS_PER_MB;
    thread.watched = watched(limit);
    this.watchdog.watch(thread.watched, () => this.lose(thread, 'watchdog', false));
    // Copied, not transferred: the caller serves or installs the very bytes, and a second attempt needs them.
    // One copy costs a thousandth of reading them.
    thread.worker.postMessage(task.job);
  }

  private finish(thread: Thread, answer: Answer): void {
    const task = thread.task;
    if (task === undefined || task.job.id !== answer.id) return;
    this.release(thread);
    if ('examined' in answer) task.resolve(answer.examined);
    else if ('known' in answer) {
      const { code, message, exitCode } = answer.known;
      task.reject(new KnownError(code, message, exitCode));
    } else task.reject(new WorkerFailure(answer.failure));
    const bloated = 'examined' in answer && (answer.heapBytes ?? 0) > KEPT_HEAP_BYTES;
    if (bloated || thread.done >= JOBS_PER_THREAD) void this.end(thread);
    this.pump();
  }

  private lose(thread: Thread, why: string, retry = true): void {
    const task = thread.task;
    this.release(thread);
    void this.end(thread);
    if (task !== undefined) {
      if (retry && task.attempts < 2 && !this.closed) this.queue.unshift(task);
      else task.reject(new WorkerFailure(why));
    }
    this.pump();
  }

  private release(thread: Thread): void {
    if (thread.watched !== undefined) this.watchdog.forget(thread.watched);
    thread.watched = undefined;
    thread.task = undefined;
    thread.largest = false;
    thread.done++;
    // An idle thread does not keep the process alive.
    thread.worker.unref();
  }

  private async end(thread: Thread): Promise<void> {
    this.threads.delete(thread);
    if (thread.watched !== undefined) this.watchdog.forget(thread.watched);
    if (thread.ended) return;
    thread.ended = true;
    await thread.worker.terminate();
  }
}

/** Bytes to be read: of the archive, or of a folder's files. */
function sizeOf({ bytes, files }: ScanInput): number {
  return files === undefined ? bytes.length : files.reduce((sum, file) => sum + file.bytes.length, 0);
}
