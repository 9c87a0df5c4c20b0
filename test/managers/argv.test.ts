import { deepEqual } from 'node:assert/strict';
import { type ManagerName, parseManagerArgv } from '../../lib/managers/argv.js';

/** Command line → command, kind, its positional arguments. */
const CASES: Readonly<Record<ManagerName, readonly [string, string, string, string][]>> = {
  pnpm: [
    ['', '', 'pass', ''],
    ['install', 'install', 'install', ''],
    ['i', 'i', 'install', ''],
    ['ci', 'ci', 'install', ''],
    ['add x -D', 'add', 'install', 'x'],
    ['-D add x', 'add', 'install', 'x'],
    ['-C sub add x', 'add', 'install', 'x'],
    ['--filter app... add x', 'add', 'install', 'x'],
    ['--new-thing value add x', 'add', 'install', 'x'],
    ['--new-thing=value add x', 'add', 'install', 'x'],
    ['-r update', 'update', 'install', ''],
    ['recursive install', 'install', 'install', ''],
    ['m i', 'i', 'install', ''],
    ['rm x', 'rm', 'install', 'x'],
    ['dedupe', 'dedupe', 'install', ''],
    ['fetch', 'fetch', 'install', ''],
    ['deploy out', 'deploy', 'install', 'out'],
    ['add -g x', 'add', 'install', 'x'],
    ['rebuild', 'rebuild', 'rebuild', ''],
    ['approve-builds', 'approve-builds', 'rebuild', ''],
    ['dlx cowsay hello', 'dlx', 'execute', 'cowsay hello'],
    ['create vite', 'create', 'execute', 'vite'],
    ['run build', 'run', 'pass', 'build'],
    ['build', 'build', 'pass', ''],
    ['test', 'test', 'pass', ''],
    ['exec tsc', 'exec', 'pass', 'tsc'],
    ['exec -- npm install', 'exec', 'pass', 'npm install'],
    ['store path', 'store', 'pass', 'path'],
    ['why x', 'why', 'pass', 'x'],
    ['--version', '', 'pass', ''],
    ['add --help', 'add', 'pass', ''],
    ['add x -D -h', 'add', 'pass', 'x'],
    ['add x --tag --help', 'add', 'install', 'x'],
    ['add x --dir -h', 'add', 'install', 'x'],
  ],
  yarn: [
    ['', 'install', 'install', ''],
    ['--frozen-lockfile', 'install', 'install', ''],
    ['--cwd sub', 'install', 'install', ''],
    ['install', 'install', 'install', ''],
    ['add x@1 -D', 'add', 'install', 'x@1'],
    ['--cwd sub add x', 'add', 'install', 'x'],
    ['global add x', 'add', 'install', 'x'],
    ['workspace app add x', 'add', 'install', 'x'],
    ['workspace app run build', 'run', 'pass', 'build'],
    ['workspaces focus app', 'focus', 'install', 'app'],
    ['workspaces foreach -A add x', 'add', 'install', 'x'],
    ['workspaces foreach -A run build', 'foreach', 'pass', 'foreach run build'],
    ['workspaces list', 'workspaces', 'pass', 'list'],
    ['up x', 'up', 'install', 'x'],
    ['upgrade', 'upgrade', 'install', ''],
    ['remove x', 'remove', 'install', 'x'],
    ['dedupe', 'dedupe', 'install', ''],
    ['rebuild', 'rebuild', 'rebuild', ''],
    ['dlx x', 'dlx', 'execute', 'x'],
    ['create vite', 'create', 'execute', 'vite'],
    ['plugin import https://h.invalid/p.js', 'plugin', 'refuse', 'import https://h.invalid/p.js'],
    ['plugin list', 'plugin', 'pass', 'list'],
    ['unplug x', 'unplug', 'install', 'x'],
    ['set resolution x@npm:^1 npm:1.0.0', 'set resolution', 'install', 'x@npm:^1 npm:1.0.0'],
    ['set version stable', 'set', 'pass', 'version stable'],
    ['version patch', 'version', 'install', 'patch'],
    ['version apply --all', 'version', 'install', 'apply'],
    ['version check', 'version', 'pass', 'check'],
    ['version', 'version', 'pass', ''],
    ['version --new-version 1.2.3', 'version', 'pass', '1.2.3'],
    ['run build', 'run', 'pass', 'build'],
    ['build', 'build', 'pass', ''],
    ['why x', 'why', 'pass', 'x'],
    ['--version', '', 'pass', ''],
  ],
  bun: [
    ['', '', 'pass', ''],
    ['install', 'install', 'install', ''],
    ['i x', 'i', 'install', 'x'],
    ['a x', 'a', 'install', 'x'],
    ['--cwd=sub add x', 'add', 'install', 'x'],
    ['--cwd sub add x', 'add', 'install', 'x'],
    ['update', 'update', 'install', ''],
    ['rm x', 'rm', 'install', 'x'],
    ['r x', 'r', 'install', 'x'],
    ['patch-commit x', 'patch-commit', 'install', 'x'],
    ['patch --commit x', 'patch', 'install', 'x'],
    ['patch x', 'patch', 'pass', 'x'],
    ['pm trust x', 'pm trust', 'rebuild', 'x'],
    ['pm ls', 'pm', 'pass', ''],
    ['x cowsay', 'x', 'execute', 'cowsay'],
    ['create vite', 'create', 'execute', 'vite'],
    ['init', 'init', 'execute', ''],
    ['run build', 'run', 'pass', 'build'],
    ['index.ts', 'index.ts', 'pass', ''],
    ['test', 'test', 'pass', ''],
    ['--version', '', 'pass', ''],
  ],
};

describe("other managers' arguments", () => {
  for (const [manager, cases] of Object.entries(CASES) as [ManagerName, (typeof CASES)[ManagerName]][]) {
    it(`of ${manager} become a command`, () => {
      for (const [line, command, kind, args] of cases) {
        const found = parseManagerArgv(manager, line.split(' ').filter(Boolean));
        deepEqual(
          [found.command, found.kind, found.args.join(' ')],
          [command, kind, args],
          `${manager} ${line}`,
        );
      }
    });
  }

  it('say where to work and for whom', () => {
    const { directory, global } = parseManagerArgv('pnpm', ['-C', 'sub', 'add', '-g', 'x']);
    deepEqual([directory, global], ['sub', true]);
    deepEqual(parseManagerArgv('yarn', ['global', 'add', 'x']).global, true);
    deepEqual(parseManagerArgv('bun', ['--cwd=sub', 'add', 'x']).directory, 'sub');
    deepEqual(parseManagerArgv('pnpm', ['run', 'x', '--', '-g', '--dir', 'y']).directory, undefined);
  });
});
