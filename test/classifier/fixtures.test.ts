/** The bundled model on small packages: apart from their honest twins, explained, and tied to its files. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { type Classifier, openClassifier } from '../../lib/classifier/classify.js';
import { loadModelConfig, MODEL_FOLDER } from '../../lib/classifier/config.js';
import { placesOf } from '../../lib/classifier/score.js';
import { cutWindows } from '../../lib/classifier/tokenizer.js';
import { KnownError } from '../../lib/errors.js';
import type { BehaviorSequence } from '../../lib/types.js';
import { MALICIOUS, type PackageFixture, TWINS } from '../fixtures/packages.js';

const logOdds = (p: number): number => Math.log(p / (1 - p));

async function sequenceOf({ manifest, files }: PackageFixture): Promise<BehaviorSequence> {
  const all = { 'package.json': JSON.stringify({ name: 'a', version: '1.0.0', ...manifest }), ...files };
  const entries = Object.entries(all).map(([path, text]) => ({
    path,
    bytes: Buffer.from(text),
    executable: false,
  }));
  return buildSequence(
    await openArtifact({ ecosystem: 'npm', filename: 'a', bytes: new Uint8Array(), files: entries }),
  );
}

describe('classifier/model on packages written for the tests', () => {
  let classifier: Classifier;
  let folder: string;
  before(async () => {
    classifier = await openClassifier();
  });
  after(() => classifier.model.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-model-'));
    cpSync(MODEL_FOLDER, folder, { recursive: true, filter: (path) => !/training|data/.test(path) });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('a score does not depend on what was scored before or beside it', async () => {
    const sequences = await Promise.all([...MALICIOUS, ...TWINS].map(sequenceOf));
    const alone: number[] = [];
    for (const sequence of sequences) {
      const fresh = await openClassifier();
      alone.push((await fresh.score(sequence)).value);
      await fresh.model.close();
    }
    const together = await Promise.all(
      [...sequences].reverse().map((sequence) => classifier.score(sequence)),
    );
    assert.deepEqual(together.map(({ value }) => value).reverse(), alone);
  });

  for (const fixture of TWINS) {
    it(`allows ${fixture.kind}`, async () => {
      const { value, threshold } = await classifier.score(await sequenceOf(fixture));
      assert(value < threshold, `score ${value}, threshold ${threshold}`);
    });
  }

  for (const fixture of MALICIOUS) {
    it(`blocks ${fixture.kind}, far from every twin, and explains it by behaviours of the package`, async () => {
      const sequence = await sequenceOf(fixture);
      const score = await classifier.explain(sequence);
      assert(score.value >= score.threshold, `score ${score.value}, threshold ${score.threshold}`);
      const twins = await Promise.all(TWINS.map(async (twin) => classifier.score(await sequenceOf(twin))));
      for (const { value } of twins)
        assert(logOdds(score.value) > logOdds(value) + 2, `${score.value}, a twin ${value}`);
      assert(score.evidence.length > 0);
      const all = sequence.units.flatMap(({ behaviors }) => behaviors);
      for (const { behavior, order, weight } of score.evidence) {
        assert.equal(all[order], behavior);
        assert(weight > 0);
      }
      const weights = score.evidence.map(({ weight }) => weight);
      assert.deepEqual(
        weights,
        [...weights].sort((a, b) => b - a),
      );
    });
  }

  it('an explanation costs at most ten times the score, or fifty runs', async () => {
    const behavior = (await sequenceOf(MALICIOUS[0]!)).units.flatMap((u) => u.behaviors)[0]!;
    const long = (length: number): BehaviorSequence => ({
      taxonomy: '1',
      ecosystem: 'npm',
      units: [{ kind: 'import', phase: 'import', origin: 'x', behaviors: Array(length).fill(behavior) }],
      stats: { filesParsed: 0, filesSkipped: 0, parseFailures: 0, opaqueFiles: 0, steps: 0, codeBytes: 0 },
    });
    let runs = 0;
    const { model } = classifier;
    const counting = {
      ...model,
      run: (ids: readonly number[]) => {
        runs++;
        return model.run(ids);
      },
    };
    const { explain } = await import('../../lib/classifier/explain.js');
    for (const length of [5, 100, 2000]) {
      const sequence = long(length);
      const tokens = ['unit:import', 'phase:import', ...Array(length).fill(behavior.code)];
      const windows = cutWindows(tokens, model.vocabulary, model.config).map((w) => ({
        ...w,
        unit: 0,
        logOdds: 0,
      }));
      runs = 0;
      await explain(sequence, placesOf(windows, 0.5), counting);
      assert(runs <= Math.max(50, 9 * windows.length), `${runs} runs for ${windows.length} windows`);
    }
  });

  it('a file of the model changed by one bit ends in 102', async () => {
    const { model, vocabulary } = loadModelConfig();
    for (const file of [model.file, vocabulary.file]) {
      const path = join(folder, file);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
      await assert.rejects(
        openClassifier({ folder }),
        (error: unknown) =>
          error instanceof KnownError && error.exitCode === 102 && error.code === 'model-hash',
      );
      cpSync(join(MODEL_FOLDER, file), path);
    }
  });
});
