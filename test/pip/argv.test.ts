import assert from 'node:assert/strict';
import { parsePipArguments } from '../../lib/pip/argv.js';

const GUARDED: readonly string[] = [
  'install flask',
  'download flask',
  'wheel flask',
  'lock flask',
  '-q install flask',
  '--proxy http://p.invalid install flask',
  '--proxy=http://p.invalid install flask',
  '--cert list install flask',
  '--timeout 3 -v --no-input install x',
  '--log install.log install x',
  '--python .venv install x',
  'install',
  'install -r requirements.txt',
  'install -t help x',
  'a-command-of-a-later-pip x',
];

const PASSING: readonly string[] = [
  '',
  'list',
  'freeze',
  '--isolated list',
  'show flask',
  'check',
  'uninstall -y flask',
  'config set global.x y',
  'cache purge',
  'index versions flask',
  'inspect',
  'hash x.whl',
  'help install',
  'debug',
  'completion --bash',
  'install --help',
  'install -h x',
  '--version',
  '-V',
  'install -qh x',
];

describe('pip/argv', () => {
  for (const line of GUARDED) {
    it(`guards: pip ${line}`, () => assert.equal(parsePipArguments(words(line)).guarded, true));
  }
  for (const line of PASSING) {
    it(`passes: pip ${line}`, () => assert.equal(parsePipArguments(words(line)).guarded, false));
  }

  const READ: readonly [string, Readonly<Record<string, readonly string[]>>, readonly string[]][] = [
    ['install -r a.txt -c b.txt x', { requirement: ['a.txt'], constraint: ['b.txt'] }, ['x']],
    ['install -ra.txt --requirement=b.txt x', { requirement: ['a.txt', 'b.txt'] }, ['x']],
    [
      'install --requirem a.txt',
      { requirement: ['a.txt'], 'requirements-from-script': ['a.txt'] },
      ['a.txt'],
    ],
    ['install -Ur a.txt', { upgrade: [''], requirement: ['a.txt'] }, []],
    ['install -i https://a.invalid x', { 'index-url': ['https://a.invalid'] }, ['x']],
    ['install --index-url=https://a.invalid x', { 'index-url': ['https://a.invalid'] }, ['x']],
    ['install --pypi-url https://a.invalid x', { 'index-url': ['https://a.invalid'] }, ['x']],
    ['install --extra-index-url a --extra-index-url=b x', { 'extra-index-url': ['a', 'b'] }, ['x']],
    ['install --extra-index a x', { 'extra-index-url': ['a'] }, ['x']],
    ['--proxy p install x', { proxy: ['p'] }, ['x']],
    ['install -e . -e ./b', { editable: ['.', './b'] }, []],
    ['install -f wheels --no-index x', { 'find-links': ['wheels'], 'no-index': [''] }, ['x']],
    ['install -- -x', {}, ['-x']],
    ['install --only-binary=:all: x y', { 'only-binary': [':all:'] }, ['x', 'y']],
    ['install --no-cache-dir x', { 'no-cache-dir': [''] }, ['x']],
  ];
  for (const [line, options, positional] of READ) {
    it(`reads: pip ${line}`, () => {
      const parsed = parsePipArguments(words(line));
      assert.deepEqual(Object.fromEntries(parsed.options), options);
      assert.deepEqual(parsed.positional, positional);
    });
  }

  it('puts own options before a bare --, else at the end', () => {
    assert.equal(parsePipArguments(words('install -t -- x -- y')).insertAt, 4);
    assert.equal(parsePipArguments(words('install x')).insertAt, 2);
  });

  it('sees an option that would swallow what is put behind it', () => {
    assert.equal(parsePipArguments(words('install x -t')).missingValue, '-t');
    assert.equal(parsePipArguments(words('install x --target')).missingValue, '--target');
    assert.equal(parsePipArguments(words('install x --target y')).missingValue, undefined);
  });
});

const words = (line: string): string[] => line.split(' ').filter(Boolean);
