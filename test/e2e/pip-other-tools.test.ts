import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { guardOther, type OtherTool } from '../../lib/pip/other-tools.js';
import { findTool } from '../../lib/tools.js';
import { inTreeBackend, mark, plain } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';
import { buildWheel, wheelName } from '../helpers/python-archives.js';

/** Run where the tools are: `SAFE_INSTALL_TEST_UV=/path/to/uv`, or on PATH. */
const program = (tool: OtherTool): string | undefined =>
  process.env[`SAFE_INSTALL_TEST_${tool.toUpperCase()}`] ?? findTool(tool);

describe('uv and pipx behind the gate', function () {
  this.timeout(300_000);
  let world: PipWorld;
  before(async () => {
    world = await PipWorld.create();
    world.index.addWheel(plain('good', { 'good.py': 'value = 1\n' }));
    world.flag(world.index.addWheel(plain('bad', { 'bad.py': 'value = 2\n' })));
    world.flag(world.index.addSdist(inTreeBackend('badbuild', { top: mark(world.canary, 'built') })));
    world.index.addWheel(plain('asks', { 'asks.py': '' }, ['badbuild']));
    world.index.addWheel(plain('tool1', { 'tool1.py': 'def main(): pass\n' }), {
      'entry_points.txt': '[console_scripts]\ntool1 = tool1:main\n',
    });
  });
  after(() => world.remove());
  afterEach(async () => {
    assert.deepEqual(readdirSync(world.temporary), [], 'temporary files are left');
    await world.reset();
  });

  const run = (tool: OtherTool, argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    guardOther({
      tool,
      program: program(tool)!,
      argv,
      cwd: world.folder,
      env: { ...world.env, UV_DEFAULT_INDEX: world.index.url, ...env },
      stdio: ['ignore', 'ignore', 'ignore'],
      scan: world.scan,
    });
  const python = () => join(world.venv, 'bin', 'python');

  it('uv pip install', async function () {
    if (program('uv') === undefined) this.skip();
    const before = world.installed();
    assert.equal((await run('uv', ['pip', 'install', '--python', python(), 'good', 'bad'])).exitCode, 100);
    assert.equal((await run('uv', ['pip', 'install', '--python', python(), 'asks'])).exitCode, 100);
    assert.equal(world.canaryText(), '');
    assert.deepEqual(world.installed(), before);
    const result = await run('uv', ['pip', 'install', '--python', python(), 'good']);
    assert.equal(result.exitCode, 0);
    assert.deepEqual(
      result.results.map(({ verdict }) => verdict.name),
      ['good'],
    );
    assert.ok((await world.freeze()).includes('good==1.0'));
  });

  it('uv with an index that has no core metadata', async function () {
    if (program('uv') === undefined) this.skip();
    const wheels = ['higher', 'lower'].map((name, at) =>
      plain(name, { [`${name}.py`]: '' }, at === 0 ? ['lower'] : []),
    );
    for (const pkg of wheels) {
      world.index.add({ project: pkg.name, filename: wheelName(pkg), bytes: buildWheel(pkg) });
    }
    for (const json of [true, false]) {
      world.index.json = json;
      const result = await run('uv', ['pip', 'install', '--python', python(), 'higher']);
      assert.equal(result.exitCode, 0);
      assert.deepEqual([...world.scanned].sort(), wheels.map(wheelName));
      const files = world.index.requests.filter((line) => line.includes('/files/'));
      assert.deepEqual(
        files.sort(),
        wheels.map((pkg) => `GET /files/${wheelName(pkg)}`),
      );
      await world.reset();
    }
    world.index.json = true;
  });

  it('uv commands that run a program are refused; those that install nothing pass', async function () {
    if (program('uv') === undefined) this.skip();
    await assert.rejects(run('uv', ['run', 'x.py']), /would run a program/);
    assert.deepEqual(await run('uv', ['pip', 'list', '--python', python()]), {
      exitCode: 0,
      guarded: false,
      results: [],
      notes: [],
    });
  });

  it('pipx install', async function () {
    if (program('pipx') === undefined) this.skip();
    const home = { PIPX_HOME: join(world.folder, 'pipx'), PIPX_BIN_DIR: join(world.folder, 'pipx-bin') };
    assert.equal((await run('pipx', ['install', 'bad'], home)).exitCode, 100);
    const result = await run('pipx', ['install', 'tool1'], home);
    assert.equal(result.exitCode, 0);
    assert.ok(existsSync(join(world.folder, 'pipx-bin', 'tool1')));
    await assert.rejects(run('pipx', ['run', 'tool1'], home), /would run a program/);
  });
});
