import assert from 'node:assert/strict';
import { idOf } from '../../lib/behavior/interpreter/operations.js';
import { all, javascript, lines, walkPackage } from './interpreter-support.js';

const CP = "const cp = require('child_process');";

describe('interpreter: names', () => {
  const forms: Record<string, string> = {
    member: "require('child_process').exec('x')",
    alias: `${CP} const e = cp.exec; e('x')`,
    destructured: "const { exec } = require('child_process'); exec('x')",
    renamed: "const { exec: run } = require('node:child_process'); run('x')",
    'computed member': `${CP} cp['exec']('x')`,
    'member from pieces': `${CP} cp['ex' + 'ec']('x')`,
    'module name from pieces': "require('child_' + 'process').exec('x')",
    'template name': "const p = 'child'; require(`${p}_process`).exec('x')",
    'reversed name': "require('ssecorp_dlihc'.split('').reverse().join('')).exec('x')",
    'in an object': `${CP} const o = { run: cp.exec }; o.run('x')`,
    'in an array': `${CP} const a = [0, cp.exec]; a[1]('x')`,
    wrapper: `${CP} function f(c) { return cp.exec(c) } f('x')`,
    'wrapper of a wrapper': `${CP} const f = (g, c) => g(c); const h = (c) => f(cp.exec, c); h('x')`,
    call: `${CP} cp.exec.call(null, 'x')`,
    apply: `${CP} cp.exec.apply(cp, ['x'])`,
    bind: `${CP} const f = cp.exec.bind(cp); f('x')`,
    'bind with arguments': `${CP} cp.exec.bind(cp, 'x')()`,
    'Reflect.apply': `${CP} Reflect.apply(cp.exec, cp, ['x'])`,
    'comma call': `${CP} (0, cp.exec)('x')`,
    'returned function': `${CP} const make = () => cp.exec; make()('x')`,
    'closure variable': `let run; ${CP} (() => { run = cp.exec })(); run('x')`,
    'default parameter': `${CP} function f(c, g = cp.exec) { g(c) } f('x')`,
    spread: `${CP} const args = ['x']; cp.exec(...args)`,
    'process.mainModule': "process.mainModule.require('child_process').exec('x')",
    'module.require': "module.require('child_process').exec('x')",
    createRequire:
      "const { createRequire } = require('module'); createRequire('/x')('child_process').exec('x')",
    'global property': `global.run = require('child_process').exec; run('x')`,
    globalThis: `${CP} globalThis.zz = cp; zz.exec('x')`,
    'import()': "import('child_process').then((m) => m.exec('x'))",
    await: "(async () => { const m = await import('node:child_process'); m.exec('x') })()",
    'Object.assign': `${CP} const o = Object.assign({}, { cp }); o.cp.exec('x')`,
    getter: `${CP} const o = { get run() { return cp.exec } }; o.run('x')`,
    'class method': `${CP} class A { constructor() { this.cp = cp } go() { this.cp.exec('x') } } new A().go()`,
    'static method': `${CP} class A { static go() { cp.exec('x') } } A.go()`,
    'inherited method': `${CP} class A { go(c) { cp.exec(c) } } class B extends A { run() { super.go('x') } } new B().run()`,
    'inherited constructor': `${CP} class A { constructor(c) { cp.exec(c) } } class B extends A {} new B('x')`,
    'super call': `${CP} class A { constructor(c) { this.c = c } } class B extends A { constructor() { super('x'); cp.exec(this.c) } } new B()`,
    field: `${CP} class A { cp = cp; go() { this.cp.exec('x') } } new A().go()`,
    'prototype method': `${CP} function A() {} A.prototype.go = function () { cp.exec('x') }; new A().go()`,
    'array callback': `${CP} ['x'].forEach((c) => cp.exec(c))`,
    'array map': `${CP} ['x'].map(cp.exec)`,
    'for of': `${CP} for (const c of ['x']) cp.exec(c)`,
    'conditional value': `${CP} const f = Math.random() > 2 ? cp.exec : cp.execSync; f('x')`,
    'logical or': `${CP} const f = globalThis.nope || cp.exec; f('x')`,
    promise: `${CP} new Promise((r) => r('x')).then((c) => cp.exec(c))`,
    'async function': `${CP} async function f() { return 'x' } f().then((c) => cp.exec(c))`,
  };
  for (const [name, source] of Object.entries(forms)) {
    it(name, async () => {
      const found = await javascript(source);
      assert.ok(
        found.some((line) => line.startsWith('run-shell x')),
        found.join('\n'),
      );
    });
  }

  it('leaves a name alone that means something else', async () => {
    const found = await javascript("const cp = { exec(c) { return c } }; cp.exec('x'); /a/.exec('x')");
    assert.ok(!found.some((line) => line.startsWith('run-shell')), found.join('\n'));
  });

  it('reads one variable through an alias of the environment, and all of it when it is passed on', async () => {
    const one = await javascript('const e = process.env; if (e.CI) { e.HOME }');
    assert.ok(one.includes('read-env-variable process.env.CI'), one.join('\n'));
    assert.ok(!one.includes('read-env-all'), one.join('\n'));
    const whole = await javascript('const e = process.env; unknownThing(e)');
    assert.ok(whole.includes('read-env-all'), whole.join('\n'));
  });
});

describe('interpreter: order', () => {
  it('puts install before import before runtime, whatever the order of entries', async () => {
    const sequence = await walkPackage({
      files: {
        'index.js': "require('fs').readFileSync('b'); exports.f = () => require('fs').writeFileSync('c')",
        'setup.js': "require('child_process').exec('a')",
      },
      entries: [
        ['import', 'import', 'index.js'],
        ['lifecycle', 'install', 'setup.js'],
      ],
    });
    assert.deepEqual(lines(sequence), [
      '[lifecycle]',
      'P1',
      'run-shell a',
      '[import]',
      'read-file b',
      '[remainder]',
      'write-file c',
    ]);
    assert.deepEqual(
      sequence.units.map((unit) => unit.phase),
      ['install', 'import', 'runtime'],
    );
  });

  it('walks a function in place of its call, not where it stands', async () => {
    const found = await javascript(`
      const fs = require('fs');
      function last() { fs.unlink('2') }
      fs.readFileSync('1');
      last();
      fs.writeFileSync('3');`);
    assert.deepEqual(found, ['[import]', 'read-file 1', 'delete-file 2', 'write-file 3']);
  });

  it('runs a module at its first import, once', async () => {
    const found = await javascript(
      "const fs = require('fs'); fs.readFileSync('1'); require('./b'); require('./b'); fs.readFileSync('3')",
      { 'b.js': "require('fs').writeFileSync('2')" },
    );
    assert.deepEqual(found, ['[import]', 'read-file 1', 'write-file 2', 'read-file 3']);
  });

  it('runs handlers and timers where they are registered, exit handlers at the end', async () => {
    const found = await javascript(`
      const fs = require('fs');
      setTimeout(() => fs.readFileSync('1'), 5);
      require('events').on('x', () => fs.writeFileSync('2'));
      require('http').get('http://a.example/', (res) => { res.on('end', () => fs.readFileSync('3')) });`);
    assert.deepEqual(
      found.filter((line) => /file/.test(line)),
      ['read-file 1', 'write-file 2', 'read-file 3'],
    );
  });

  it('collapses a behaviour that repeats', async () => {
    const found = await javascript(
      "const fs = require('fs'); for (const f of unknown()) fs.readFileSync('a'); fs.readFileSync('b')",
    );
    assert.deepEqual(found, ['[import]', 'read-file a']);
  });
});

describe('interpreter: modules', () => {
  it('follows CommonJS exports in all their forms', async () => {
    const found = await javascript(
      "require('./a').run('1'); require('./lib')('2'); const { c } = require('./c.cjs'); c('3')",
      {
        'a.js': "exports.run = require('child_process').exec",
        'lib/index.js': "module.exports = (x) => require('fs').readFileSync(x)",
        'c.cjs': "module.exports = { c: (x) => require('fs').writeFileSync(x) }",
      },
    );
    assert.deepEqual(found, ['[import]', 'P1', 'run-shell 1', 'read-file 2', 'write-file 3']);
  });

  it('follows ES imports, re-exports, live bindings and cycles', async () => {
    const found = await javascript(
      "import { run as go } from './b.js'; import * as d from './d.js'; go('1'); d.deep('2');",
      {
        'b.js': "export { run } from './c.js'; import './index.js';",
        'c.js': "import { exec } from 'node:child_process'; export function run(x) { exec(x) }",
        'd.js': "export * from './e.js'",
        'e.js': "import fs from 'fs'; export const deep = (x) => fs.readFileSync(x)",
      },
    );
    assert.deepEqual(found, ['[import]', 'P1', 'run-shell 1', 'read-file 2']);
  });

  it('follows what a TypeScript compiler makes of exports', async () => {
    const found = await javascript("const a = require('./a'); (0, a.run)('1'); (0, a.other)('2')", {
      'a.js': `"use strict";
        var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
          if (k2 === undefined) k2 = k;
          Object.defineProperty(o, k2, { enumerable: true, get: function() { return m[k]; } });
        }) : (function(o, m, k, k2) { o[k2] = m[k]; }));
        var __exportStar = (this && this.__exportStar) || function(m, exports) {
          for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
        };
        Object.defineProperty(exports, "__esModule", { value: true });
        __exportStar(require("./b"), exports);
        var c_1 = require("./c");
        Object.defineProperty(exports, "other", { enumerable: true, get: function () { return c_1.other; } });`,
      'b.js': "exports.run = require('child_process').exec",
      'c.js': "exports.other = (x) => require('fs').readFileSync(x)",
    });
    assert.ok(found.includes('run-shell 1') && found.includes('read-file 2'), found.join('\n'));
  });

  it('resolves nested packages, their exports maps and own imports', async () => {
    const found = await javascript("require('dep/sub'); require('#own')", {
      'node_modules/dep/package.json': '{"exports":{"./sub":{"require":"./deep/s.js"}}}',
      'node_modules/dep/deep/s.js': "require('fs').readFileSync('1')",
      'package.json': '{"imports":{"#own":"./own.js"}}',
      'own.js': "require('fs').writeFileSync('2')",
    });
    assert.deepEqual(found, ['[import]', 'read-file 1', 'write-file 2']);
  });

  it('walks files and functions nobody reaches, last', async () => {
    const found = await javascript("const fs = require('fs'); function never() { fs.readFileSync('dead') }", {
      'other.js': "require('fs').writeFileSync('other'); class A { m() { require('fs').unlink('x') } }",
    });
    assert.deepEqual(found, ['[remainder]', 'read-file dead', 'write-file other', 'delete-file x']);
  });
});

describe('interpreter: control flow', () => {
  it('walks both branches of an unknown condition and joins what they leave', async () => {
    const found = await javascript(`${CP}
      let c; if (cond()) { c = 'a'; cp.exec('1') } else { c = 'b'; require('fs').readFileSync('2') }
      require('fs').writeFileSync(c)`);
    assert.deepEqual(found, ['[import]', 'P1', 'run-shell 1', 'read-file 2', 'write-file a']);
  });

  it('walks dead code after the live code of the unit', async () => {
    const found = await javascript(`
      const fs = require('fs');
      if (1 === 2) { fs.readFileSync('dead') }
      fs.writeFileSync('live');`);
    assert.deepEqual(found, ['[import]', 'write-file live', 'read-file dead']);
  });

  it('walks what stands after a certain return or throw', async () => {
    const found = await javascript(`
      const fs = require('fs');
      (function () { fs.writeFileSync('live'); return; fs.readFileSync('after') })();
      throw new Error('x');
      fs.unlink('end');`);
    assert.deepEqual(found, ['[import]', 'write-file live', 'read-file after', 'delete-file end']);
  });

  it('follows a flattened control flow', async () => {
    const found = await javascript(`
      const fs = require('fs');
      const order = '2|0|1'.split('|'); let i = 0;
      while (true) {
        switch (order[i++]) {
          case '0': fs.writeFileSync('second'); continue;
          case '1': fs.unlink('third'); continue;
          case '2': fs.readFileSync('first'); continue;
        }
        break;
      }`);
    assert.deepEqual(found, ['[import]', 'read-file first', 'write-file second', 'delete-file third']);
  });

  it('catches what is thrown for sure', async () => {
    const found = await javascript(`
      const fs = require('fs');
      try { JSON; throw 'a'; fs.unlink('x') } catch (e) { fs.readFileSync(e) } finally { fs.writeFileSync('f') }`);
    assert.deepEqual(found, ['[import]', 'read-file a', 'write-file f', 'delete-file x']);
  });

  it('says when errors are ignored', async () => {
    const sequence = await walkPackage({
      files: { 'index.js': "try { require('child_process').exec('x') } catch {}" },
    });
    assert.deepEqual(
      all(sequence).map((b) => [b.code, ...b.qualifiers].join(' ')),
      ['P1 in-try', 'run-shell in-try', 'silence-errors'],
    );
  });

  it('computes loops: xor, char codes, hexadecimal', async () => {
    const xor = [...'child_process'].map((c) => c.charCodeAt(0) ^ 23).join();
    const found = await javascript(`
      let s = ''; for (const c of [${xor}]) s += String.fromCharCode(c ^ 23);
      let h = ''; for (let i = 0; i < '65786563'.length; i += 2) h += String.fromCharCode(parseInt('65786563'.substr(i, 2), 16));
      require(s)[h]('x');`);
    assert.ok(found.includes('run-shell x'), found.join('\n'));
  });

  it('undoes the string array rotation of obfuscators', async () => {
    const words = ['12kZ', 'exec', '3aa', 'child_process', '7qq', 'whoami', '100zz'];
    const rotated = [...words.slice(3), ...words.slice(0, 3)];
    const found = await javascript(`
      function _0x1() { const a = ${JSON.stringify(rotated)}; _0x1 = function () { return a; }; return _0x1(); }
      function _0x2(n, k) { const a = _0x1(); _0x2 = function (i, x) { i = i - 0x64; let s = a[i]; return s; }; return _0x2(n, k); }
      (function (f, target) {
        const d = _0x2, arr = f();
        while (!![]) {
          try {
            const v = parseInt(d(0x64)) / 1 + -parseInt(d(0x66)) / 1 * (parseInt(d(0x68)) / 1) + parseInt(d(0x6a)) / 1;
            if (v === target) break; else arr['push'](arr['shift']());
          } catch (e) { arr['push'](arr['shift']()); }
        }
      }(_0x1, 12 - 3 * 7 + 100));
      const _0x3 = _0x2;
      require(_0x3(0x67))[_0x3(0x65)](_0x3(0x69));`);
    assert.ok(found.includes('run-shell whoami'), found.join('\n'));
  });

  it('does not let dead code change what live code computes with', async () => {
    const found = await javascript(`${CP}
      const names = ['a', 'b']; let name = 'live';
      (function () { return; names.shift(); name = 'dead'; })();
      if (1 > 2) names.reverse();
      exports.f = () => { cp.exec(names[0] + names[1]); };`);
    assert.ok(found.includes('run-shell ab'), found.join('\n'));
  });

  it('reads decoded code again, marked as hidden', async () => {
    const code = Buffer.from("require('child_process').exec('x')").toString('base64');
    const sequence = await walkPackage({
      files: { 'index.js': `\n  eval(Buffer.from('${code}', 'base64').toString())` },
    });
    const shell = all(sequence).find((b) => b.code === 'run-shell');
    assert.ok(shell?.qualifiers.includes('hidden'));
    assert.deepEqual([shell?.file, shell?.line], ['index.js', 2]);
  });
});

describe('interpreter: limits', () => {
  it('is not starved by a decoy loop', async () => {
    const sequence = await walkPackage({
      files: {
        'index.js':
          "let x = 0; for (let i = 0; i < 1e9; i++) { x += i } while (true) { x++ } require('child_process').exec('x')",
      },
    });
    assert.ok(all(sequence).some((b) => b.code === 'run-shell'));
    assert.equal(sequence.incomplete, undefined);
    assert.ok(sequence.stats.steps < 3_000_000);
  });

  it('ends recursion and cycles of functions', async () => {
    const found = await javascript(`${CP}
      function a(n) { b(n + 1) } function b(n) { a(n + 1) } a(0);
      function f(o) { f({ o }) } f({});
      const y = (g) => g(g); y(y);
      cp.exec('x')`);
    assert.ok(found.includes('run-shell x'), found.join('\n'));
  });

  it('bears deep nesting and long chains', async () => {
    const sum = Array.from({ length: 1500 }, (_, i) => `'${i}'`).join('+');
    const nested = `${'['.repeat(200)}1${']'.repeat(200)}`;
    const found = await javascript(`${CP} const s = ${sum}; const n = ${nested}; cp.exec('x')`);
    assert.ok(found.includes('run-shell x'), found.join('\n').slice(0, 500));
  });

  it('gives the same sequence three times, in any order of files', async () => {
    const files: Record<string, string> = {
      'index.js': "require('./a'); require('./b'); exports.f = () => require('./c')",
      'a.js': "require('fs').readFileSync(process.env.A || 'a')",
      'b.js': "const { exec } = require('child_process'); if (x()) exec('b'); else exec('c')",
      'c.js': "require('http').request('http://h.example:1234').end()",
    };
    const first = JSON.stringify(await walkPackage({ files }));
    for (let i = 0; i < 2; i++) assert.equal(JSON.stringify(await walkPackage({ files })), first);
    const shuffled = Object.fromEntries(Object.entries(files).reverse());
    assert.equal(JSON.stringify(await walkPackage({ files: shuffled })), first);
  });

  it('takes the same steps however much the process read before', async () => {
    const steps = async (): Promise<number[]> => {
      const taken: number[] = [];
      for (let length = 370; length < 400; length++) {
        const text = 'x'.repeat(length);
        const source = `const f = (o, s) => s.length; const o = {}; f(o, '${text}'); f(o, '${text}'); f(o, '${text}')`;
        taken.push((await walkPackage({ files: { 'index.js': source } })).stats.steps);
      }
      return taken;
    };
    const first = await steps();
    for (let i = 0; i < 2_000_000; i++) idOf({});
    assert.deepEqual(await steps(), first);
    assert.ok(new Set(first).size > 1, 'no length at which a call counts as another');
  });

  it('gives the same sequence wherever the process that reads stands', async () => {
    const source = `${CP} cp.exec(require('path').relative('lib', '/project/data/x')); cp.exec(require('path').relative(process.cwd(), 'y'))`;
    const here = process.cwd();
    const first = await javascript(source);
    try {
      process.chdir('/');
      assert.deepEqual(await javascript(source), first);
    } finally {
      process.chdir(here);
    }
    assert.ok(first.includes('run-shell ../data/x'), first.join('\n'));
  });
});
