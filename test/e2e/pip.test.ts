import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { inTreeBackend, mark, plain, setupPy } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';
import type { Package } from '../helpers/python-archives.js';

/** One way code comes in: the same packages, honest and with a mark; `blame` is the one the scanner flags. */
interface Case {
  readonly name: string;
  readonly ask: string;
  readonly blame: string;
  packages(top: string, canary: string): { sdists?: readonly Package[]; wheels?: readonly Package[] };
  /** How the flagged package came in, from the command line on. */
  readonly path: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'setup.py',
    ask: 'alpha',
    blame: 'alpha',
    packages: (top) => ({ sdists: [setupPy('alpha', top)] }),
    path: ['pip install', 'alpha@1.0'],
  },
  {
    name: 'import of a wheel',
    ask: 'bravo',
    blame: 'bravo',
    packages: (top) => ({ wheels: [plain('bravo', { 'bravo/__init__.py': `${top}value = 1\n` })] }),
    path: ['pip install', 'bravo@1.0'],
  },
  {
    name: '.pth of a wheel',
    ask: 'charlie',
    blame: 'charlie',
    packages: (top) => ({
      wheels: [plain('charlie', { 'charlie.py': '', 'charlie.pth': `import sys; ${top || 'pass\n'}` })],
    }),
    path: ['pip install', 'charlie@1.0'],
  },
  {
    name: 'in-tree build backend',
    ask: 'delta',
    blame: 'delta',
    packages: (top) => ({ sdists: [inTreeBackend('delta', { top })] }),
    path: ['pip install', 'delta@1.0'],
  },
  {
    name: 'build dependency',
    ask: 'echo1',
    blame: 'tooling',
    packages: (top) => ({
      sdists: [inTreeBackend('echo1', { top: 'import tooling\n', buildRequires: ['tooling'] })],
      wheels: [plain('tooling', { 'tooling.py': `${top}value = 1\n` })],
    }),
    path: ['pip install', 'echo1@1.0 (to build it)', 'tooling@1.0'],
  },
  {
    name: 'third-level dependency',
    ask: 'top1',
    blame: 'low',
    packages: (top) => ({
      wheels: [
        plain('top1', { 'top1.py': 'import mid\n' }, ['mid']),
        plain('mid', { 'mid.py': 'import low\n' }, ['low>=0.1']),
        plain('low', { 'low.py': `${top}value = 1\n` }),
      ],
    }),
    path: ['pip install', 'top1@1.0', 'mid@1.0', 'low@1.0'],
  },
];

describe('pip install behind the gate', function () {
  this.timeout(300_000);
  let world: PipWorld;
  before(async () => {
    world = await PipWorld.create();
  });
  after(() => world.remove());
  afterEach(async () => {
    assert.deepEqual(readdirSync(world.temporary), [], 'temporary files are left');
    await world.reset();
  });

  for (const one of CASES) {
    const publish = (top: string): void => {
      const { sdists = [], wheels = [] } = one.packages(top, world.canary);
      for (const pkg of sdists) {
        const bytes = world.index.addSdist(pkg);
        if (pkg.name === one.blame && top !== '') world.flag(bytes);
      }
      for (const pkg of wheels) {
        const bytes = world.index.addWheel(pkg);
        if (pkg.name === one.blame && top !== '') world.flag(bytes);
      }
    };

    it(`blocks: ${one.name}`, async () => {
      publish(mark(world.canary, one.name));
      const before = world.installed();
      const result = await world.guarded(['install', one.ask]);
      assert.equal(result.exitCode, 100, result.stderr);
      assert.equal(result.results.at(-1)?.verdict.name, one.blame);
      assert.deepEqual(result.results.at(-1)?.path, one.path);
      assert.deepEqual(world.installed(), before);
      await world.freeze(); // starts the interpreter, as the next person would
      assert.equal(world.canaryText(), '');
      assert.doesNotMatch(result.stdout, /Successfully installed/);
    });

    it(`installs the honest twin as plain pip does: ${one.name}`, async () => {
      publish('');
      await world.pip(['install', '--no-cache-dir', one.ask]);
      const expected = { freeze: await world.freeze(), files: world.installed() };
      await world.reset();
      const result = await world.guarded(['install', one.ask]);
      assert.equal(result.exitCode, 0, result.stderr);
      assert.match(result.stdout, /Successfully installed/);
      assert.deepEqual({ freeze: await world.freeze(), files: world.installed() }, expected);
      assert.ok(result.results.some(({ verdict }) => verdict.name === one.blame));
    });

    it(`would have run without the guard: ${one.name}`, async () => {
      publish(mark(world.canary, one.name));
      await world.pip(['install', '--no-cache-dir', one.ask]);
      await world.pip(['list']);
      const modules = one.name.startsWith('import') || one.name.startsWith('third') ? [one.blame] : [];
      for (const module of modules) await world.python(`import ${module}`);
      assert.match(world.canaryText(), new RegExp(one.name.replaceAll('.', '\\.')));
    });
  }
});
