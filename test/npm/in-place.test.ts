import { equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NpmConfig } from '../../lib/npm/config.js';
import { packagesInPlace } from '../../lib/npm/in-place.js';
import type { TreeRequest } from '../../lib/npm/resolve.js';

describe('packages in place', () => {
  let where: string;
  const write = (name: string, value: unknown): void => {
    const file = path.join(where, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(value));
  };
  const a = { version: '1.0.0', integrity: 'sha512-a' };
  const manifest = { name: 'app', version: '1.0.0', dependencies: { a: '^1.0.0' } };
  const lock = { lockfileVersion: 3, packages: { '': manifest, 'node_modules/a': a } };
  const record = { lockfileVersion: 3, packages: { 'node_modules/a': a } };

  beforeEach(() => {
    where = mkdtempSync(path.join(tmpdir(), 'safe-install-in-place-'));
    write('package.json', { ...manifest, scripts: { test: 'x' } });
    write('package-lock.json', lock);
    write('node_modules/a/package.json', { name: 'a', version: '1.0.0' });
    write('node_modules/.package-lock.json', record);
  });
  afterEach(() => rmSync(where, { recursive: true, force: true }));

  const ask = (request: Partial<TreeRequest> = {}, settings: Record<string, unknown> = {}) => {
    const config = { workspaceNames: [], get: (key: string) => settings[key] } as unknown as NpmConfig;
    return packagesInPlace(config, { command: 'install', args: [], where, global: false, ...request });
  };

  it('are counted when all records agree', () => {
    equal(ask(), 1);
  });

  it('may lack what is optional', () => {
    const other = { version: '1.0.0', integrity: 'sha512-b', optional: true };
    write('package-lock.json', { ...lock, packages: { ...lock.packages, 'node_modules/b': other } });
    equal(ask(), 1);
  });

  for (const [title, change] of [
    [
      'the project asks for something else',
      () => write('package.json', { ...manifest, dependencies: { a: '^2.0.0' } }),
    ],
    ['the project overrides something', () => write('package.json', { ...manifest, overrides: { a: '1' } })],
    ['the project has workspaces', () => write('package.json', { ...manifest, workspaces: ['x'] })],
    ['there is no lockfile', () => rmSync(path.join(where, 'package-lock.json'))],
    ['a shrinkwrap counts', () => write('npm-shrinkwrap.json', lock)],
    ['npm has no record', () => rmSync(path.join(where, 'node_modules/.package-lock.json'))],
    ['a package is missing', () => rmSync(path.join(where, 'node_modules/a'), { recursive: true })],
    [
      'a package is not in the record',
      () => write('package-lock.json', { ...lock, packages: { ...lock.packages, 'node_modules/b': a } }),
    ],
    [
      'other bytes are wanted',
      () =>
        write('package-lock.json', {
          ...lock,
          packages: { ...lock.packages, 'node_modules/a': { ...a, integrity: 'sha512-c' } },
        }),
    ],
    [
      'a folder is linked in',
      () =>
        write('package-lock.json', {
          ...lock,
          packages: { ...lock.packages, 'node_modules/l': { link: true } },
        }),
    ],
    [
      'a package changed after the record was written',
      () => {
        const later = new Date(Date.now() + 60_000);
        utimesSync(path.join(where, 'node_modules/a'), later, later);
      },
    ],
    ['a record is damaged', () => writeFileSync(path.join(where, 'package-lock.json'), '{')],
  ] as const) {
    it(`are not said to be there when ${title}`, () => {
      change();
      equal(ask(), undefined);
    });
  }

  it('are not looked for where more than a plain install is asked for', () => {
    equal(ask({ args: ['b'] }), undefined);
    equal(ask({ command: 'ci' }), undefined);
    equal(ask({ global: true }), undefined);
    equal(ask({ includeKept: true }), undefined);
    equal(ask({}, { force: true }), undefined);
    equal(ask({}, { 'package-lock': false }), undefined);
  });
});
