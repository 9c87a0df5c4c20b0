/**
 * `String(x)` of what is known. An integer of a hundred thousand digits takes milliseconds, and a loop that multiplies hands the
 * same few around: the last ones are kept.
 */
import { noteLooked } from './looks.js';
import type { Known } from './values.js';

const LARGE = 2n ** 512n;
const MOST = 16;
const decimals = new Map<bigint, string>();

/** Charges so many decimal digits made of an integer, or an integer of them: twice as many take nearly three times as long. */
export function chargeDigits(count: number): void {
  noteLooked(count ** 1.5 / 4);
}

export function plainText(value: Known['value']): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'bigint' || (value < LARGE && value > -LARGE)) return String(value);
  let text = decimals.get(value);
  if (text === undefined) {
    text = String(value);
    chargeDigits(text.length);
    if (decimals.size >= MOST) decimals.clear();
    decimals.set(value, text);
  }
  return text;
}
