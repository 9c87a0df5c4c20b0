/** The bundled model itself: it reads what training wrote, and it is its weights that judge. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MODEL_FOLDER } from '../../lib/classifier/config.js';
import { packageLogOdds, placesOf, sigmoid } from '../../lib/classifier/score.js';
import { type Model, openModel } from '../../lib/classifier/session.js';
import { cutWindows } from '../../lib/classifier/tokenizer.js';
import type { Ecosystem } from '../../lib/types.js';

interface Vectors {
  readonly model: string;
  /** Offset and length of each int8 weight in model.onnx. */
  /** Where tensors of weights lie in the file: offset, bytes, bytes a weight. */
  readonly weights: readonly (readonly [number, number, number])[];
  readonly cases: readonly {
    readonly ecosystem: Ecosystem;
    readonly malicious: boolean;
    readonly units: readonly string[];
    readonly windows: readonly { readonly ids: readonly number[]; readonly logOdds: number }[];
    readonly score: number;
  }[];
}

const vectors = JSON.parse(readFileSync(join(MODEL_FOLDER, 'test-vectors.json'), 'utf8')) as Vectors;

const distinctWindows = (units: readonly string[], model: Model): readonly (readonly number[])[] => {
  const all = units.flatMap((unit) => cutWindows(unit.split(' '), model.vocabulary, model.config));
  return [...new Map(all.map((window) => [window.ids.join(), window.ids])).values()];
};

async function score(units: readonly string[], ecosystem: Ecosystem, model: Model): Promise<number> {
  const odds: number[] = [];
  for (const unit of units) {
    const windows = [];
    for (const window of cutWindows(unit.split(' '), model.vocabulary, model.config)) {
      windows.push({ ...window, logOdds: await model.run(window.ids) });
    }
    odds.push(...placesOf(windows, model.config.short!.around).map((place) => place.logOdds));
  }
  return sigmoid(packageLogOdds(odds, ecosystem, model.config));
}

/** Deterministic shuffle of the bytes of each weight. */
function permute(bytes: Buffer, seed: number): void {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (const [from, length, size] of vectors.weights) {
    const at = (n: number): Buffer => bytes.subarray(from + n * size, from + (n + 1) * size);
    for (let i = length / size - 1; i > 0; i--) {
      const j = next(i + 1);
      const kept = Buffer.from(at(i));
      at(i).set(at(j));
      at(j).set(kept);
    }
  }
}

describe('classifier/model', () => {
  let model: Model;
  before(async () => {
    model = await openModel();
  });
  after(() => model.close());

  it('test vectors are those of the bundled model', () => {
    assert.equal(vectors.model, model.config.model.sha256);
    assert(vectors.cases.length >= 20);
  });

  it('cuts units into the very windows training cut', () => {
    for (const { units, windows } of vectors.cases) {
      assert.deepEqual(
        distinctWindows(units, model),
        windows.map(({ ids }) => ids),
      );
    }
  });

  it('gives the scores training gave, within the stated bound', async () => {
    for (const { units, ecosystem, score: expected } of vectors.cases) {
      const got = await score(units, ecosystem, model);
      assert(Math.abs(got - expected) <= model.config.scoreBound, `${got} is not ${expected}`);
    }
  });

  it('blocks malicious sequences, and none with its weights in random order', async () => {
    const flagged = vectors.cases.filter((c) => c.malicious && c.score >= model.config.threshold + 0.004);
    assert(flagged.length >= 3, 'too few vectors over the threshold to show anything');
    const folder = mkdtempSync(join(tmpdir(), 'safe-install-model-'));
    try {
      const bytes = readFileSync(join(MODEL_FOLDER, model.config.model.file));
      permute(bytes, 11);
      writeFileSync(join(folder, model.config.model.file), bytes);
      copyFileSync(
        join(MODEL_FOLDER, model.config.vocabulary.file),
        join(folder, model.config.vocabulary.file),
      );
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const config = { ...model.config, model: { ...model.config.model, sha256 } };
      writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
      const permuted = await openModel({ folder });
      for (const { units, ecosystem } of flagged) {
        assert((await score(units, ecosystem, model)) >= model.config.threshold);
        assert((await score(units, ecosystem, permuted)) < model.config.threshold);
      }
      await permuted.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
