/** What is found in a large value is kept until a list or dict changes, and not a moment longer. */
import assert from 'node:assert/strict';
import { labelsOf, takePartsLooked } from '../../lib/behavior/interpreter/operations.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import {
  choice,
  dict,
  itemsToChange,
  known,
  list,
  NO_LABELS,
  relabel,
  setEntry,
} from '../../lib/behavior/values.js';
import { artifactOf, behaviorsOf, importEntry } from '../helpers/sequence.js';

const words = (count: number) => Array.from({ length: count }, (_, i) => known(`w${i}`));

describe('answers kept of large values', () => {
  it('labels follow every change of what is held, however deep', () => {
    const inner = list(words(40));
    const middle = dict(new Map([['inner', inner]]));
    const outer = choice([list([middle, ...words(40)]), known('x')], NO_LABELS);
    const found = () => [...labelsOf(outer)].sort().join();
    assert.equal(found(), '');
    assert.equal(found(), '');
    itemsToChange(inner).push(known('x', new Set(['file'])));
    assert.equal(found(), 'file');
    setEntry(middle, 'other', known('x', new Set(['env'])));
    assert.equal(found(), 'env,file');
    relabel(middle, new Set(['host']));
    assert.equal(found(), 'env,file,host');
    itemsToChange(inner).pop();
    assert.equal(found(), 'env,host');
  });

  it('a kept answer counts as much work as the first one', () => {
    const large = list(words(250));
    takePartsLooked();
    labelsOf(large);
    const first = takePartsLooked();
    labelsOf(large);
    assert.ok(first >= 250);
    assert.equal(takePartsLooked(), first);
  });

  it('functions put into a large object after it was handed on are called when it is handed on again', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}: ${i}`).join();
    const late = "() => require('os').hostname()";
    for (const [change, calls] of [
      ['', false],
      [`o.late = ${late};`, true],
      [`o.list.push(${late});`, true],
      [`Object.assign(o, { late: ${late} });`, true],
      [`Object.defineProperty(o, 'late', { value: ${late} });`, true],
      [`o.list.unshift(${late}); o.list.reverse();`, true],
      ['o.list.sort((a, b) => a - b);', false],
    ] as const) {
      const body = `const x = require('x'); const o = {${keys}, list: []}; x.a(o); x.b(o); ${change} x.c(o);`;
      const sequence = await buildSequence(
        artifactOf('npm', { 'index.js': body }, [importEntry('index.js')]),
      );
      const imported = sequence.units.filter((unit) => unit.phase === 'import').flatMap((u) => u.behaviors);
      assert.equal(
        imported.some(({ code }) => code === 'read-host-name'),
        calls,
        change,
      );
      assert.ok(behaviorsOf(sequence).length >= (calls ? 1 : 0));
    }
  });

  it('names of a Python module are seen through `globals()` as they are now', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${i} = ${i}`).join('\n');
    for (const [change, calls] of [
      ['', false],
      ['late = f', true],
      ["globals()['late'] = f", true],
    ] as const) {
      const text = `import os, x\n${names}\nspace = {'all': globals()}\nx.a(space)\nx.b(space)\n`;
      const body = `${text}def make():\n    def f():\n        os.system('curl https://a.example.invalid/')\n    return f\n`;
      const sequence = await buildSequence(
        artifactOf('pypi', { 'a.py': `${body}${change.replace(/\bf\b/, 'make()')}\nx.c(space)\n` }, [
          importEntry('a.py'),
        ]),
      );
      const imported = sequence.units.filter((unit) => unit.phase === 'import').flatMap((u) => u.behaviors);
      assert.equal(
        imported.some(({ code }) => code === 'run-shell'),
        calls,
        change,
      );
    }
  });
});
