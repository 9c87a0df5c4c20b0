/**
 * Real npm on real Node.js, guarded in three ways, with the bundled model, against a registry in this process. In each
 * cell the malicious fixture's canary is never written; in a guarded one the honest twin exits 0 and its script ran.
 * `npm run test:matrix` runs all cells and prints a table; otherwise only a diagonal is run.
 */
import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../../lib/setup/setup.js';
import { shimFolder } from '../../lib/tools.js';
import { HONEST, STEALS } from '../fixtures/install-scripts.js';
import { TestRegistry } from '../helpers/registry.js';
import { type Toolchain, toolchain } from '../helpers/toolchains.js';
import { allCells, type Cell, DIAGONAL, gapOf, NODES, runsScripts, titleOf } from './cells.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const GUARD = path.join(PROJECT, 'bin/safe-install.js');

const scripts = { postinstall: 'node install.js' };
const full = process.env.MATRIX === 'full';
const cells = full ? allCells() : DIAGONAL;
const results = new Map<string, string>();

describe(full ? 'the whole matrix' : 'a diagonal of the matrix', () => {
  let registry: TestRegistry;
  let root: string;
  const at = (...names: string[]) => path.join(root, ...names);

  before(async () => {
    registry = await new TestRegistry().start();
    const bin = { run: 'run.js' };
    const publish = (name: string, version: string, text: string) =>
      registry.publish(
        { name, version, scripts, bin },
        { files: { 'install.js': text, 'run.js': '#!/usr/bin/env node\n', 'index.js': '' } },
      );
    publish('thief', '1.0.0', STEALS);
    publish('honest', '1.0.0', HONEST);
    // An update brings the release with the script.
    registry.publish({ name: 'thief-later', version: '1.0.0' }, { files: { 'index.js': '' } });
    publish('thief-later', '1.1.0', STEALS);
    registry.publish({ name: 'honest-later', version: '1.0.0' }, { files: { 'index.js': '' } });
    publish('honest-later', '1.1.0', HONEST);
  });
  after(() => {
    if (full) console.log(table());
    return registry.stop();
  });
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'matrix-'));
    for (const name of ['project', 'home', 'tools', 'guard', 'canary', 'global']) mkdirSync(at(name));
    writeFileSync(
      at('home', '.npmrc'),
      `registry=${registry.url}\ncache=${at('cache')}\nprefix=${at('global')}\naudit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n`,
    );
    symlinkSync(GUARD, at('guard', 'safe-install'));
    symlinkSync(path.join(PROJECT, 'hooks/script-shell.sh'), at('guard', 'install-safe-install-first'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const systemPath = '/usr/local/bin:/usr/bin:/bin';
  const environment = (first: readonly string[] = []) => ({
    PATH: [...first, at('tools'), systemPath].join(':'),
    HOME: at('home'),
    CANARY_FOLDER: at('canary'),
    TERM: 'dumb',
  });

  function useToolchain({ command: [node = '', npm = ''] }: Toolchain): void {
    symlinkSync(node, at('tools', 'node'));
    for (const [name, script] of [
      ['npm', npm],
      ['npx', path.join(path.dirname(npm), 'npx-cli.js')],
    ] as const) {
      writeFileSync(at('tools', name), `#!/bin/sh\nexec "${node}" "${script}" "$@"\n`);
      chmodSync(at('tools', name), 0o755);
    }
  }

  async function run(command: readonly string[], first: readonly string[] = []) {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: at('project'),
      env: environment(first),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, output };
  }

  const plain = async (...args: string[]): Promise<void> => {
    const { code, output } = await run([at('tools', 'npm'), ...args]);
    equal(code, 0, output);
  };

  /** What must be there before the command: lockfile, installed packages. Nothing of it runs a script. */
  async function prepare({ command, npm }: Cell, name: string): Promise<string[]> {
    const later = `${name}-later`;
    const manifest = (dependencies: Record<string, string>) =>
      writeFileSync(
        at('project', 'package.json'),
        JSON.stringify({
          name: 'app',
          version: '1.0.0',
          private: true,
          dependencies,
          ...(npm === '12' ? { allowScripts: { [name]: true, [later]: true } } : {}),
        }),
      );
    switch (command) {
      case 'install':
        manifest({ [name]: '1.0.0' });
        return ['install'];
      case 'ci':
        manifest({ [name]: '1.0.0' });
        await plain('install', '--package-lock-only', '--ignore-scripts');
        return ['ci'];
      case 'exec':
        manifest({});
        return ['exec', '--yes', `--package=${name}`, '--', 'run'];
      case 'update':
        manifest({ [later]: '1.0.0' });
        await plain('install', '--ignore-scripts');
        manifest({ [later]: '^1.0.0' });
        return ['update'];
      case 'rebuild':
        manifest({ [name]: '1.0.0' });
        await plain('install', '--ignore-scripts');
        return ['rebuild'];
      case 'global':
        manifest({});
        return ['install', '-g', name];
    }
  }

  async function guarded({ way }: Cell, args: readonly string[]) {
    if (way === 'prefix') return run([at('tools', 'node'), GUARD, 'npm', ...args]);
    if (way === 'shim') {
      setup([], environment());
      return run([path.join(shimFolder(environment()), 'npm'), ...args], [shimFolder(environment())]);
    }
    const init = await run(['safe-install', 'init'], [at('guard')]);
    equal(init.code, 0, init.output);
    return run([at('tools', 'npm'), ...args], [at('guard')]);
  }

  for (const cell of cells) {
    const gap = gapOf(cell);
    it(`${titleOf(cell)}${gap === undefined ? '' : ` (gap: ${gap})`}`, async function () {
      if (gap !== undefined) {
        results.set(titleOf(cell), 'gap');
        this.skip();
      }
      results.set(titleOf(cell), 'FAILED');
      const current = process.versions.node.split('.')[0];
      useToolchain(toolchain(cell.npm, cell.node === current ? undefined : cell.node));
      const stopped = await guarded(cell, await prepare(cell, 'thief'));
      deepEqual(readdirSync(at('canary')), [], stopped.output);
      notEqual(stopped.code, 0, stopped.output);
      rmSync(at('project'), { recursive: true });
      rmSync(at('home', '.local'), { recursive: true, force: true });
      mkdirSync(at('project'));
      const passed = await guarded(cell, await prepare(cell, 'honest'));
      equal(passed.code, 0, passed.output);
      deepEqual(readdirSync(at('canary')), runsScripts(cell) ? ['honest'] : [], passed.output);
      results.set(titleOf(cell), 'ok');
    });
  }
});

/** One line an npm and Node.js and way, one column a command. */
function table(): string {
  const commands = ['install', 'ci', 'exec', 'update', 'rebuild', 'global'] as const;
  const lines = [
    `| npm, Node, way | ${commands.join(' | ')} |`,
    `|---|${commands.map(() => '---|').join('')}`,
  ];
  for (const npm of ['10', '11', '12'] as const) {
    for (const node of NODES) {
      for (const way of ['prefix', 'shim', 'hook'] as const) {
        const row = commands.map((command) => results.get(titleOf({ npm, node, command, way })) ?? '-');
        lines.push(`| ${npm}, ${node}, ${way} | ${row.join(' | ')} |`);
      }
    }
  }
  return lines.join('\n');
}
