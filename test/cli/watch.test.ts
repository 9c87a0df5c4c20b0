import assert from 'node:assert/strict';
import { run } from '../../lib/cli/watch.js';
import { KnownError } from '../../lib/errors.js';

describe('cli/watch', () => {
  const senseless: readonly (readonly string[])[] = [
    [],
    ['cargo'],
    ['npm', '--from', 'x'],
    ['--from', 'not-there'],
    ['npm', 'pypi', '--since', '1'],
    ['npm', 'pypi', '--feed', 'https://feed.invalid/'],
    ['npm', '--registry', 'ftp://registry.invalid/'],
    ['npm', '--metrics', 'x'],
    ['npm', '--rate', '0'],
    ['npm', '--threads', '1e9'],
    ['npm', '--published-after', '2026-01-01'],
    ['npm', '--since', '1', '--published-after', 'yesterday'],
    ['npm', '--since', '1'],
    ['npm', '--unknown'],
    ['export'],
    ['export', 'all'],
    ['export', 'osv', 'x'],
    ['export', 'feed', '1'],
    ['mark', '1'],
    ['mark', 'x', 'confirmed'],
    ['mark', '1', 'evil'],
    ['findings', 'x'],
    ['findings', '--last', '0'],
    ['status', 'x'],
  ];
  for (const argv of senseless) {
    it(`watch ${argv.join(' ')} is refused before anything is opened`, async () => {
      await assert.rejects(
        run(argv),
        (error: unknown) => error instanceof KnownError && error.exitCode === 2,
      );
    });
  }
});
