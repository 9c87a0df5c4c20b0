/**
 * How much repetition is followed. Loops run pass by pass and functions walked again for other arguments are there to
 * see through disguised strings; ordinary code repeats itself as much and says nothing new by it. So repetition is
 * followed for a short while, and beyond that as long as it decodes something.
 */
import { equalKnown } from '../joined-texts.js';
import { takeLooked } from '../looks.js';
import type { Value } from '../values.js';
import { LIMITS, type Machine } from './machine.js';

/** Whether repetition that took so many steps, and decoded so much in them, may go on. */
export function mayRepeat(
  m: Machine,
  spent: { readonly repeated: number; readonly decoded: number },
): boolean {
  if (spent.repeated <= spent.decoded * LIMITS.stepsPerDecoding) return true;
  const granted = m.idle < LIMITS.idleSteps ? LIMITS.repeatedSteps : LIMITS.repeatedWhenIdle;
  return spent.repeated < granted[Math.min(m.repeating, granted.length - 1)]!;
}

/** Charges repetition to the function or loop it belongs to, and to the artifact what of it decoded nothing. */
export function charge(
  m: Machine,
  spent: { repeated: number; decoded: number },
  steps: number,
  decoded: number,
): void {
  spent.repeated += steps;
  spent.decoded += decoded;
  if (m.repeating === 0) m.idle += Math.max(0, steps - decoded * LIMITS.stepsPerDecoding);
}

/**
 * Charges an operation on known values for its size, and takes note when it gave a known text, bytes, or a number out of a text.
 * A text not made before stands for all the work it took: an unpacker goes through hundreds of kilobytes to replace one word.
 */
export function noteComputed(m: Machine, result: Value, from: Value | undefined): void {
  const { steps } = m;
  chargeSize(m, result, from);
  if (result.kind === 'bytes') m.decoded++;
  else if (result.kind === 'known') {
    if (typeof result.value === 'string') {
      if (noteText(m, result.value)) m.decoded += (m.steps - steps) / LIMITS.stepsPerDecoding;
    } else if (typeof result.value === 'number') {
      if (from?.kind === 'bytes') m.decoded++;
      else if (from?.kind === 'known' && typeof from.value === 'string') noteNumber(m, from.value);
    }
  }
}

/** An element that is written, or made into text, takes as long as so many that are only looked at. */
const COPIED = 8;
/** Of characters and bytes so many are copied as fast as one element of a list is. */
const CHARACTERS_AN_ELEMENT = 64;

/**
 * Counts the work of writing a large result: `all = all + [x]` in a loop, or `data = data.replace(…)`, is otherwise
 * one step and copies all there is each time. Text put together by `+` copies nothing. A text made from a list or from
 * bytes also costs a look at each element.
 */
export function chargeSize(m: Machine, result: Value, from?: Value): void {
  m.looksAt(takeLooked());
  if (result.kind === 'list') m.looksAt(COPIED * result.items.length);
  else if (result.kind === 'bytes') m.looksAt(result.value.length / CHARACTERS_AN_ELEMENT);
  else if (result.kind === 'known' && typeof result.value === 'string') {
    m.looksAt(result.value.length / CHARACTERS_AN_ELEMENT);
    if (from?.kind === 'list') m.looksAt(COPIED * from.items.length);
    else if (from?.kind === 'bytes') m.looksAt(from.value.length);
  }
}

/** Texts longer than this are told apart by their length: hashing one that grows by a character would copy it each time. */
const COMPARED = 64;
const NOTED = 200_000;
/** Characters of long texts that are kept to tell them apart; beyond, those of one length count as one. */
const KEPT = 50_000_000;
/** Characters from which on a text is long. */
const LONG = 4096;

/** A text counts as decoded when it was not made before: honest code makes the same few again and again. */
export function noteText(m: Machine, text: string): boolean {
  const key = text.length <= COMPARED ? text : text.length;
  if (m.texts.size >= NOTED || m.texts.has(key)) return false;
  m.texts.add(key);
  m.decoded++;
  return true;
}

/** Answers of one artifact that count. */
const ANSWERS = 5000;

/**
 * A text for a question not asked before, or another text than the last time, is what a decoder gives: also one that
 * only looks up a table, which may be in rotation, so that none of its texts is new.
 */
export function noteAnswer(m: Machine, before: Value | undefined, after: Value): void {
  if (after.kind !== 'known' || typeof after.value !== 'string' || m.answers >= ANSWERS) return;
  if (before?.kind === 'known' && equalKnown(before, after)) return;
  m.answers++;
  m.decoded++;
}

/**
 * A text gives at most twice as many numbers as it has characters; more is reading the same again. The last text is
 * told by itself: looking up one of a megabyte that stands twice in the package compares it character by character. A loop that
 * makes a text longer asks for numbers out of a new one at every pass, and all of them would be kept.
 */
function noteNumber(m: Machine, text: string): void {
  if (m.numbersTaken.size >= NOTED) return;
  let source = m.numberSource;
  if (source?.text !== text) {
    const key = text.length < LONG || m.numbersKept + text.length <= KEPT ? text : text.length;
    source = m.numbersTaken.get(text) ?? m.numbersTaken.get(key);
    if (source === undefined) {
      source = { text, taken: 0 };
      m.numbersTaken.set(key, source);
      if (key === text && text.length >= LONG) m.numbersKept += text.length;
    }
    m.numberSource = source;
  }
  // The very object asked for last, so that the next comparison is one of addresses.
  source.text = text;
  if (source.taken >= 2 * text.length) return;
  source.taken++;
  m.decoded++;
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
      charge(m, spent, m.steps - steps, m.decoded - decoded);
    }
  }
}

/** Whether all that the loop repeated stands for decoding. */
export function decodes(m: Machine, loop: object): boolean {
  const spent = m.loops.get(loop);
  return spent !== undefined && spent.repeated <= spent.decoded * LIMITS.stepsPerDecoding;
}

/** Whether the loop may be gone through once more. */
export function anotherPass(m: Machine, loop: object): boolean {
  const spent = m.loops.get(loop);
  return spent === undefined || mayRepeat(m, spent);
}
