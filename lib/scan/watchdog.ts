/**
 * Last resort against a hang in code that counts no steps (a parser, a regular expression). It goes by processor time,
 * not by the clock: how busy the machine is must not change a verdict. Node tells processor time for the whole process
 * only, so it is shared out among the threads at work, each of which has one core at most.
 */

/** How often it looks, in milliseconds. */
const LOOK_MS = 1000;
/** Less of a core than this is standing still; even a process of the lowest priority gets more on a full machine. */
const STILL = 0.002;
/** Looks in a row at which everything stood still: nothing starves for so long, it waits for what will not come. */
const STILL_LOOKS = 600;

export interface Watched {
  /** Milliseconds of processor time it may use. */
  readonly limitMs: number;
  usedMs: number;
  stillLooks: number;
}

export const watched = (limitMs: number): Watched => ({ limitMs, usedMs: 0, stillLooks: 0 });

export class Watchdog {
  private timer: NodeJS.Timeout | undefined;
  private usage = process.cpuUsage();
  private at = performance.now();
  private readonly running = new Map<Watched, () => void>();

  constructor(private readonly stillLooks = STILL_LOOKS) {}

  /** Calls `end` once when the limit is passed, unless `forget` came before. */
  watch(one: Watched, end: () => void): void {
    this.running.set(one, end);
    if (this.timer !== undefined) return;
    this.usage = process.cpuUsage();
    this.at = performance.now();
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  forget(one: Watched): void {
    this.running.delete(one);
    if (this.running.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    const { user, system } = process.cpuUsage(this.usage);
    const clock = performance.now() - this.at;
    this.usage = process.cpuUsage();
    this.at = performance.now();
    const share = Math.min(clock, (user + system) / 1000 / this.running.size);
    for (const [one, end] of [...this.running]) {
      one.usedMs += share;
      one.stillLooks = share < clock * STILL ? one.stillLooks + 1 : 0;
      if (one.usedMs <= one.limitMs && one.stillLooks < this.stillLooks) continue;
      this.forget(one);
      end();
    }
  }
}
