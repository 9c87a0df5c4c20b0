import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Aggregation } from '../../lib/classifier/config.js';
import { aggregate, packageLogOdds, placesOf, sigmoid } from '../../lib/classifier/score.js';

const noisyOr: Aggregation = { kind: 'noisy-or' };
const near = (actual: number, expected: number) =>
  assert(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe('classifier/score', () => {
  it('noisy-or is one minus the chance that every window is honest', () => {
    const windows = [-2, 0.5, -7];
    const honest = windows.reduce((p, z) => p * (1 - sigmoid(z)), 1);
    near(sigmoid(aggregate(windows, noisyOr)), 1 - honest);
    near(aggregate([1.25], noisyOr), 1.25);
  });
  it('noisy-or neither overflows nor dies at the ends', () => {
    near(aggregate([900], noisyOr), 900);
    assert(aggregate([-40], noisyOr) < -39.9);
    assert(Number.isFinite(aggregate([40, 50, -300], noisyOr)));
  });
  it('top-k is the mean of the k largest, of all when fewer', () => {
    assert.equal(aggregate([1, 5, 3], { kind: 'top-k', k: 2 }), 4);
    assert.equal(aggregate([1, 5], { kind: 'top-k', k: 9 }), 3);
  });
  it('a short window is weighed with the long one that holds most of it, of several the loudest', () => {
    const long = [
      { from: 0, to: 100, logOdds: -4 },
      { from: 80, to: 180, logOdds: 2 },
    ];
    const short = [
      { from: 0, to: 48, short: true as const, logOdds: 6 },
      { from: 82, to: 98, short: true as const, logOdds: 6 },
      { from: 70, to: 118, short: true as const, logOdds: 6 },
    ];
    assert.deepEqual(
      placesOf([...long, ...short], 0.25).map(({ logOdds }) => logOdds),
      [0.75 * 6 - 1, 0.75 * 6 + 0.5, 0.75 * 6 + 0.5],
    );
    assert.deepEqual(placesOf([...long, ...short], 0.25)[0]!.windows, [short[0], long[0]]);
  });
  it('a unit without short windows has a place for each long one', () => {
    const long = { from: 0, to: 10, logOdds: 3 };
    assert.deepEqual(placesOf([long], 0.5), [{ windows: [long], logOdds: 3 }]);
  });
  it('the order of the windows changes no bit', () => {
    const windows = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(windows, (z) => {
        for (const kind of [noisyOr, { kind: 'top-k', k: 4 } as const]) {
          assert.equal(aggregate(z, kind), aggregate([...z].reverse(), kind));
        }
      }),
    );
  });
  it('honest windows added to a malicious one never lower noisy-or', () => {
    const window = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(window, fc.array(window), (z, others) => {
        assert(aggregate([z, ...others], noisyOr) >= aggregate([z], noisyOr) - 1e-9);
      }),
    );
  });
  it('calibrates by ecosystem and number of windows; nothing found has a score of its own', () => {
    const config = {
      aggregation: noisyOr,
      emptyLogOdds: -8,
      calibration: {
        npm: { scale: 2, offset: -1, perLogWindow: 0 },
        pypi: { scale: 1, offset: 0, perLogWindow: -0.5 },
      },
    };
    near(packageLogOdds([3], 'npm', config), 5);
    near(packageLogOdds([3, 3], 'pypi', config), aggregate([3, 3], noisyOr) - 0.5 * Math.LN2);
    assert.equal(packageLogOdds([], 'npm', config), -8);
  });
});
