import { deepEqual } from 'node:assert/strict';
import { bundledLibraries } from '../../lib/npm/libraries.js';
import { npxToExec } from '../../lib/npm/npx.js';

const CASES: readonly [string, string][] = [
  ['cowsay hi', 'exec -- cowsay hi'],
  ['-y cowsay --flag', 'exec --yes -- cowsay --flag'],
  ['--yes cowsay', 'exec --yes -- cowsay'],
  ['-p a -p b@2 tool -p', 'exec --package a --package b@2 -- tool -p'],
  ['--package=a tool', 'exec --package=a -- tool'],
  ['--no-install tool', 'exec --yes=false -- tool'],
  ['-c "x y"', 'exec --call "x -- y"'],
  ['--shell zsh tool', 'exec --script-shell zsh -- tool'],
  ['--ignore-existing tool', 'exec -- tool'],
  ['-n --inspect tool', 'exec -- tool'],
  ['-- tool --x', 'exec -- tool --x'],
  ['--version', 'exec --version'],
  ['', 'exec'],
];

describe('npx arguments', () => {
  it('become npm exec arguments as npm rewrites them', () => {
    const libraries = bundledLibraries();
    for (const [npx, exec] of CASES)
      deepEqual(npxToExec(npx.split(' ').filter(Boolean), libraries).join(' '), exec, npx);
  });
});
