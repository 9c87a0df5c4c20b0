import { deepEqual, equal } from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { dereference, parseArgv } from '../../lib/npm/argv.js';
import { bundledLibraries, librariesOf } from '../../lib/npm/libraries.js';
import { npmMajor, npmUnderTest } from '../helpers/sandbox.js';

const bundled = bundledLibraries();
const npmRoot = path.join(path.dirname(npmUnderTest().at(-1)!), '..');

/** npm's arguments → command, kind, its positional arguments. */
const CASES: readonly [string, string, string, string][] = [
  ['install', 'install', 'install', ''],
  ['i express', 'install', 'install', 'express'],
  ['isntall express', 'install', 'install', 'express'],
  ['add express', 'install', 'install', 'express'],
  ['in x', 'install', 'install', 'x'],
  ['ins x', 'install', 'install', 'x'],
  ['inst x', 'install', 'install', 'x'],
  ['insta x', 'install', 'install', 'x'],
  ['instal x', 'install', 'install', 'x'],
  ['isnt x', 'install', 'install', 'x'],
  ['isnta x', 'install', 'install', 'x'],
  ['isntal x', 'install', 'install', 'x'],
  ['-D i x', 'install', 'install', 'x'],
  ['--save-dev install x y', 'install', 'install', 'x y'],
  ['-g install x', 'install', 'install', 'x'],
  ['--prefix /tmp/p install x', 'install', 'install', 'x'],
  ['-C /tmp/p i x', 'install', 'install', 'x'],
  ['--registry https://r.invalid install x', 'install', 'install', 'x'],
  ['-w pkg i x', 'install', 'install', 'x'],
  ['--workspace=pkg --loglevel silent i x', 'install', 'install', 'x'],
  ['i -- --odd', 'install', 'install', '--odd'],
  ['i x --no-save --omit dev --omit=optional', 'install', 'install', 'x'],
  ['-s i x', 'install', 'install', 'x'],
  ['ci', 'ci', 'install', ''],
  ['clean-install', 'ci', 'install', ''],
  ['ic', 'ci', 'install', ''],
  ['install-clean', 'ci', 'install', ''],
  ['isntall-clean', 'ci', 'install', ''],
  ['it', 'install-test', 'install', ''],
  ['installTest', 'install-test', 'install', ''],
  ['cit', 'install-ci-test', 'install', ''],
  ['sit', 'install-ci-test', 'install', ''],
  ['clean-install-test', 'install-ci-test', 'install', ''],
  ['up', 'update', 'install', ''],
  ['u x', 'update', 'install', 'x'],
  ['upgrade', 'update', 'install', ''],
  ['udpate', 'update', 'install', ''],
  ['ddp', 'dedupe', 'install', ''],
  ['dedup', 'dedupe', 'install', ''],
  ['rm x', 'uninstall', 'install', 'x'],
  ['r x', 'uninstall', 'install', 'x'],
  ['un x', 'uninstall', 'install', 'x'],
  ['unlink x', 'uninstall', 'install', 'x'],
  ['remove x', 'uninstall', 'install', 'x'],
  ['prune', 'prune', 'install', ''],
  ['exec x', 'exec', 'execute', 'x'],
  ['x -- x --flag', 'exec', 'execute', 'x --flag'],
  ['--yes x --package=a b', 'exec', 'execute', 'b'],
  ['init vite', 'init', 'execute', 'vite'],
  ['create vite app', 'init', 'execute', 'vite app'],
  ['innit vite', 'init', 'execute', 'vite'],
  ['init', 'init', 'pass', ''],
  ['init -y', 'init', 'pass', ''],
  ['rebuild', 'rebuild', 'rebuild', ''],
  ['rb x', 'rebuild', 'rebuild', 'x'],
  ['link x', 'link', 'install', 'x'],
  ['ln', 'link', 'install', ''],
  ['version patch', 'version', 'pass', 'patch'],
  ['version patch -w a', 'version', 'install', 'patch'],
  ['init -w a', 'init', 'unguarded', ''],
  ['pack', 'pack', 'pass', ''],
  ['pack x', 'pack', 'pass', 'x'],
  ['pack github:a/b', 'pack', 'unguarded', 'github:a/b'],
  ['view a/b', 'view', 'unguarded', 'a/b'],
  ['diff --diff=git+https://h.invalid/a.git', 'diff', 'unguarded', ''],
  ['run a/b', 'run', 'pass', 'a/b'],
  ['edit x', 'edit', 'unguarded', 'x'],
  ['audit', 'audit', 'pass', ''],
  ['audit fix', 'audit', 'install', 'fix'],
  ['audit --force fix', 'audit', 'install', 'fix'],
  ['audit signatures', 'audit', 'pass', 'signatures'],
  ['cache add x', 'cache', 'unguarded', 'add x'],
  ['cache ls', 'cache', 'pass', 'ls'],
  ['run build', 'run', 'pass', 'build'],
  ['rum build', 'run', 'pass', 'build'],
  ['test', 'test', 'pass', ''],
  ['ls --all', 'ls', 'pass', ''],
  ['view x', 'view', 'pass', 'x'],
  ['config set registry https://r.invalid', 'config', 'pass', 'set registry https://r.invalid'],
  ['publish', 'publish', 'pass', ''],
  ['install --help', 'install', 'pass', ''],
  ['i -h', 'install', 'pass', ''],
  ['--version', '', 'pass', ''],
  ['-v', '', 'pass', ''],
  ['', '', 'pass', ''],
  ['nonsense x', '', 'pass', 'x'],
];

describe("npm's arguments", () => {
  for (const [origin, libraries] of [
    ['bundled', bundled],
    ['of the installed npm', { ...librariesOf(npmRoot), deref: undefined }],
  ] as const) {
    it(`become a command (definitions ${origin})`, () => {
      for (const [line, command, kind, args] of CASES) {
        const invocation = parseArgv(line.split(' ').filter(Boolean), libraries);
        deepEqual(
          [invocation.command, invocation.kind, invocation.args.join(' ')],
          [command, kind, args],
          line,
        );
      }
    });
  }

  it('of another npm are passed on only where the command is known', () => {
    const other = { ...bundled, deref: (word: string) => word };
    const kindOf = (word: string) => parseArgv([word, 'x'], other).kind;
    deepEqual(['run-script', 'hook', 'patch', 'newcomer'].map(kindOf), [
      'pass',
      'pass',
      'unguarded',
      'unguarded',
    ]);
  });

  it('name options that no definition knows', () => {
    deepEqual(parseArgv(['--new-thing', 'install', 'x'], bundled).unknownOptions, ['new-thing']);
    deepEqual(parseArgv(['i', '--save-dev', '--no-audit', 'x', '--', '--mine'], bundled).unknownOptions, []);
  });

  it('are dereferenced as npm 11 does', function () {
    if (npmMajor() !== 11) this.skip();
    const { aliases, commands, deref } = createRequire(path.join(npmRoot, 'package.json'))(
      './lib/utils/cmd-list.js',
    ) as {
      aliases: Record<string, string>;
      commands: string[];
      deref: (word: string) => string | undefined;
    };
    const words = [
      ...commands,
      ...Object.keys(aliases),
      'inst',
      'installC',
      'uninstal',
      'dedu',
      'cle',
      'zzz',
    ];
    for (const word of words) equal(dereference(word), deref(word), word);
  });
});
