import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TAXONOMY_VERSION } from '../../lib/behavior/taxonomy.js';
import { configProblem, loadModelConfig, readModelFile } from '../../lib/classifier/config.js';
import { KnownError } from '../../lib/errors.js';

const file = { file: 'model.onnx', sha256: 'a'.repeat(64) };
const good = {
  format: 1,
  version: '1.0.0',
  taxonomy: TAXONOMY_VERSION,
  model: { ...file, inputs: { ids: 'input_ids' }, output: 'logit' },
  vocabulary: { ...file, file: 'vocab.txt' },
  maxTokens: 128,
  overlap: 32,
  aggregation: { kind: 'noisy-or' },
  calibration: {
    npm: { scale: 1, offset: 0, perLogWindow: 0 },
    pypi: { scale: 1, offset: 0, perLogWindow: 0 },
  },
  emptyLogOdds: -9,
  threshold: 0.9,
  scoreBound: 0.001,
  dataFingerprint: 'sha256:00',
};

const newcomer = { days: 30, honestRate: 0.005, logOdds: { npm: 2, pypi: 1 } };

describe('classifier/config', () => {
  it('accepts a complete config', () => {
    assert.equal(configProblem(good), undefined);
    assert.equal(configProblem({ ...good, aggregation: { kind: 'top-k', k: 3 } }), undefined);
    assert.equal(configProblem({ ...good, newcomer }), undefined);
  });

  const bad: readonly [string, unknown, RegExp][] = [
    ['an array', [], /not an object/],
    ['another format', { ...good, format: 2 }, /format 2/],
    ['no version', { ...good, version: '' }, /version/],
    ['a model without hash', { ...good, model: { ...good.model, sha256: 'x' } }, /model.*sha256/],
    ['a file elsewhere', { ...good, vocabulary: { ...file, file: '../vocab.txt' } }, /vocabulary.*beside/],
    ['no input name', { ...good, model: { ...good.model, inputs: {} } }, /inputs\.ids/],
    ['an overlap that never ends', { ...good, overlap: 124 }, /overlap/],
    ['short windows of no weight', { ...good, short: { maxTokens: 52, overlap: 16 } }, /short\.around/],
    ['a half k', { ...good, aggregation: { kind: 'top-k', k: 1.5 } }, /aggregation\.k/],
    ['an unknown aggregation', { ...good, aggregation: { kind: 'mean' } }, /aggregation\.kind/],
    [
      'a prior that lets more through',
      { ...good, newcomer: { ...newcomer, logOdds: { npm: -1, pypi: 1 } } },
      /newcomer/,
    ],
    ['a prior of one ecosystem', { ...good, newcomer: { ...newcomer, logOdds: { npm: 1 } } }, /newcomer/],
    ['a prior without days', { ...good, newcomer: { ...newcomer, days: undefined } }, /newcomer/],
    ['a threshold of nought', { ...good, threshold: 0 }, /threshold/],
    ['a threshold missing', { ...good, threshold: undefined }, /threshold/],
    ['a threshold of NaN', { ...good, threshold: Number.NaN }, /threshold/],
    [
      'a scale that turns the score round',
      { ...good, calibration: { ...good.calibration, npm: { scale: -1, offset: 0, perLogWindow: 0 } } },
      /calibration\.npm\.scale/,
    ],
  ];
  for (const [what, config, problem] of bad) {
    it(`refuses ${what}`, () => assert.match(configProblem(config) ?? 'accepted', problem));
  }

  describe('on disk', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'safe-install-model-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    const failure = (run: () => unknown): KnownError => {
      try {
        run();
      } catch (error) {
        assert(error instanceof KnownError);
        assert.equal(error.exitCode, 102);
        assert.doesNotMatch(error.message, /\n/);
        return error;
      }
      assert.fail('did not throw');
    };

    it('reads what it wrote', () => {
      writeFileSync(join(folder, 'config.json'), JSON.stringify(good));
      assert.deepEqual(loadModelConfig(folder), good);
    });
    it('a missing, damaged or foreign config ends in 102', () => {
      assert.equal(failure(() => loadModelConfig(folder)).code, 'model-missing');
      writeFileSync(join(folder, 'config.json'), '{');
      assert.equal(failure(() => loadModelConfig(folder)).code, 'model-config');
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...good, taxonomy: 'other' }));
      assert.equal(failure(() => loadModelConfig(folder)).code, 'model-taxonomy');
    });
    it('a file of the model that is missing or changed by one bit ends in 102', () => {
      const bytes = Buffer.from('weights');
      const named = { file: 'model.onnx', sha256: createHash('sha256').update(bytes).digest('hex') };
      assert.equal(failure(() => readModelFile(folder, named)).code, 'model-missing');
      writeFileSync(join(folder, 'model.onnx'), bytes);
      assert.deepEqual(readModelFile(folder, named), bytes);
      bytes[3]! ^= 1;
      writeFileSync(join(folder, 'model.onnx'), bytes);
      assert.equal(failure(() => readModelFile(folder, named)).code, 'model-hash');
    });
  });
});
