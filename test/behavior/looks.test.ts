/** Structures that hold one another many times are small to write and endless to go through. */
import assert from 'node:assert/strict';
import { toPrimitive } from '../../lib/behavior/apis/javascript/operators.js';
import { listMethod, sortValues } from '../../lib/behavior/apis/python/container-methods.js';
import { equal, labelsOf } from '../../lib/behavior/apis/python/core.js';
import { binary } from '../../lib/behavior/apis/python/operators.js';
import { takeLooked } from '../../lib/behavior/looks.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { known, type List, list, ref, type Value } from '../../lib/behavior/values.js';
import { artifactOf, behaviorsOf, importEntry } from '../helpers/sequence.js';

/** `depth` lists inside one another, each with `width` times the same. */
function shared(width: number, depth: number, inner: Value = known('x')): Value {
  let value = inner;
  for (let i = 0; i < depth; i++) value = list(new Array<Value>(width).fill(value));
  return value;
}

/** A set of `count` values of which nobody knows whether they are equal. */
const unlike = (count: number): List => list(Array.from({ length: count }, (_, i) => ref(`app.value${i}`)));

describe('values that share what they hold', () => {
  beforeEach(() => void takeLooked());

  it('labels: found as deep as before, each list gone through once', () => {
    const labelled = known('x', new Set(['file']));
    assert.deepEqual([...labelsOf(shared(900, 3, labelled))], ['file']);
    assert.ok(takeLooked() < 4 * 900);
    assert.deepEqual([...labelsOf(shared(2, 4, labelled))], []);
    assert.equal(takeLooked(), 0, 'a few parts cost nothing');
  });

  it('labels: a list met first at the end of the depth is gone through where it stands higher', () => {
    const deep = list([known('x', new Set(['file']))]);
    assert.deepEqual([...labelsOf(list([shared(1, 2, deep), deep]))], ['file']);
  });

  it('comparison, order and text: decided while they are small, charged and given up when they are not', () => {
    assert.equal(equal(shared(10, 3), shared(10, 3)), true);
    assert.ok(takeLooked() > 1000);
    assert.equal(equal(shared(30, 5), shared(30, 5)), undefined);
    assert.ok(takeLooked() > 1_000_000);
    const sorted = (width: number) =>
      sortValues([shared(width, 4), shared(width, 4)], new Map(), (fn) => fn)?.length;
    assert.equal(sorted(5), 2);
    assert.equal(sorted(60), undefined);
    assert.ok(takeLooked() > 1_000_000);
    assert.equal(toPrimitive(shared(3, 2))?.value, 'x,x,x,x,x,x,x,x,x');
    assert.equal(takeLooked(), 0);
    assert.equal(toPrimitive(shared(30, 5)), undefined);
    assert.ok(takeLooked() > 1_000_000);
    assert.equal(toPrimitive(shared(20, 1, known('x'.repeat(500_000)))), undefined, 'longer than texts are');
  });

  it('sets: every comparison of one operation counts, and beyond the limit the result is not known', () => {
    for (const operator of ['|', '&', '-']) {
      assert.equal(binary(operator, unlike(900), unlike(900))?.kind, 'list', operator);
      assert.equal(takeLooked(), 900 * 900, operator);
      assert.equal(binary(operator, unlike(20_000), unlike(20_000)), undefined, operator);
      const looked = takeLooked();
      assert.ok(looked > 1_000_000 && looked < 1_100_000, `${operator}: ${looked}`);
    }
    const numbers = (...values: number[]) => list(values.map((value) => known(value)));
    const result = (operator: string) => {
      const made = binary(operator, numbers(1, 2, 3), numbers(3, 4));
      return made?.kind === 'list' ? made.items.map((i) => i.kind === 'known' && i.value) : undefined;
    };
    assert.deepEqual(['|', '&', '-'].map(result), [[1, 2, 3, 4], [3], [1, 2]]);
    assert.equal(takeLooked(), 0);
  });

  it('search in a list: every comparison counts', () => {
    for (const name of ['index', 'count', 'remove', 'discard', 'add']) {
      listMethod(unlike(2000), name, [known(1)], new Map(), (fn) => fn);
      assert.equal(takeLooked(), 2000, name);
    }
    for (const operator of ['in', 'not in']) {
      assert.equal(binary(operator, known(1), unlike(2000)), undefined);
      assert.equal(takeLooked(), 2000, operator);
    }
  });

  it('a set that grows twofold each time ends early, and the code behind it is read', async () => {
    const text = [
      'import app, os',
      'markers = {app.first, app.second}',
      ...new Array<string>(40).fill('markers = markers | markers'),
      "os.system('id')",
    ].join('\n');
    const artifact = artifactOf('pypi', { 'a/__init__.py': text }, [importEntry('a/__init__.py')]);
    const sequence = await buildSequence(artifact, { strict: true });
    assert.equal(sequence.incomplete, undefined);
    assert.ok(behaviorsOf(sequence).some(({ code }) => code === 'run-shell'));
    assert.ok(sequence.stats.steps > 2000 && sequence.stats.steps < 10_000, `${sequence.stats.steps} steps`);
  });

  /** The same in a program's own words, one level a letter of `name`. */
  const literal = (name: string): string =>
    [...name]
      .map(
        (letter, i) =>
          `${letter}${name} = [${new Array(12).fill(i === 0 ? '"x"' : `${name[i - 1]}${name}`)}]`,
      )
      .join('\n');
  const unlikeWords = (count: number): string =>
    Array.from({ length: count }, (_, i) => `app.value${i}`).join();
  for (const [language, file, code, operation] of [
    ['npm', 'index.js', literal('abcd').replaceAll(/^/gm, 'var '), "dabcd == 'x';"],
    ['pypi', 'a/__init__.py', `${literal('abcd')}\n${literal('efgh')}`, 'dabcd == hefgh'],
    ['npm', 'list.js', `var list = [${new Array(20_000).fill("'x'")}];`, "list.includes('y');"],
    ['pypi', 'b/__init__.py', `import app\ns = {${unlikeWords(200)}}`, 's | s'],
  ] as const) {
    it(`a program pays for what it has looked at: ${file}`, async () => {
      const steps = async (times: number): Promise<number> => {
        const text = [code, ...new Array<string>(times).fill(operation)].join('\n');
        const artifact = artifactOf(language, { [file]: text }, [importEntry(file)]);
        return (await buildSequence(artifact, { strict: true })).stats.steps;
      };
      const [none, ten] = [await steps(0), await steps(10)];
      assert.ok(ten - none > 10 * 30, `${ten - none} steps`);
    });
  }
});
