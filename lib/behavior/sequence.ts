/** artifact → behaviour sequence. The one entry of this folder. */
import type { BehaviorSequence, OpenedArtifact } from '../types.js';

/** Deterministic: the same artifact gives the same object, whatever else runs. Never throws on package content. */
export async function buildSequence(_artifact: OpenedArtifact): Promise<BehaviorSequence> {
  throw new Error('not built yet');
}
