import assert from 'node:assert/strict';
import { all, javascript, walkPackage } from './interpreter-support.js';

const CP = "const cp = require('child_process');";

describe('interpreter: repeated calls', () => {
  it('follows a decoder as often as it is asked', async () => {
    const found = await javascript(`${CP}
      function decode(list) { let out = ''; for (const n of list) out += String.fromCharCode(n - 1); return out }
      for (let i = 0; i < 400; i++) decode([i + 50, i + 60]);
      cp.exec(decode([109, 116]))`);
    assert.ok(found.some((line) => line.startsWith('run-shell ls')));
  });

  it('walks again for a function or a reference it was not given before', async () => {
    const found = await javascript(`${CP}
      function each(list, f) { for (const x of list) { f(x) } for (let i = 0; i < 60; i++) { list.push(i) } }
      for (let i = 0; i < 200; i++) each([{ i }], (x) => ({ x }));
      each(['whoami'], cp.exec)`);
    assert.ok(found.some((line) => line.startsWith('run-shell whoami')));
  });

  it('walks again for data of another origin', async () => {
    const source = `${CP}
      function wrap(value) { const box = {}; for (let i = 0; i < 40; i++) box['k' + i] = value; return box }
      for (let i = 0; i < 300; i++) wrap({ i });
      cp.exec(wrap(process.env.HOMEPAGE).k1)`;
    const found = all(await walkPackage({ files: { 'index.js': source } }));
    const run = found.find((b) => b.code === 'run-shell');
    assert.deepEqual(run?.qualifiers, ['carries:env-variable']);
  });

  it('does not repeat what never tells anything', async () => {
    const source = `
      class Node { constructor(kind) { this.kind = kind; this.list = []; for (let i = 0; i < 30; i++) this.list.push({ i }) } }
      function build(tree) { const n = new Node(tree); return { n, tree } }
      for (let i = 0; i < 3000; i++) build({ i });`;
    const { stats } = await walkPackage({ files: { 'index.js': source } });
    assert.ok(stats.steps < 80_000, String(stats.steps));
  });
});
