/**
 * Long texts that `+` put together. The engine keeps the two parts of such a text and copies both into one as soon as a single
 * character is asked for: code that makes a text longer, and looks at its end each time, copies megabytes at every step. What
 * is asked here is answered without.
 */
import { noteLooked } from './looks.js';
import { type Known, known, type Labels, type Value } from './values.js';

/** A known value that is a string. */
export type KnownText = Known & { readonly value: string };

/** The text is `head` and `end`, in one. */
interface Parts {
  readonly head: string;
  readonly end: string;
  /** Whether every character is one UTF-16 unit; undefined when nobody looked. */
  readonly isBasic: boolean | undefined;
  /** Of `head`; undefined when nobody looked. */
  readonly hash: number | undefined;
}

/** Characters from which on copying is worth avoiding. */
const LONG = 65_536;

// Strings, not the values they were parts of: those would hold on to all the texts a loop made on its way.
const partsOf = new WeakMap<Known, Parts>();

export const isKnownText = (value: Value): value is KnownText =>
  value.kind === 'known' && typeof value.value === 'string';

/** True when every character is one UTF-16 unit. */
export const isBasic = (value: string): boolean => !/[\ud800-\udfff]/.test(value);

const knownToBeBasic = (text: KnownText): boolean | undefined =>
  text.value.length < LONG ? isBasic(text.value) : partsOf.get(text)?.isBasic;

/** To be called where a text was made of these two. */
export function noteJoined(made: KnownText, left: KnownText, right: KnownText): void {
  if (made.value.length < LONG) return;
  const { head, end, hash } = partsOf.get(right) ?? { head: '', end: right.value, hash: 0 };
  const first = knownToBeBasic(left);
  partsOf.set(made, {
    head: left.value + head,
    end,
    isBasic: first === true ? knownToBeBasic(right) : first,
    hash: joinedHash(hashOf(left), hash, head.length),
  });
}

/** Characters that are looked through for those of two units in the time one part is looked at. */
const LOOKED_THROUGH_A_LOOK = 8;

/** Whether every character of the text is one UTF-16 unit. */
export function isBasicText(text: KnownText): boolean {
  const basic = knownToBeBasic(text);
  if (basic !== undefined) return basic;
  chargeReading(text);
  noteLooked(text.value.length / LOOKED_THROUGH_A_LOOK);
  const found = isBasic(text.value);
  partsOf.set(text, { ...(partsOf.get(text) ?? { head: '', end: text.value, hash: 0 }), isBasic: found });
  return found;
}

/** Characters at the end of a text: as many as it can give without being copied, all of a short one. */
export const endOf = (text: KnownText): string => partsOf.get(text)?.end ?? text.value;

/** The text without its last `count` characters; it has more. */
export function withoutEnd(text: KnownText, count: number): KnownText {
  const parts = partsOf.get(text);
  if (parts === undefined || parts.end.length < count)
    return known(text.value.slice(0, -count), text.labels) as KnownText;
  const end = parts.end.slice(0, parts.end.length - count);
  const made = known(parts.head + end, text.labels) as KnownText;
  // What was cut off may be all that was not basic.
  if (made.value.length >= LONG) partsOf.set(made, { ...parts, end, isBasic: parts.isBasic || undefined });
  return made;
}

/** Characters up to which a text is copied in no time. */
const SHORT = 2048;

/** Copying so many characters of such a text into one takes as long as looking at one part of a value. */
const COPIED_A_LOOK = 4;

// Texts put together of which no character was asked for yet.
const unread = new WeakSet<Known>();

/** To be called where a text was made that the engine keeps as the parts it was put together from. */
export function noteUnread<V extends Value>(made: V): V {
  if (isKnownText(made) && made.value.length > SHORT) unread.add(made);
  return made;
}

/**
 * To be called before anything asks for a character of the value, if it is a text: the first to ask pays for the copy. Reading
 * a text that stays as it is costs nothing, so that decoders of long texts are followed to their end.
 */
export function chargeReading(value: Value | undefined): void {
  if (value?.kind !== 'known' || typeof value.value !== 'string' || value.value.length <= SHORT) return;
  if (unread.delete(value)) noteLooked(value.value.length / COPIED_A_LOOK);
}

/** Texts of one length are compared character by character unless they are one object; so many take as long as one part. */
const COMPARED_A_LOOK = 64;

/** Whether two values are the same by JavaScript's `===`, charged for texts that are long. */
export function equalKnown(left: Known, right: Known): boolean {
  const a = left.value;
  const b = right.value;
  if (left !== right && typeof a === 'string' && typeof b === 'string' && a.length === b.length) {
    chargeReading(left);
    chargeReading(right);
    noteLooked(a.length / COMPARED_A_LOOK);
  }
  return a === b;
}

/** The same text with other labels. */
export function relabelled(text: KnownText, labels: Labels): KnownText {
  const made = known(text.value, labels) as KnownText;
  const parts = partsOf.get(text);
  if (parts !== undefined) partsOf.set(made, parts);
  if (unread.has(text)) unread.add(made);
  return made;
}

/** True when the texts are not the same for sure, as far as can be told without copying them. */
export function surelyDiffer(a: KnownText, b: KnownText): boolean {
  if (a.value.length !== b.value.length) return true;
  if (a.value.length < LONG) return false;
  const first = hashOf(a);
  const second = hashOf(b);
  return first !== undefined && second !== undefined && first !== second;
}

// The text as the digits of a number modulo 2^32, so that the hash of a text follows from those of its parts.
const BASE = 0x01000193;

function hashOf(text: KnownText): number | undefined {
  const parts = partsOf.get(text) ?? { head: '', end: text.value, hash: 0 };
  return parts.end.length < LONG ? joinedHash(parts.hash, digits(parts.end), parts.end.length) : undefined;
}

function digits(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Hash of two texts in one; `length`: of the second. */
function joinedHash(
  first: number | undefined,
  second: number | undefined,
  length: number,
): number | undefined {
  if (first === undefined || second === undefined) return undefined;
  let power = 1;
  for (let base = BASE, left = length; left > 0; left >>>= 1) {
    if (left & 1) power = Math.imul(power, base);
    base = Math.imul(base, base);
  }
  return (Math.imul(first, power) + second) | 0;
}
