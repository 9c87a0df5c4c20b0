/** The bundled model on the shapes of published attacks: none of them, nor anything like the hosts they name, is in its training data. */
import assert from 'node:assert/strict';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { type Classifier, openClassifier } from '../../lib/classifier/classify.js';
import type { Ecosystem } from '../../lib/types.js';
import { CAMPAIGNS_NPM } from '../fixtures/campaigns-npm.js';
import { CAMPAIGNS } from '../fixtures/campaigns-pypi.js';

interface Campaign {
  readonly ecosystem: Ecosystem;
  readonly kind: string;
  readonly filename: string;
  readonly files: Readonly<Record<string, string>>;
}

const ALL: readonly Campaign[] = [
  ...CAMPAIGNS_NPM.map(
    ({ kind, manifest, files }): Campaign => ({
      ecosystem: 'npm',
      kind,
      filename: 'a-1.0.0.tgz',
      files: { 'package.json': JSON.stringify({ name: 'a', version: '1.0.0', ...manifest }), ...files },
    }),
  ),
  ...CAMPAIGNS.map((campaign): Campaign => ({ ecosystem: 'pypi', ...campaign })),
];

/** Blocked only when their name is new to its registry, by the prior for such names. */
const ONLY_NEW: ReadonlySet<string> = new Set([
  'overwriting files by country',
  'code decrypted by another description',
  'hooks written into other packages',
  'workflow and git hook written',
  'client wrapped by layered code',
  'installs another package by pip',
  'credentials of the instance metadata',
  'files through a DNS tunnel',
  'build backend of its own',
  'editor extension dropped',
]);

/** Not blocked even then. */
const MISSED: ReadonlySet<string> = new Set([
  'crypto clipper at import',
  'secret keys sent in headers',
  'telegram bot sends .env at import',
  'pictures and archives of the disk posted to a bot',
  'keypair class patched',
  'eth account wrapped',
  'clipboard clipper',
  'pyarmor runtime',
  'keylogger that mails',
  'screen and camera over a socket',
]);

const logit = (p: number): number => Math.log(p / (1 - p));

describe('classifier/model on the shapes of published attacks', () => {
  let classifier: Classifier;
  before(async () => {
    classifier = await openClassifier();
  });
  after(() => classifier.model.close());

  for (const { ecosystem, kind, filename, files } of ALL) {
    const wanted = MISSED.has(kind)
      ? 'misses'
      : ONLY_NEW.has(kind)
        ? 'blocks, if its name is new,'
        : 'blocks';
    it(`${wanted} ${ecosystem}: ${kind}`, async () => {
      const entries = Object.entries(files).map(([path, text]) => ({
        path,
        bytes: Buffer.from(text),
        executable: false,
      }));
      const artifact = await openArtifact({ ecosystem, filename, bytes: new Uint8Array(), files: entries });
      const { value, threshold } = await classifier.score(await buildSequence(artifact));
      const asNew = logit(value) + classifier.model.config.newcomer!.logOdds[ecosystem] >= logit(threshold);
      const found = value >= threshold ? 'blocks' : asNew ? 'blocks, if its name is new,' : 'misses';
      assert.equal(found, wanted, `score ${value}`);
    });
  }
});
