import { deepEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NpmConfig } from '../../lib/npm/config.js';
import { bundledLibraries } from '../../lib/npm/libraries.js';
import { ownFolders } from '../../lib/npm/own-folders.js';
import type { NpmTool } from '../../lib/npm/tool.js';

describe('folders in which npm runs scripts of the project', () => {
  let root: string;
  const tool: NpmTool = { command: ['npm'], root: undefined, version: '', libraries: bundledLibraries() };
  beforeEach(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'safe-install-folders-')));
    for (const [folder, manifest] of Object.entries({
      app: {
        workspaces: ['packages/*'],
        dependencies: {
          near: 'file:./near',
          away: '../away',
          gone: 'file:gone',
          tar: 'file:x.tgz',
          a: '^1.0.0',
        },
      },
      'app/packages/one': { name: 'one', devDependencies: { deeper: 'link:../../deeper' } },
      'app/packages/two': { name: 'two' },
      'app/near': { name: 'near', dependencies: { app: 'file:..' } },
      'app/deeper': { name: 'deeper' },
      away: { name: 'away' },
    })) {
      mkdirSync(path.join(root, folder), { recursive: true });
      writeFileSync(path.join(root, folder, 'package.json'), JSON.stringify(manifest));
    }
    writeFileSync(path.join(root, 'app/x.tgz'), '');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const ask = async (
    args: string[] = [],
    config: Partial<NpmConfig> = {},
    settings: Record<string, unknown> = {},
  ) => {
    const where = path.join(root, 'app');
    const base = { where, global: false, get: (key: string) => settings[key], ...config };
    const found = await ownFolders(tool, base as NpmConfig, { args }, where);
    return found.map((folder) => path.relative(root, folder)).sort();
  };
  const all = ['app', 'app/deeper', 'app/near', 'app/packages/one', 'app/packages/two', 'away'];

  it('are the root, its workspaces and what these link in', async () => deepEqual(await ask(), all));
  it('are none where scripts are off', async () =>
    deepEqual(await ask([], {}, { 'ignore-scripts': true }), []));
  it('are only the folders that are given where npm installs globally', async () => {
    deepEqual(await ask(['./near', 'x@file:y'], { global: true }), ['app', 'app/near', 'away']);
    deepEqual(await ask(['../away', 'left-pad'], { global: true }), ['away']);
    deepEqual(await ask(['left-pad'], { global: true }), []);
  });
  it('are the root alone where the manifest cannot be read or its workspaces cannot be told', async () => {
    writeFileSync(path.join(root, 'app/package.json'), '{');
    deepEqual(await ask(), ['app']);
    writeFileSync(path.join(root, 'app/package.json'), JSON.stringify({ workspaces: 'x', dependencies: 1 }));
    deepEqual(await ask(), ['app']);
  });
});
