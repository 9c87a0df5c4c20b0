import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { integrityOf } from '../../lib/artifact/integrity.js';
import {
  expandTargets,
  type LoadedTarget,
  type TargetItem,
  type TargetOptions,
} from '../../lib/scan/targets.js';
import { npmPackage, sdist, wheel, zip } from '../artifact/build.js';

const TARBALL = npmPackage({ 'package.json': '{"name":"demo","version":"1.0.0"}', 'index.js': '1' });
const INTEGRITY = integrityOf({ bytes: TARBALL });
/** What an address written into a lockfile serves in place of `demo`. */
const OTHER = npmPackage({ 'package.json': '{"name":"demo","version":"1.0.0"}', 'index.js': '2' });

describe('scan targets', () => {
  let folder = '';
  let server: Server;
  let registry = '';
  const requests: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'safe-install-targets-'));
    server = createServer((request, response) => {
      requests.push(request.url!);
      if (request.url === '/demo') {
        const dist = { tarball: `${registry}/demo/-/demo-1.0.0.tgz`, integrity: INTEGRITY };
        const version = (name: string) => ({ name: 'demo', version: name, dist, scripts: { install: 'x' } });
        response.end(
          JSON.stringify({
            name: 'demo',
            'dist-tags': { latest: '1.0.0' },
            versions: { '1.0.0': version('1.0.0') },
            time: { '1.0.0': '2020-01-02T03:04:05.000Z' },
          }),
        );
      } else if (request.url === '/demo/-/demo-1.0.0.tgz') response.end(TARBALL);
      else if (request.url === '/elsewhere.tgz') response.end(OTHER);
      else {
        response.statusCode = 404;
        response.end('{}');
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await put('.npmrc', `registry=${registry}/\ncache=${join(folder, 'cache')}\nfetch-retries=0\n`);
    await put('package.json', '{}');
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  async function put(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  async function expand(targets: readonly string[], options: Partial<TargetOptions> = {}) {
    const items: (TargetItem & { loaded: LoadedTarget })[] = [];
    for await (const found of expandTargets(targets, { cwd: folder, ...options })) {
      items.push({ ...found, loaded: await found.load() });
    }
    return items;
  }
  const brief = (items: Awaited<ReturnType<typeof expand>>) =>
    items.map(({ target, ecosystem, name, version, loaded }) =>
      [target, ecosystem, name, version, loaded.unverified?.code ?? 'loaded'].join(' '),
    );

  it('tells the ecosystem of an archive by its content', async () => {
    await put('a.tgz', TARBALL);
    await put('b.tar.gz', sdist({ 'PKG-INFO': 'Name: b\n', 'package.json': '{}' }));
    await put('c.tar.gz', TARBALL);
    await put('d.zip', zip([{ name: 'd/setup.py', body: '' }]));
    await put('e-1-py3-none-any.whl', wheel({}));
    const items = await expand(['a.tgz', 'b.tar.gz', 'c.tar.gz', 'd.zip', 'e-1-py3-none-any.whl']);
    assert.deepEqual(
      items.map((found) => found.ecosystem),
      ['npm', 'pypi', 'npm', 'pypi', 'pypi'],
    );
    assert.deepEqual(
      (await expand(['b.tar.gz'], { ecosystem: 'npm' })).map((found) => found.ecosystem),
      ['npm'],
    );
  });

  it('goes on after a target that cannot be had, in the order given', async () => {
    await put('a.tgz', TARBALL);
    assert.deepEqual(
      brief(
        await expand([
          'gone.tgz',
          'a.tgz',
          'npm:nothing-here',
          'npm:git+ssh://h.invalid/x.git',
          'npm:demo@9',
        ]),
      ),
      [
        'gone.tgz npm   not-fetched',
        'a.tgz npm   loaded',
        'npm:nothing-here npm   not-fetched',
        'npm:git+ssh://h.invalid/x.git npm   git-source',
        'npm:demo@9 npm   not-fetched',
      ],
    );
  });

  it("fetches a spec with the user's npm configuration, and what the registry says with it", async () => {
    const [found] = await expand(['npm:demo@^1']);
    const input = found!.loaded.input!;
    assert.deepEqual(Buffer.from(input.bytes), TARBALL);
    assert.equal(input.expectedIntegrity, INTEGRITY);
    assert.equal(input.published, '2020-01-02T03:04:05.000Z');
    assert.equal(input.registry, registry);
    assert.deepEqual(input.registryManifest?.scripts, { install: 'x' });
    assert.equal(found!.version, '1.0.0');
  });

  it('reads a lockfile of version 3: registry, file and git entries; links and bundled ones left out', async () => {
    await put('p/local.tgz', TARBALL);
    const resolved = `${registry}/demo/-/demo-1.0.0.tgz`;
    await put(
      'p/package-lock.json',
      JSON.stringify({
        lockfileVersion: 3,
        packages: {
          '': { name: 'p' },
          'node_modules/demo': { version: '1.0.0', resolved, integrity: INTEGRITY },
          'node_modules/a/node_modules/demo': { version: '1.0.0', resolved, integrity: INTEGRITY },
          'node_modules/alias': { name: 'demo', version: '1.0.0', resolved, integrity: 'sha512-AAAA' },
          'node_modules/local': { version: '1.0.0', resolved: 'file:local.tgz' },
          'node_modules/g': { version: '1.0.0', resolved: 'git+ssh://git@h.invalid/g.git#abc' },
          'node_modules/w': { resolved: 'packages/w', link: true },
          'node_modules/b': { version: '1.0.0', inBundle: true },
          'packages/w': { version: '1.0.0' },
        },
      }),
    );
    assert.deepEqual(brief(await expand(['p/package-lock.json'])), [
      'p/package-lock.json npm demo 1.0.0 loaded',
      'p/package-lock.json npm demo 1.0.0 integrity-mismatch',
      'p/package-lock.json npm local 1.0.0 loaded',
      'p/package-lock.json npm g 1.0.0 git-source',
    ]);
  });

  it('reads what the address of a lockfile entry gives, not what the registry has of that name', async () => {
    const entry = { version: '1.0.0', resolved: `${registry}/elsewhere.tgz` };
    const lock = (packages: object) =>
      put('e/package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
    await lock({ 'node_modules/demo': entry });
    const [other] = await expand(['e/package-lock.json']);
    assert.deepEqual(Buffer.from(other!.loaded.input!.bytes), Buffer.from(OTHER));
    await lock({ 'node_modules/demo': { ...entry, integrity: INTEGRITY } });
    const [same] = await expand(['e/package-lock.json']);
    assert.deepEqual(
      Buffer.from(same!.loaded.input!.bytes),
      Buffer.from(TARBALL),
      'the hash says which bytes',
    );
    await lock({ 'node_modules/demo': { version: '1.0.0', resolved: `${registry}/gone.tgz` } });
    assert.deepEqual(brief(await expand(['e/package-lock.json'])), [
      'e/package-lock.json npm demo 1.0.0 not-fetched',
    ]);
  });

  it('reads a lockfile of version 1', async () => {
    const resolved = `${registry}/demo/-/demo-1.0.0.tgz`;
    await put(
      'q/package-lock.json',
      JSON.stringify({
        lockfileVersion: 1,
        dependencies: {
          top: {
            version: 'npm:demo@1.0.0',
            resolved,
            integrity: INTEGRITY,
            dependencies: { g: { version: 'github:a/b#c' } },
          },
          b: { version: '1.0.0', bundled: true },
        },
      }),
    );
    assert.deepEqual(brief(await expand(['q/package-lock.json'])), [
      'q/package-lock.json npm demo 1.0.0 loaded',
      'q/package-lock.json npm g  git-source',
    ]);
    await put('broken/package-lock.json', '{');
    assert.deepEqual(brief(await expand(['broken/package-lock.json'])), [
      'broken/package-lock.json npm   damaged',
    ]);
  });

  it("reads every package of a project from disk, in npm's and pnpm's layout", async () => {
    await put('proj/package.json', '{}');
    await put('proj/node_modules/a/package.json', '{"name":"a","version":"1"}');
    await put('proj/node_modules/a/index.js', '');
    await put('proj/node_modules/a/node_modules/b/package.json', '{"name":"b","version":"2"}');
    await put('proj/node_modules/@s/c/package.json', '{"name":"@s/c","version":"3"}');
    await put('proj/node_modules/.pnpm/d@4/node_modules/d/package.json', '{"name":"d","version":"4"}');
    await put('proj/node_modules/.bin/x', '');
    await put('proj/workspace/package.json', '{}');
    await symlink('../workspace', join(folder, 'proj/node_modules/w'));
    const items = await expand(['proj']);
    assert.deepEqual(brief(items), [
      'proj npm d 4 loaded',
      'proj npm @s/c 3 loaded',
      'proj npm a 1 loaded',
      'proj npm b 2 loaded',
    ]);
    const a = items.find((found) => found.name === 'a')!.loaded.input!;
    assert.deepEqual(a.files?.map((file) => file.path).sort(), ['index.js', 'package.json']);
  });

  it('reads an unpacked package; a link out of it makes it ambiguous', async () => {
    await put('un/setup.py', '');
    await put('un/sub/x.py', 'y');
    await symlink('x.py', join(folder, 'un/sub/z.py'));
    const [found] = await expand(['un']);
    assert.equal(found!.ecosystem, 'pypi');
    assert.deepEqual(found!.loaded.input!.files!.map((file) => file.path).sort(), [
      'setup.py',
      'sub/x.py',
      'sub/z.py',
    ]);
    await symlink('/etc/hostname', join(folder, 'un/out'));
    assert.deepEqual(brief(await expand(['un'])), ['un pypi   ambiguous']);
  });

  it('reads a virtual environment: each distribution by its RECORD, and what no RECORD names', async () => {
    const site = 'env/lib/python3.11/site-packages';
    await put('env/pyvenv.cfg', '');
    await put('env/bin/own', '#!/usr/bin/python');
    await put('env/bin/made', '#!/usr/bin/python');
    await put(`${site}/one/__init__.py`, 'x');
    await put(`${site}/one/__pycache__/__init__.cpython-311.pyc`, 'x');
    await put(`${site}/one/hidden.py`, 'x');
    await put(`${site}/one-1.0.dist-info/METADATA`, 'Name: one\nVersion: 1.0\n');
    await put(`${site}/one-1.0.dist-info/entry_points.txt`, '[console_scripts]\nmade = one:main\n');
    await put(
      `${site}/one-1.0.dist-info/RECORD`,
      [
        'one/__init__.py,sha256=x,1',
        '../../../bin/own,,',
        '../../../bin/made,,',
        '../../../../secret,,',
        '"one/gone.py",,',
      ].join('\n'),
    );
    await put('secret', 'not of this environment');
    await put(`${site}/two.py`, 'x');
    await put(`${site}/two-2.0-py3.11.egg-info/top_level.txt`, 'two\n');
    await put(`${site}/three-3.0.dist-info/METADATA`, 'Name: three\nVersion: 3.0\n');
    await put(`${site}/late.pth`, 'import os');
    await put(`${site}/lone/__pycache__/x.cpython-311.pyc`, 'x');
    const expected: readonly (readonly [string, readonly string[]])[] = [
      [
        'one 1.0',
        [
          'one-1.0.data/scripts/own',
          'one-1.0.dist-info/METADATA',
          'one-1.0.dist-info/RECORD',
          'one-1.0.dist-info/entry_points.txt',
          'one/__init__.py',
        ],
      ],
      ['three 3.0', ['three-3.0.dist-info/METADATA']],
      ['two 2.0', ['two-2.0-py3.11.egg-info/top_level.txt', 'two.py']],
      ['late.pth ', ['late.pth']],
      ['lone ', ['lone/__pycache__/x.cpython-311.pyc']],
      ['one ', ['one/hidden.py']],
    ];
    for (const target of ['env', site]) {
      const items = await expand([target]);
      const seen = items.map(({ ecosystem, name, version, loaded }) => {
        assert.equal(ecosystem, 'pypi');
        return [`${name} ${version}`, loaded.input?.files?.map(({ path }) => path).sort()];
      });
      assert.deepEqual(seen, expected, target);
    }
    await rm(join(folder, site, 'two.py'));
    await symlink(join(folder, 'secret'), join(folder, site, 'two.py'));
    const two = (await expand([site])).find(({ name }) => name === 'two');
    assert.equal(two?.loaded.unverified?.code, 'ambiguous');
  });

  it('reads the virtual environment of a project beside its node_modules, and beside its own code', async () => {
    for (const name of ['.venv', 'venv']) {
      await put(`app/${name}/pyvenv.cfg`, '');
      await put(`app/${name}/lib/python3.11/site-packages/x.py`, 'x');
      await mkdir(join(folder, 'app', name, 'bin'));
      await symlink('/usr/bin/python3', join(folder, 'app', name, 'bin/python'));
    }
    await put('app/pyproject.toml', '[project]\nname = "app"\n');
    const environments = ['app pypi x.py  loaded', 'app pypi x.py  loaded'];
    const [, , own, ...more] = await expand(['app']);
    assert.deepEqual(
      own!.loaded.input!.files!.map(({ path }) => path),
      ['pyproject.toml'],
    );
    assert.equal(more.length, 0);
    await put('app/node_modules/a/package.json', '{"name":"a","version":"1"}');
    assert.deepEqual(brief(await expand(['app'])), [...environments, 'app npm a 1 loaded']);
    // No link of this machine: what an archive brings under that name is read as the package's own, too.
    await put('brought/setup.py', 'x');
    await put('brought/venv/pyvenv.cfg', '');
    await put('brought/venv/lib/python3/site-packages/x.py', 'x');
    const [distribution, whole] = await expand(['brought']);
    assert.equal(distribution!.name, 'x.py');
    assert.equal(whole!.loaded.input!.files!.length, 3);
  });

  it('a package does not hide behind what an environment looks like', async () => {
    await put('trick/package.json', '{"name":"trick","version":"1"}');
    await put('trick/a-1.dist-info/METADATA', '');
    await put('trick/b-1.dist-info/METADATA', '');
    await put('trick/pyvenv.cfg', '');
    await put('trick/lib/python3/site-packages/x.py', '');
    assert.deepEqual(brief(await expand(['trick'])), ['trick pypi x.py  loaded', 'trick npm trick 1 loaded']);
    await put('both/pyvenv.cfg', '');
    await put('both/lib/python3/site-packages/x.py', '');
    await put('both/node_modules/a/package.json', '{"name":"a","version":"1"}');
    assert.deepEqual(brief(await expand(['both'])), ['both pypi x.py  loaded', 'both npm a 1 loaded']);
  });
});
