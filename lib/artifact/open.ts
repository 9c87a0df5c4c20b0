/** Opens an archive in memory as the installer would lay it out on disk. */
import type { OpenedArtifact, ScanInput } from '../types.js';

/** Never throws on package content: what cannot be read in full has `unverified` set. */
export async function openArtifact(_input: ScanInput): Promise<OpenedArtifact> {
  throw new Error('not built yet');
}
