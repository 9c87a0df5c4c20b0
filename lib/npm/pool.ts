/** Runs work as places come free: some at a time, and only while what is held in memory is under a bound. */
export class Lanes {
  private running = 0;
  private held = 0;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param most pieces of work under way at a time
   * @param mostHeld bytes that may be held before new work has to wait
   */
  constructor(
    private readonly most: number,
    private readonly mostHeld: number,
  ) {}

  /** `work` holds a place until it settles or gives it up with `release`. */
  async run<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    let inLine = false;
    while (!this.free) {
      await new Promise<void>((resolve) => {
        if (inLine) this.waiting.unshift(resolve);
        else this.waiting.push(resolve);
      });
      inLine = true;
    }
    this.running++;
    let inLane = true;
    let bytes = 0;
    const release = (): void => {
      if (inLane) this.running--;
      inLane = false;
      this.wake();
    };
    const hold = (count: number): void => {
      this.held += count - bytes;
      bytes = count;
      this.wake();
    };
    // There may be room for the next in line too.
    this.wake();
    try {
      return await work({ release, hold });
    } finally {
      hold(0);
      release();
    }
  }

  private get free(): boolean {
    return this.running < this.most && this.held < this.mostHeld;
  }

  private wake(): void {
    if (this.free) this.waiting.shift()?.();
  }
}

export interface Lane {
  /** Gives the place to others; what is held still counts. */
  release(): void;
  /** Says how many bytes the work holds in memory now. */
  hold(bytes: number): void;
}

/** Runs `work` on every item, at most `limit` at a time; the first failure stops what has not begun. */
export async function forEachLimit<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
