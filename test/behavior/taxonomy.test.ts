import assert from 'node:assert/strict';
import { PAPER_FEATURES, TAXONOMY, taxonomyRow } from '../../lib/behavior/taxonomy.js';

describe('taxonomy', () => {
  it('has unique codes and every feature of the paper', () => {
    assert.equal(new Set(TAXONOMY.map((r) => r.code)).size, TAXONOMY.length);
    for (const feature of PAPER_FEATURES) assert.equal(taxonomyRow(feature).paper, feature);
  });
  it('throws on a code outside the table', () => {
    assert.throws(() => taxonomyRow('no-such-row'), /no taxonomy row/);
  });
});
