/**
 * Work of library functions that go through all a value holds, and do not know the walk they are called in. The walk takes
 * what they counted after each operation and charges it (`Machine.looksAt`).
 */

/** Parts one operation may look at; with more, its result is not known. */
const MOST_PARTS = 1_000_000;
/** So many are looked at in less time than a step takes, and are not charged. */
const FREE_PARTS = 512;

/** Parts that may have been looked at and most likely were not, so many of one walk are not charged: some seconds. */
const POSSIBLE_PARTS = 1_000_000_000;
/** Beyond, one of so many is taken to have been looked at. */
const UNLIKELY = 8;

let charged = 0;
let possible = 0;

/** Counts the parts of values that one operation looks at. Each part is counted as often as it is met. */
export class Look {
  private parts = 0;

  /** False when the operation has looked at too much. `parts`: of a part that is dearer than a look, as many as it is worth. */
  more(parts = 1): boolean {
    this.parts += parts;
    return !this.over;
  }

  /** It has looked at too much: what it would find is not known. */
  get over(): boolean {
    return this.parts > MOST_PARTS;
  }

  /** To be called when the operation is over. */
  done(): void {
    noteLooked(this.parts);
  }
}

/** Counts so many parts looked at by one operation that knows beforehand, or afterwards, how many they are. */
export function noteLooked(parts: number): void {
  if (parts > FREE_PARTS) charged += parts;
}

/** Counts what one operation may at worst have looked at, when nobody can tell. Charged once a walk has done much of it. */
export function notePossible(parts: number): void {
  possible += parts;
  if (possible > POSSIBLE_PARTS) noteLooked(parts / UNLIKELY);
}

/** To be called where a walk begins: what another left over is not its work. */
export function forgetLooked(): void {
  charged = 0;
  possible = 0;
}

/** Parts to be charged since this was asked last. */
export function takeLooked(): number {
  const parts = charged;
  charged = 0;
  return parts;
}
