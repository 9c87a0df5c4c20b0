/**
 * What was worked out of a value by going through all it holds, for as long as no list or dict changes: code without end hands
 * the same few large values around.
 */
import { changesSoFar } from '../values.js';

/** Parts looked at from which on the answer is kept. */
export const WORTH_KEEPING = 24;
const MOST = 2000;

const all: Kept<unknown>[] = [];

export class Kept<T> {
  readonly #answers = new Map<object, T>();
  #at = 0;

  constructor() {
    all.push(this);
  }

  get(value: object): T | undefined {
    return this.#answers.size > 0 && this.#at === changesSoFar() ? this.#answers.get(value) : undefined;
  }

  set(value: object, answer: T): void {
    const now = changesSoFar();
    if (this.#at !== now || this.#answers.size >= MOST) this.#answers.clear();
    this.#at = now;
    this.#answers.set(value, answer);
  }

  clear(): void {
    this.#answers.clear();
  }
}

/** To be called when a walk is over: what is kept holds on to all the walk made. */
export function forgetKept(): void {
  for (const kept of all) kept.clear();
}
