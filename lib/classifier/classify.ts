/** behaviour sequence → score, with the bundled model. */
import type { BehaviorSequence, Score } from '../types.js';

/** Throws `ModelError` when the model cannot be loaded or its hash is wrong: the caller exits 102. */
export async function classify(_sequence: BehaviorSequence): Promise<Score> {
  throw new Error('not built yet');
}
