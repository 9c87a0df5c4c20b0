/**
 * How much repetition is followed. Loops run pass by pass and functions walked again for other arguments are there to
 * see through disguised strings; ordinary code repeats itself as much and says nothing new by it. So repetition is
 * followed for a short while, and beyond that as long as it decodes something.
 */
import type { Value } from '../values.js';
import { LIMITS, type Machine } from './machine.js';

/** Whether repetition that took so many steps, and decoded so much in them, may go on. */
export function mayRepeat(
  m: Machine,
  spent: { readonly repeated: number; readonly decoded: number },
): boolean {
  if (spent.repeated <= spent.decoded * LIMITS.stepsPerDecoding) return true;
  return spent.repeated < LIMITS.repeatedSteps[Math.min(m.repeating, LIMITS.repeatedSteps.length - 1)]!;
}

/** Takes note of an operation on known values that gave a known text, bytes, or a number out of a text. */
export function noteDecoding(m: Machine, result: Value, from: Value | undefined): void {
  if (result.kind === 'bytes') m.decoded++;
  else if (result.kind === 'known') {
    if (typeof result.value === 'string') m.decoded++;
    else if (
      typeof result.value === 'number' &&
      (from?.kind === 'bytes' || (from?.kind === 'known' && typeof from.value === 'string'))
    )
      m.decoded++;
  }
}

/** Runs one pass of a loop after its first and charges the loop for it. */
export function laterPass<T>(m: Machine, loop: object, body: () => T): T {
  let spent = m.loops.get(loop);
  if (spent === undefined) {
    spent = { repeated: 0, decoded: 0 };
    m.loops.set(loop, spent);
  }
  const { steps, fresh, decoded } = m;
  m.repeating++;
  try {
    return body();
  } finally {
    m.repeating--;
    if (m.fresh === fresh) {
      spent.repeated += m.steps - steps;
      spent.decoded += m.decoded - decoded;
    }
  }
}

/** Whether the loop may be gone through once more. */
export function anotherPass(m: Machine, loop: object): boolean {
  const spent = m.loops.get(loop);
  return spent === undefined || mayRepeat(m, spent);
}
