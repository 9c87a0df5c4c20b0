/** The scanner's worker without the model: what reading alone costs. */
import { parentPort } from 'node:worker_threads';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import type { Job } from '../../lib/scan/pool.js';

parentPort!.on('message', async ({ id, input, options }: Job) => {
  const artifact = await openArtifact(input, options.integrity);
  const sequence = await buildSequence(artifact);
  const unverified = artifact.unverified ?? sequence.incomplete;
  const { ecosystem, name, version, integrity, findings } = artifact;
  parentPort!.postMessage({
    id,
    examined: {
      ecosystem,
      name,
      version,
      integrity,
      findings,
      opaqueFiles: sequence.stats.opaqueFiles,
      score: { value: 0, threshold: 1, evidence: [] },
      ...(unverified !== undefined && { unverified }),
      ...(options.sequence && { sequence }),
    },
  });
});
