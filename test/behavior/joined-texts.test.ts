/** What is told of a long text without copying it is what the text itself says. */
import assert from 'node:assert/strict';
import { binary } from '../../lib/behavior/apis/python/operators.js';
import { join, sameValue } from '../../lib/behavior/interpreter/operations.js';
import {
  endOf,
  isBasic,
  isBasicText,
  type KnownText,
  noteJoined,
  relabelled,
  surelyDiffer,
  withoutEnd,
} from '../../lib/behavior/joined-texts.js';
import { known, list, NO_LABELS, ref, unknown, type Value } from '../../lib/behavior/values.js';

const LABELS = new Set(['assembled']);
const text = (value: string): KnownText => known(value) as KnownText;
const plus = (left: KnownText, right: KnownText): KnownText => {
  const made = text(left.value + right.value);
  noteJoined(made, left, right);
  return made;
};

/** Numbers below `limit`, always the same ones. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe('long texts put together', () => {
  const PIECES = ['a'.repeat(40_000), 'é'.repeat(70_000), `${'b'.repeat(30_000)}😀`, ', ', ']\n', '', '😀'];

  it('end, length of characters and equality are those of the text', () => {
    const below = numbers(7);
    for (let round = 0; round < 60; round++) {
      const made: KnownText[] = PIECES.map(text);
      for (let step = 0; step < 12; step++) {
        const one = made[below(made.length)]!;
        const other = made[below(made.length)]!;
        if (one.value.length + other.value.length > 2_000_000) continue;
        const cut = 1 + below(3);
        if (below(3) > 0) made.push(plus(one, other));
        else if (one.value.length > cut) {
          const rest = withoutEnd(one, cut);
          assert.ok(rest.value === one.value.slice(0, -cut));
          made.push(rest);
        } else made.push(relabelled(one, LABELS));
      }
      for (const one of made) {
        assert.ok(one.value.endsWith(endOf(one)));
        const copy = text(one.value);
        assert.equal(isBasicText(one), isBasic(copy.value));
        assert.equal(isBasicText(one), isBasic(copy.value), 'asked again');
        assert.equal(surelyDiffer(one, copy), false);
        for (const other of made) if (surelyDiffer(one, other)) assert.ok(one.value !== other.value);
      }
    }
  });

  it('the same text made in other pieces is the same', () => {
    const a = text('a'.repeat(50_000));
    const b = text('b'.repeat(50_000));
    const tail = text('!');
    const one = plus(plus(a, b), tail);
    const other = plus(a, plus(b, tail));
    assert.equal(surelyDiffer(one, other), false);
    assert.equal(sameValue(one, other), true);
    assert.equal(surelyDiffer(one, plus(plus(b, a), tail)), true);
    assert.equal(sameValue(one, plus(plus(b, a), tail)), false);
  });

  it('what is left of it and other labels keep the end', () => {
    const made = plus(text('a'.repeat(70_000)), text(', '));
    assert.ok(endOf(relabelled(made, LABELS)) === ', ');
    assert.equal(relabelled(made, LABELS).labels, LABELS);
    assert.ok(endOf(withoutEnd(made, 1)) === ',');
  });
});

describe('joins of many values', () => {
  it('give what joins of few give: order kept, duplicates dropped, their labels too', () => {
    const file = new Set(['file']);
    const args = [known(1)];
    const distinct: Value[] = [
      known(0),
      known(-0),
      known('x', file),
      ref('a.b', NO_LABELS, args),
      unknown(file, 'x'),
      list([]),
    ];
    const duplicates: Value[] = [
      known('x', new Set(['env'])),
      ref('a.b', new Set(['host']), args),
      known(Number.NaN),
    ];
    const few = join([...distinct, ...duplicates]);
    const many = join(Array.from({ length: 30 }, () => [...distinct, ...duplicates]).flat());
    assert.ok(few.kind === 'choice' && many.kind === 'choice');
    assert.deepEqual(many.options, few.options);
    assert.deepEqual([...many.labels], ['file']);
    assert.deepEqual([...few.labels], ['file']);
  });
});

it('nothing is repeated without end in no time', () => {
  const result = binary('*', list([]), known(1e15));
  assert.ok(result?.kind === 'list' && result.items.length === 0);
  assert.equal(binary('*', list([known(1)]), known(1e15)), undefined);
  const two = binary('*', list([known(1)]), known(2));
  assert.ok(two?.kind === 'list' && two.items.length === 2);
});
