/**
 * What operations on long texts cost, and searching that takes no longer than the texts are long. Work is given in parts of
 * `Look`, of which one takes some five nanoseconds; short texts cost nothing.
 */
import { noteLooked } from './looks.js';

/** Characters up to which a text costs nothing, however dear each is. */
const SHORT = 256;

/** Charges going through so many characters or bytes. `each`: parts that one of them costs. */
export function chargeCharacters(count: number, each: number): void {
  if (count > SHORT) noteLooked(count * each);
}

/** Parts a character costs a search: for one character the engine has an instruction. */
const FOR_ONE = 1 / 64;
const FOR_MORE = 1;

/** Parts that finding one piece and making a text of it costs. */
const A_PIECE = 8;
/** Parts of a match, with what replaces it. */
const A_MATCH = 20;

/** Charges an operation that found so many pieces of a text. `each`: what they are worth. */
export function chargePieces(count: number, each: 'piece' | 'match'): void {
  noteLooked(count * (each === 'match' ? A_MATCH : A_PIECE));
}

/** Words up to which the engine's own search is used: it may look at each character of the text as often as the word is long. */
const SHORT_WORD = 32;
/** The same for longer words in texts so short that it does not matter. */
const FEW_COMPARISONS = 65_536;

const searchedByEngine = (text: string, word: string): boolean =>
  word.length <= SHORT_WORD || word.length > text.length || word.length * text.length <= FEW_COMPARISONS;

/**
 * `indexOf` and `lastIndexOf`, charged by what was gone through. Repetitive words make the engine's search take as long as
 * the lengths of text and word multiplied, minutes for texts of a megabyte: long ones are searched for here.
 */
export function find(text: string, word: string, position: number | undefined, backwards: boolean): number {
  const { length } = text;
  let from = position === undefined || Number.isNaN(position) ? (backwards ? length : 0) : position;
  from = Math.min(length, Math.max(0, Math.trunc(from)));
  let at: number;
  if (searchedByEngine(text, word)) at = backwards ? text.lastIndexOf(word, from) : text.indexOf(word, from);
  else if (backwards) at = lastOccurrence(text.slice(0, from + word.length), word);
  else at = occurrences(text, word, from, 1)[0] ?? -1;
  const passed = backwards ? from - Math.max(at, 0) : (at < 0 ? length : at) - from;
  noteLooked(searchCost(passed, word));
  return at;
}

const searchCost = (passed: number, word: string): number =>
  word.length <= 1 ? passed * FOR_ONE : (passed + word.length) * FOR_MORE;

/**
 * Where the word stands in the text, left to right and apart from one another, `most` times, in time that does not multiply;
 * charged. The word is not empty.
 */
export function places(text: string, word: string, most: number): number[] {
  let found: number[];
  if (searchedByEngine(text, word)) {
    found = [];
    for (
      let at = text.indexOf(word);
      at >= 0 && found.length < most;
      at = text.indexOf(word, at + word.length)
    )
      found.push(at);
  } else found = occurrences(text, word, 0, most);
  noteLooked(searchCost(found.length < most ? text.length : (found.at(-1) ?? 0), word));
  chargePieces(found.length, 'piece');
  return found;
}

/** The pieces between what stands, `length` characters each, at these places. */
export function cutAt(text: string, cuts: readonly number[], length: number): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const at of cuts) {
    pieces.push(text.slice(end, at));
    end = at + length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

/** `text.split(word, most)` in time that does not multiply, charged. The word is not empty. */
export function splitBy(text: string, word: string, most: number): string[] {
  let pieces: string[];
  if (searchedByEngine(text, word)) pieces = text.split(word, most);
  else {
    pieces = cutAt(text, occurrences(text, word, 0, most), word.length);
    if (pieces.length > most) pieces.pop();
  }
  noteLooked(searchCost(text.length, word));
  chargePieces(pieces.length, 'piece');
  return pieces;
}

/** `text.replace(word, …)` or `replaceAll` in time that does not multiply; the search is charged. */
export function replaceWord(
  text: string,
  word: string,
  all: boolean,
  by: (found: string, at: number, text: string) => string,
): string {
  if (searchedByEngine(text, word)) {
    let first = -1;
    const note = (found: string, at: number): string => {
      if (first < 0) first = at;
      return by(found, at, text);
    };
    const made = all ? text.replaceAll(word, note) : text.replace(word, note);
    noteLooked(searchCost(all || first < 0 ? text.length : first, word));
    return made;
  }
  const made: string[] = [];
  let end = 0;
  for (const at of occurrences(text, word, 0, all ? text.length : 1)) {
    made.push(text.slice(end, at), by(word, at, text));
    end = at + word.length;
  }
  noteLooked(searchCost(made.length === 0 || all ? text.length : end, word));
  made.push(text.slice(end));
  return made.join('');
}

/** Where the word stands, left to right and apart from one another, `most` times. Knuth, Morris and Pratt's search. */
function occurrences(text: string, word: string, from: number, most: number): number[] {
  const found: number[] = [];
  if (most <= 0) return found;
  const { length } = word;
  const again = overlaps(length, (i) => word.charCodeAt(i));
  let matched = 0;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    while (matched > 0 && word.charCodeAt(matched) !== c) matched = again[matched - 1]!;
    if (word.charCodeAt(matched) === c) matched++;
    if (matched === length) {
      found.push(i - length + 1);
      if (found.length === most) break;
      matched = 0;
    }
  }
  return found;
}

/** The same from the end, once. */
function lastOccurrence(text: string, word: string): number {
  const { length } = word;
  const again = overlaps(length, (i) => word.charCodeAt(length - 1 - i));
  let matched = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const c = text.charCodeAt(i);
    while (matched > 0 && word.charCodeAt(length - 1 - matched) !== c) matched = again[matched - 1]!;
    if (word.charCodeAt(length - 1 - matched) === c) matched++;
    if (matched === length) return i;
  }
  return -1;
}

/** For each beginning of a word how much of its own beginning it ends with. */
function overlaps(length: number, at: (i: number) => number): Int32Array {
  const again = new Int32Array(length);
  let matched = 0;
  for (let i = 1; i < length; i++) {
    while (matched > 0 && at(i) !== at(matched)) matched = again[matched - 1]!;
    if (at(i) === at(matched)) matched++;
    again[i] = matched;
  }
  return again;
}
