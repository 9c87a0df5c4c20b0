import assert from 'node:assert/strict';
import { behaviorTokens, unitTokens } from '../../lib/behavior/tokens.js';
import type { Behavior } from '../../lib/types.js';

const behavior = (code: string, ...qualifiers: string[]): Behavior => ({
  code,
  detail: '',
  qualifiers,
  phase: 'import',
  file: 'index.js',
  line: 1,
  column: 0,
});

describe('tokens', () => {
  it('says an import of a kind once a unit, and only whether it was hidden', () => {
    const behaviors = [
      behavior('R1', 'in-try'),
      behavior('D1', 'in-try', 'hidden'),
      behavior('R1'),
      behavior('http-request', 'to:ip', 'in-try'),
      behavior('D1'),
    ];
    assert.deepEqual(behaviorTokens(behaviors), [
      ['R1'],
      ['D1', 'hidden'],
      [],
      ['http-request', 'to:ip', 'in-try'],
      [],
    ]);
    assert.deepEqual(unitTokens({ kind: 'import', phase: 'import', behaviors }), [
      'unit:import',
      'phase:import',
      ...['R1', 'D1', 'hidden', 'http-request', 'to:ip', 'in-try'],
    ]);
  });

  it('keeps every other behaviour, however often it stands there', () => {
    const read = behavior('read-file');
    assert.deepEqual(behaviorTokens([read, read]), [['read-file'], ['read-file']]);
  });
});
