/** The user's own pip and an index that serves no core metadata: the gate answers it from the wheels. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mark, plain } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';
import { buildWheel, metadataOf, type Package, wheelName } from '../helpers/python-archives.js';

describe('pip install from an index without core metadata', function () {
  this.timeout(300_000);
  let world: PipWorld;
  const top = plain('top', { 'top.py': 'value = 1\n' }, ['low']);
  const low = plain('low', { 'low.py': 'value = 2\n' });

  let worse: Package;

  const add = (pkg: Package, bytes = buildWheel(pkg)): Buffer => {
    world.index.add({ project: pkg.name, filename: wheelName(pkg), bytes });
    return bytes;
  };

  before(async () => {
    world = await PipWorld.create();
    add(top);
    add(low);
    // Runs at the next start of the interpreter once it is installed.
    worse = plain('worse', { 'worse.pth': `import os; ${mark(world.canary, 'worse')}` }, ['low']);
    world.flag(add(worse));
  });
  after(() => world.remove());
  afterEach(async () => {
    assert.deepEqual(readdirSync(world.temporary), [], 'temporary files are left');
    world.index.json = true;
    await world.reset();
  });

  /** What the index was asked for of its files. */
  const files = (): string[] =>
    world.index.requests.filter((line) => line.includes('/files/')).map((line) => line.split('/').at(-1)!);
  /** pip before 23.2 asks for no metadata that JSON announces by the name of today. */
  const asksForMetadata = async (): Promise<boolean> => {
    const [, major = '0', minor = '0'] = /^pip (\d+)\.(\d+)/.exec(await world.pip(['--version'])) ?? [];
    return Number(major) * 100 + Number(minor) >= 2302;
  };

  for (const json of [true, false]) {
    const form = json ? 'JSON' : 'HTML';

    it(`${form}: resolves by the gate’s metadata, and fetches and reads each wheel once`, async () => {
      world.index.json = json;
      await world.pip(['install', '--no-cache-dir', 'top']);
      const expected = { freeze: await world.freeze(), files: world.installed() };
      await world.reset();
      const result = await world.guarded(['-v', 'install', 'top']);
      assert.equal(result.exitCode, 0, result.stderr);
      assert.deepEqual({ freeze: await world.freeze(), files: world.installed() }, expected);
      // Where pip before 23.2 knows of metadata, it fetches each wheel twice by itself.
      const fetched = (await asksForMetadata()) ? files() : [...new Set(files())];
      assert.deepEqual(fetched.sort(), [wheelName(low), wheelName(top)]);
      assert.deepEqual([...world.scanned].sort(), [wheelName(low), wheelName(top)]);
      assert.deepEqual(result.results.map(({ target }) => target).sort(), [wheelName(low), wheelName(top)]);
      if (await asksForMetadata()) assert.match(result.stdout, /top-1\.0-py3-none-any\.whl\.metadata/);
    });

    it(`${form}: a flagged wheel ends it, and nothing is installed`, async () => {
      world.index.json = json;
      const before = world.installed();
      const result = await world.guarded(['install', 'worse', 'top']);
      assert.equal(result.exitCode, 100, result.stderr);
      assert.deepEqual(world.installed(), before);
      assert.equal(result.results.at(-1)?.target, wheelName(worse));
      await world.python('');
      assert.equal(world.canaryText(), '');
      await world.pip(['install', '--no-cache-dir', '--no-deps', 'worse']);
      await world.python('');
      assert.match(world.canaryText(), /worse/);
    });
  }

  it('other bytes than the index promised', async () => {
    const before = world.installed();
    world.index.fault = (path, _request, response) => {
      if (path !== `/files/${wheelName(low)}`) return false;
      response.end(buildWheel({ ...low, files: { 'low.py': 'value = 4\n' } }));
      return true;
    };
    const result = await world.guarded(['install', 'top']);
    assert.equal(result.exitCode, 101, result.stderr);
    assert.equal(result.results.at(-1)?.verdict.unverified?.code, 'integrity-mismatch');
    assert.deepEqual(world.installed(), before);
  });

  it('a version that pip looks at and leaves is not held against the install', async () => {
    const newer = { ...plain('choice', { 'choice.py': '' }, ['low>=2']), version: '2.0' };
    const older = plain('choice', { 'choice.py': '' }, ['low']);
    world.flag(add(newer));
    add(older);
    const result = await world.guarded(['install', 'choice']);
    // Who takes whole wheels to resolve is refused the flagged one.
    if (await asksForMetadata()) {
      assert.equal(result.exitCode, 0, result.stderr);
      assert.ok((await world.freeze()).includes('choice==1.0'));
    } else assert.equal(result.exitCode, 100, result.stderr);
  });

  it('an index with metadata of its own is asked for it', async () => {
    const own = plain('own', { 'own.py': '' });
    const metadata = metadataOf(own);
    world.index.add({ project: 'own', filename: wheelName(own), bytes: buildWheel(own), metadata });
    assert.equal((await world.guarded(['install', 'own'])).exitCode, 0);
    const expected = (await asksForMetadata())
      ? [wheelName(own), `${wheelName(own)}.metadata`]
      : [wheelName(own)];
    assert.deepEqual(files().sort(), expected);
  });
});
