/** The shapes of published attacks on PyPI are read in full: nothing fails, and where code starts is told. */
import assert from 'node:assert/strict';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { CAMPAIGNS } from '../fixtures/campaigns-pypi.js';

describe('behavior/published attacks on PyPI', () => {
  for (const { kind, filename, files } of CAMPAIGNS) {
    it(`reads ${kind}`, async () => {
      const entries = Object.entries(files).map(([path, text]) => ({
        path,
        bytes: Buffer.from(text),
        executable: false,
      }));
      const artifact = await openArtifact({
        ecosystem: 'pypi',
        filename,
        bytes: new Uint8Array(),
        files: entries,
      });
      assert.equal(artifact.unverified, undefined);
      const { units, stats, incomplete } = await buildSequence(artifact, { strict: true });
      assert.equal(stats.parseFailures, 0);
      assert.equal(incomplete, undefined);
      const early = units.filter(({ phase }) => phase !== 'runtime');
      assert(early.some(({ behaviors }) => behaviors.length > 0));
    });
  }
});
