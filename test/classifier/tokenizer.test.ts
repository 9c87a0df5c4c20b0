import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cutWindows, parseVocabulary } from '../../lib/classifier/tokenizer.js';
import { KnownError } from '../../lib/errors.js';

const vocabulary = parseVocabulary('[PAD]\n[UNK]\n[CLS]\n[SEP]\nunit:bin\nphase:import\na\nb\nc\nd\n');
const size = { maxTokens: 8, overlap: 1 };
const cut = (text: string) => cutWindows(['unit:bin', 'phase:import', ...text], vocabulary, size);

describe('classifier/tokenizer', () => {
  it('line numbers are ids, unknown words are [UNK]', () => {
    assert.deepEqual(cut('ax'), [{ ids: [2, 4, 5, 6, 1, 3], from: 0, to: 2 }]);
  });
  it('a unit without behaviours is one window', () => {
    assert.deepEqual(cut(''), [{ ids: [2, 4, 5, 3], from: 0, to: 0 }]);
  });
  it('a unit that just fits is one window, one token more makes two, each with the header', () => {
    assert.deepEqual(cut('abcd'), [{ ids: [2, 4, 5, 6, 7, 8, 9, 3], from: 0, to: 4 }]);
    assert.deepEqual(cut('abcda'), [
      { ids: [2, 4, 5, 6, 7, 8, 9, 3], from: 0, to: 4 },
      { ids: [2, 4, 5, 9, 6, 3], from: 3, to: 5 },
    ]);
  });
  it('a unit longer than a short window is also cut into those, and every token stands in one', () => {
    const short = { maxTokens: 8, overlap: 1, around: 0.5 };
    const windows = cutWindows(['unit:bin', 'phase:import', ...'abcda'], vocabulary, {
      maxTokens: 20,
      overlap: 1,
      short,
    });
    assert.deepEqual(
      windows.map((window) => [window.from, window.to, window.short]),
      [
        [0, 5, undefined],
        [0, 4, true],
        [3, 5, true],
      ],
    );
    assert.equal(
      cutWindows(['unit:bin', 'phase:import', ...'abcd'], vocabulary, { ...size, short }).length,
      1,
    );
  });
  it('no token is ever left out, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 40 }),
        fc.nat(),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 300 }),
        (maxTokens, wish, body) => {
          const overlap = wish % (maxTokens - 4);
          const windows = cutWindows(['unit:bin', 'phase:import', ...body], vocabulary, {
            maxTokens,
            overlap,
          });
          const rebuilt: number[] = [];
          for (const { ids, from, to } of windows) {
            assert(ids.length <= maxTokens);
            assert.deepEqual(ids.slice(0, 3), [2, 4, 5]);
            assert.equal(ids.at(-1), 3);
            assert(from <= rebuilt.length);
            rebuilt.splice(from, to - from, ...ids.slice(3, -1));
          }
          assert.deepEqual(
            rebuilt,
            body.map((token) => vocabulary.ids.get(token)),
          );
        },
      ),
    );
  });
  it('a vocabulary that names a token twice or lacks a special one ends in 102', () => {
    for (const text of ['[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n', '[PAD]\n[CLS]\n[SEP]\n', '']) {
      assert.throws(() => parseVocabulary(text), KnownError);
    }
  });
});
