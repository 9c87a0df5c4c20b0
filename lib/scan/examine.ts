/** artifact → facts: what runs inside a worker. Everything that reads a package's content is below this call. */
import { installFacts } from '../artifact/install-facts.js';
import { openArtifact } from '../artifact/open.js';
import { buildSequence } from '../behavior/sequence.js';
import { classify } from '../classifier/classify.js';
import type { ScanInput } from '../types.js';
import type { Facts } from '../verdict/decide.js';

/** What a worker hands back; the rest of `Facts` is known outside. */
export type Examined = Omit<Facts, 'durationMs' | 'registry' | 'published' | 'newcomer' | 'firstPublished'>;

export interface ExamineOptions {
  /** Keeps the sequence, for reports that draw it. */
  readonly sequence: boolean;
  /** Scores from here on get evidence, also when under the model's threshold. */
  readonly explainFrom?: number;
  /** SHA-512 SRI of the bytes when already computed. */
  readonly integrity?: string;
}

/** Never throws on content. Throws `KnownError` when the model cannot be used. */
export async function examine(input: ScanInput, options: ExamineOptions): Promise<Examined> {
  const artifact = await openArtifact(input, options.integrity);
  const sequence = await buildSequence(artifact);
  // Nothing was read: the model would judge an empty package.
  const score =
    artifact.unverified !== undefined && artifact.files.size === 0
      ? undefined
      : await classify(sequence, options.explainFrom);
  const unverified = artifact.unverified ?? sequence.incomplete;
  return {
    ecosystem: artifact.ecosystem,
    name: artifact.name,
    version: artifact.version,
    integrity: artifact.integrity,
    findings: artifact.findings,
    opaqueFiles: sequence.stats.opaqueFiles,
    ...(artifact.ecosystem === 'npm' &&
      artifact.unverified === undefined && { installs: installFacts(artifact.files, artifact.manifest) }),
    ...(score !== undefined && { score }),
    ...(unverified !== undefined && { unverified }),
    ...(options.sequence && { sequence }),
  };
}
