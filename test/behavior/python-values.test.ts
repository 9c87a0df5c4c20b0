import assert from 'node:assert/strict';
import { repr } from '../../lib/behavior/apis/python/core.js';
import { bytes, dict, known, list, NO_LABELS, type Value } from '../../lib/behavior/values.js';

/** A list that counts how often its items are looked at. */
function counting(items: Value[]): { value: Value; looks: () => number } {
  let looks = 0;
  const value = {
    kind: 'list' as const,
    get items() {
      looks++;
      return items;
    },
    open: false,
    labels: NO_LABELS,
  };
  return { value, looks: () => looks };
}

describe("Python's own text of a value", () => {
  it('shows what is known, as Python does', () => {
    const value = list([known(1), known("it's"), known(null), dict(new Map([['a', list([known(true)])]]))]);
    assert.equal(repr(value), "[1, \"it's\", None, {'a': [True]}]");
    assert.equal(repr(list([known('a'), list([known(undefined)])])), undefined);
    for (const [text, shown] of [
      ["it's", `"it's"`],
      [`'"`, `'\\'"'`],
      ['\\\\\n\r\t\t', `'\\\\\\\\\\n\\r\\t\\t'`],
      ['\0\0\x1f\x7f\x80\x9f\xa0é😀', `'\\x00\\x00\\x1f\\x7f\\x80\\x9f\xa0é😀'`],
    ] as const) {
      assert.equal(repr(known(text)), shown);
    }
    assert.equal(repr(bytes(Uint8Array.of(0x27, 0x5c, 0xa0, 0x0a))), `b"'\\\\\\xa0\\n"`);
  });

  it('gives up at the first way through what holds itself', () => {
    const items: Value[] = [];
    const { value, looks } = counting(items);
    const block = (name: string) =>
      dict(
        new Map<string, Value>([
          ['name', known(name)],
          ['parent', value],
        ]),
      );
    items.push(...['a', 'b', 'c', 'd', 'e', 'f'].map(block));
    assert.equal(repr(value), undefined);
    assert.ok(looks() < 50, `${looks()} looks`);
  });

  it('builds no text beyond its limit out of few values', () => {
    const items: Value[] = [known('x'.repeat(1000))];
    const { value, looks } = counting(items);
    let nested: Value = value;
    for (let level = 0; level < 2; level++) nested = list(new Array<Value>(150).fill(nested));
    assert.equal(repr(nested), undefined);
    assert.ok(looks() < 3 * 9000, `${looks()} looks`);
  });
});
