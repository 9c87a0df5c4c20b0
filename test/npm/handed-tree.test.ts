import { equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { NpmConfig } from '../../lib/npm/config.js';
import { heardWarnings, lockfileFor } from '../../lib/npm/handed-tree.js';
import type { TreeNode } from '../../lib/npm/libraries.js';
import type { TreeRequest } from '../../lib/npm/resolve.js';

describe('the tree handed to npm', () => {
  let where: string;
  beforeEach(() => {
    where = mkdtempSync(path.join(tmpdir(), 'safe-install-handed-'));
  });
  afterEach(() => rmSync(where, { recursive: true, force: true }));

  interface Asked {
    readonly node?: Record<string, unknown>;
    readonly request?: Partial<TreeRequest>;
    readonly settings?: Record<string, unknown>;
    readonly workspaceNames?: string[];
  }
  const ask = ({ node, request, settings = {}, workspaceNames = [] }: Asked = {}): string | undefined => {
    const plain = { package: {}, resolved: 'https://registry.invalid/a.tgz', integrity: 'sha512-a', ...node };
    const inventory = new Map<string, unknown>([
      ['', { isRoot: true, package: {} }],
      ['node_modules/a', plain],
    ]);
    const tree = { inventory, meta: { resolveOptions: {}, toString: () => 'lock' } } as unknown as TreeNode;
    const config = { workspaceNames, get: (key: string) => settings[key] } as unknown as NpmConfig;
    return lockfileFor(tree, config, { command: 'install', args: [], where, global: false, ...request });
  };

  it('is its lockfile', () => {
    equal(ask(), 'lock');
    equal(ask({ settings: { 'lockfile-version': 3 } }), 'lock');
  });

  it('is none where npm begins with records of its own', () => {
    for (const name of ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock']) {
      writeFileSync(path.join(where, name), '{}');
      equal(ask(), undefined, name);
      rmSync(path.join(where, name));
    }
    mkdirSync(path.join(where, 'node_modules'));
    equal(ask(), undefined);
  });

  it('is none for what a lockfile does not tell in full', () => {
    const nodes = [
      { isLink: true },
      { inBundle: true },
      { hasShrinkwrap: true },
      { package: { bundleDependencies: ['b'] } },
      { package: { bundledDependencies: true } },
      { integrity: null },
      { resolved: null },
      { resolved: 'file:a.tgz' },
      { resolved: 'git+ssh://git@host.invalid/a.git' },
    ];
    for (const node of nodes) equal(ask({ node }), undefined, JSON.stringify(node));
  });

  it('is none for other commands, places and settings', () => {
    equal(ask({ request: { command: 'update' } }), undefined);
    equal(ask({ request: { global: true } }), undefined);
    equal(ask({ workspaceNames: ['a'] }), undefined);
    equal(ask({ settings: { 'package-lock': false } }), undefined);
    equal(ask({ settings: { 'install-strategy': 'linked' } }), undefined);
    equal(ask({ settings: { 'lockfile-version': 1 } }), undefined);
  });

  it('waits for warnings while the tree is resolved, but for those of every tree', () => {
    const log = (level: string, prefix: string): void =>
      void process.emit('log' as never, level as never, prefix as never);
    const heard = heardWarnings();
    log('silly', 'ERESOLVE');
    log('warn', 'EBADENGINE');
    equal(heard.any, false);
    log('warn', 'ERESOLVE');
    equal(heard.any, true);
    heard.stop();
    const later = heardWarnings();
    later.stop();
    log('warn', 'ERESOLVE');
    equal(later.any, false);
  });
});
