/** Collects the behaviours of one unit: validates, shortens, collapses repetition. */
import type { Behavior, Phase, UnitKind } from '../../types.js';
import { isQualifier, MAX_REPEATS, taxonomyRow } from '../taxonomy.js';
import { UNKNOWN_PIECE } from '../values.js';

const DETAIL_LENGTH = 200;
/** The same behaviour at the same place counts this often in one unit (loops, helpers called again). */
const REPEATS_AT_PLACE = 2;
/** Behaviours of one unit; what is beyond is one `left-out` behaviour. */
const UNIT_LIMIT = 4000;

export class Recorder {
  readonly behaviors: Behavior[] = [];
  /** Counts every behaviour but the one for reading a name that was put together, kept or not: tells whether code does something. */
  acts = 0;
  readonly #places = new Map<string, number>();
  /** Sensitive constants seen and not yet passed to anything, by row. */
  #constants: { readonly index: number; readonly behavior: Behavior }[] = [];
  /** More behaviours came than are kept. */
  full = false;

  constructor(
    readonly kind: UnitKind,
    readonly phase: Phase,
    readonly origin: string,
  ) {}

  /** `inner`: the place inside decoded code, all of which stands at one place of the file. */
  emit(behavior: Behavior, inner = ''): void {
    // Disguised code does that all the time, the decoder of its strings as well.
    if (behavior.code !== 'hidden-string') this.acts++;
    const kept = this.#check(behavior);
    if (this.#constants.length > 0)
      this.#constants = this.#constants.filter((c) => c.behavior.code !== kept.code);
    this.#add(kept, inner);
  }

  /** A constant that names something sensitive: a behaviour of its own unless a call emits the same row. */
  constant(behavior: Behavior): void {
    if (this.behaviors.some((b) => b.code === behavior.code)) return;
    if (this.#constants.some((c) => c.behavior.code === behavior.code)) return;
    this.#constants.push({ index: this.behaviors.length, behavior: this.#check(behavior) });
  }

  /** The finished list, constants put where they stood. */
  finish(): readonly Behavior[] {
    for (const { index, behavior } of this.#constants.reverse()) this.behaviors.splice(index, 0, behavior);
    this.#constants = [];
    return this.behaviors;
  }

  #check(behavior: Behavior): Behavior {
    taxonomyRow(behavior.code);
    for (const word of behavior.qualifiers) {
      if (!isQualifier(word)) throw new Error(`no qualifier '${word}' (behaviour ${behavior.code})`);
    }
    const text = behavior.detail.replaceAll(UNKNOWN_PIECE, '…');
    const detail = text.length > DETAIL_LENGTH ? `${text.slice(0, DETAIL_LENGTH - 1)}…` : text;
    return { ...behavior, qualifiers: [...new Set(behavior.qualifiers)].sort(), detail };
  }

  #add(behavior: Behavior, inner: string): void {
    const same = sameWords(this.behaviors.at(-1), behavior);
    if (same && sameWords(this.behaviors.at(-MAX_REPEATS), behavior)) return;
    const place = `${behavior.code} ${behavior.file} ${behavior.line} ${behavior.column} ${inner} ${behavior.qualifiers.join()}`;
    const count = this.#places.get(place) ?? 0;
    if (count >= REPEATS_AT_PLACE) return;
    this.#places.set(place, count + 1);
    if (this.behaviors.length >= UNIT_LIMIT) {
      if (!this.full) this.behaviors.push({ ...behavior, code: 'left-out', qualifiers: [], detail: '' });
      this.full = true;
      return;
    }
    this.behaviors.push(behavior);
  }
}

function sameWords(a: Behavior | undefined, b: Behavior): boolean {
  return a !== undefined && a.code === b.code && a.qualifiers.join() === b.qualifiers.join();
}
