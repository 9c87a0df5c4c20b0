import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Verdict } from '../../lib/types.js';
import { TestIndex } from '../helpers/index.js';
import { inTreeBackend, mark, plain } from '../helpers/pip-fixtures.js';
import { PipWorld, sha256 } from '../helpers/pip-world.js';
import { buildWheel, wheelName } from '../helpers/python-archives.js';

const run = promisify(execFile);
const git = (folder: string, ...words: string[]) =>
  run('git', ['-c', 'user.name=x', '-c', 'user.email=x@h.invalid', '-C', folder, ...words]);
describe('every way code comes in through pip', function () {
  this.timeout(300_000);
  let world: PipWorld;
  const good = plain('good', { 'good.py': 'value = 1\n' });
  const bad = plain('bad', { 'bad.py': 'value = 2\n' });
  before(async () => {
    world = await PipWorld.create();
    world.index.addWheel(good);
    world.flag(world.index.addWheel(bad));
  });
  after(() => world.remove());
  afterEach(async () => {
    assert.deepEqual(readdirSync(world.temporary), [], 'temporary files are left');
    assert.deepEqual(world.leftProcesses(), [], 'processes are left');
    await world.reset();
  });

  const blocked = async (argv: readonly string[], path?: readonly string[]) => {
    const before = world.installed();
    const result = await world.guarded(argv);
    assert.equal(result.exitCode, 100, result.stderr);
    if (path !== undefined) assert.deepEqual(result.results.at(-1)?.path, path);
    assert.deepEqual(world.installed(), before);
    assert.equal(world.canaryText(), '');
    return result;
  };
  const unverified = async (argv: readonly string[], code: string) => {
    const before = world.installed();
    const result = await world.guarded(argv);
    assert.equal(result.exitCode, 101, result.stderr);
    assert.equal(
      result.results.find(({ verdict }) => verdict.verdict !== 'allow')?.verdict.unverified?.code,
      code,
    );
    assert.deepEqual(world.installed(), before);
    return result;
  };
  const asPlain = async (argv: readonly string[]) => {
    await world.pip([...argv, '--no-cache-dir']);
    const expected = { freeze: await world.freeze(), files: world.installed() };
    await world.reset();
    const result = await world.guarded(argv);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.deepEqual({ freeze: await world.freeze(), files: world.installed() }, expected);
    return result;
  };

  it('nested requirement files and constraints', async () => {
    world.write('r/outer.txt', 'good\n-r inner.txt\n');
    world.write('r/inner.txt', 'bad\n-c limits.txt\n');
    world.write('r/limits.txt', 'bad<2\n');
    await blocked(['install', '-r', 'r/outer.txt'], ['inner.txt', 'bad@1.0']);
  });

  it('an index named inside a requirements file, with credentials in its address', async () => {
    const second = await TestIndex.start();
    try {
      second.credentials = 'user:word';
      const only = plain('only', { 'only.py': '' });
      second.addWheel(only);
      second.addWheel({ ...only, name: 'worse' });
      world.write('two.txt', `--index-url ${second.url.replace('//', '//user:word@')}\nonly\n`);
      await asPlain(['install', '-r', 'two.txt']);
      const worse = plain('worse', { 'worse.py': 'value = 3\n' });
      world.flag(second.addWheel(worse));
      await blocked([
        'install',
        '--extra-index-url',
        second.url.replace('//', '//user:word@'),
        'good',
        'worse',
      ]);
    } finally {
      await second.stop();
    }
  });

  it('indexes of a configuration file, with a password from netrc', async () => {
    const second = await TestIndex.start();
    try {
      second.credentials = 'user:word';
      second.addWheel(plain('only', { 'only.py': '' }));
      world.flag(second.addWheel(plain('worse', { 'worse.py': 'value = 4\n' })));
      world.write('.netrc', 'machine 127.0.0.1 login user password word\n');
      const PIP_CONFIG_FILE = world.write('pip.conf', `[install]\nextra-index-url =\n    ${second.url}\n`);
      const result = await world.guarded(['install', 'good', 'only'], { env: { PIP_CONFIG_FILE } });
      assert.equal(result.exitCode, 0, result.stderr);
      assert.deepEqual(result.results.map(({ verdict }) => verdict.name).sort(), ['good', 'only']);
      assert.equal((await world.guarded(['install', 'worse'], { env: { PIP_CONFIG_FILE } })).exitCode, 100);
    } finally {
      await second.stop();
    }
  });

  it('the proxy of the user stands between gate and index', async () => {
    const through: string[] = [];
    const proxy = createServer((request, response) => {
      through.push(request.headers['proxy-authorization'] ?? '');
      const sent = httpRequest(request.url!, { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      sent.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = `http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      for (const [argv, env] of [
        [['install', 'good'], { http_proxy: address, NO_PROXY: '' }],
        [['install', 'good', '--proxy', address], {}],
      ] as const) {
        through.length = 0;
        const result = await world.guarded(argv, { env });
        assert.equal(result.exitCode, 0, result.stderr);
        assert.ok(through.length >= 2, 'page and archive');
        assert.ok(through.every((word) => word === `Basic ${Buffer.from('me:secret').toString('base64')}`));
        await world.reset();
      }
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('a local archive is read before pip starts', async () => {
    const file = world.write(`local/${wheelName(bad)}`, buildWheel(bad));
    await blocked(['install', file]);
    await blocked(['install', pathToFileURL(file).href]);
    assert.deepEqual(world.index.requests, []);
    const fine = world.write(`local/${wheelName(good)}`, buildWheel(good));
    await asPlain(['install', fine]);
  });

  it('--no-index --find-links', async () => {
    world.write(`links/${wheelName(good)}`, buildWheel(good));
    await asPlain(['install', '--no-index', '--find-links', 'links', 'good']);
    world.write(`badlinks/${wheelName(bad)}`, buildWheel(bad));
    await blocked(['install', '--no-index', '--find-links=badlinks', 'bad']);
  });

  it('a direct address, and one that a dependency names', async () => {
    const address = `${world.index.origin}/files/${wheelName(good)}`;
    const result = await asPlain(['install', `good @ ${address}`]);
    assert.deepEqual(world.scanned, [wheelName(good)]);
    assert.equal(result.results.length, 1);
    await world.reset();
    world.index.addWheel(plain('names1', { 'names1.py': '' }, [`good @ ${address}`]));
    await asPlain(['install', 'names1']);
    await world.reset();
    world.index.addWheel(plain('names2', { 'names2.py': '' }, [`bad @ ${address.replace('good', 'bad')}`]));
    await blocked(['install', 'names2'], ['pip install', 'names2@1.0', 'bad@1.0']);
  });

  it('what points past the gate is not followed', async () => {
    const file = pathToFileURL(world.write(`out/${wheelName(bad)}`, buildWheel(bad))).href;
    world.index.addWheel(plain('past1', { 'past1.py': '' }, [`bad @ ${file}`]));
    await unverified(['install', 'past1'], 'local-source');
    world.index.addSdist(
      inTreeBackend('past2', { top: mark(world.canary, 'built'), buildRequires: [`bad @ ${file}`] }),
    );
    await unverified(['install', 'past2'], 'local-source');
    assert.equal(world.canaryText(), '');
    world.index.addWheel(plain('past3', { 'past3.py': '' }, ['bad @ git+https://h.invalid/bad']));
    await unverified(['install', 'past3'], 'git-source');
    await unverified(['install', 'git+https://h.invalid/bad'], 'git-source');
    world.index.addWheel(plain('past4', { 'past4.py': '' }, [`bad @ ${file} ; extra == "dev"`]));
    assert.equal((await world.guarded(['install', 'past4'])).exitCode, 0);
    await world.reset();
    await unverified(['install', 'past4[dev]'], 'local-source');
  });

  it('a git repository is fetched and read first, and built from what was read', async () => {
    const repository = join(world.folder, 'repository');
    const commit = async (top: string) => {
      const files = inTreeBackend('fromgit', { top }).files;
      for (const [name, text] of Object.entries(files)) world.write(`repository/${name}`, text);
      world.write('repository/.gitattributes', 'backend.py export-ignore\n');
      await git(repository, 'add', '-A');
      await git(repository, 'commit', '-q', '-m', 'x');
    };
    mkdirSync(repository);
    await git(repository, 'init', '-q', '-b', 'main');
    await commit('');
    await git(repository, 'tag', 'honest');
    await commit(mark(world.canary, 'built from git'));
    const address = `git+${pathToFileURL(repository).href}`;
    const seen: string[] = [];
    const scan: typeof world.scan = async (input) => {
      const { files } = await openArtifact(input);
      seen.push(...files.keys());
      const marked = Buffer.from(files.get('backend.py')?.bytes ?? []).includes('built from git');
      return { ...(await world.scan(input)), verdict: marked ? 'block' : 'allow' };
    };
    const before = world.installed();
    const result = await world.guarded(['install', `fromgit @ ${address}`], { scan });
    assert.equal(result.exitCode, 100, result.stderr);
    assert.equal(world.canaryText(), '');
    assert.deepEqual(world.installed(), before);
    assert.ok(seen.includes('backend.py'), 'an attribute of the repository hid a file');

    await world.pip(['install', '--no-cache-dir', `${address}@honest`]);
    const expected = { freeze: await world.freeze(), files: world.installed() };
    await world.reset();
    const honest = await world.guarded(['install', `${address}@honest`], { scan });
    assert.equal(honest.exitCode, 0, honest.stderr);
    assert.deepEqual({ freeze: await world.freeze(), files: world.installed() }, expected);
    await unverified(['install', `${address}@no-such-revision`], 'git-source');
  });

  it('metadata that is not the wheel’s own', async () => {
    const liar = plain('liar', { 'liar.py': '' });
    world.index.addWheel(liar);
    const filename = wheelName(liar);
    const metadata = 'Metadata-Version: 2.1\nName: liar\nVersion: 1.0\nRequires-Dist: good\n';
    world.index.add({ project: 'liar', filename, bytes: buildWheel(liar), metadata });
    const result = await world.guarded(['install', 'liar']);
    // pip before 23.2 does not ask for metadata alone, and so takes the wheel's.
    if (world.index.requests.some((line) => line.endsWith('.metadata'))) {
      assert.equal(result.exitCode, 101, result.stderr);
      assert.equal(result.results.at(-1)?.verdict.unverified?.code, 'integrity-mismatch');
    } else assert.equal(result.exitCode, 0, result.stderr);
  });

  it('--require-hashes', async () => {
    world.write('pinned.txt', `good==1.0 --hash=sha256:${sha256(buildWheel(good))}\n`);
    await asPlain(['install', '--require-hashes', '-r', 'pinned.txt']);
    await world.reset();
    world.write('wrong.txt', `good==1.0 --hash=sha256:${'0'.repeat(64)}\n`);
    assert.equal((await world.guarded(['install', '-r', 'wrong.txt'])).exitCode, 1);
  });

  it('a folder of the user: its code is not judged, what it needs is', async () => {
    const mine = inTreeBackend('mine', { requires: ['bad'], top: mark(world.canary, 'own code') });
    for (const [name, text] of Object.entries(mine.files)) world.write(`mine/${name}`, text);
    const result = await world.guarded(['install', './mine']);
    assert.equal(result.exitCode, 100, result.stderr);
    assert.match(world.canaryText(), /own code/);
  });

  it('download and wheel', async () => {
    mkdirSync(join(world.folder, 'dest'));
    await blocked(['download', '-d', 'dest', 'good', 'bad']);
    await blocked(['wheel', '-w', 'dest', 'good', 'bad']);
    assert.deepEqual(readdirSync(join(world.folder, 'dest')), []);
    assert.equal((await world.guarded(['download', '-d', 'dest', 'good'])).exitCode, 0);
    assert.deepEqual(readdirSync(join(world.folder, 'dest')), [wheelName(good)]);
  });

  it('an upgrade leaves the installed version', async () => {
    world.index.addWheel(plain('grows', { 'grows.py': 'value = 1\n' }));
    await world.pip(['install', 'grows']);
    world.flag(world.index.addWheel({ ...plain('grows', { 'grows.py': 'value = 2\n' }), version: '2.0' }));
    await blocked(['install', '--upgrade', 'grows', 'good']);
    assert.ok((await world.freeze()).includes('grows==1.0'));
  });

  it('a cache that pip filled before does not pass the gate by', async () => {
    const warm = { PIP_CACHE_DIR: join(world.folder, 'pip-cache') };
    world.flag(world.index.addSdist(inTreeBackend('cached', { top: mark(world.canary, 'cached') })));
    await world.pip(['install', 'cached'], warm); // pip keeps the wheel it built
    await world.pip(['uninstall', '-y', 'cached']);
    await world.reset();
    const result = await world.guarded(['install', 'cached'], { env: warm });
    assert.equal(result.exitCode, 100, result.stderr);
    assert.equal(world.canaryText(), '');
  });

  for (const argv of [
    ['--isolated', 'install', '-i', 'INDEX', 'bad'],
    ['install', 'bad', '--proxy', ''],
    ['install', 'bad', '--cert', '/etc/ssl/certs/ca-certificates.crt', '--no-cache-dir'],
    ['install', '--timeout', '5', '--', 'bad'],
  ]) {
    it(`is not switched off by: pip ${argv.join(' ')}`, async () => {
      await blocked(argv.map((word) => word.replace('INDEX', world.index.url)));
    });
  }

  it('archives kept from an earlier run are judged again, not fetched again', async () => {
    const cacheFolder = join(world.folder, 'kept');
    assert.equal((await world.guarded(['install', 'good'], { cacheFolder })).exitCode, 0);
    await world.reset();
    assert.equal((await world.guarded(['install', 'good'], { cacheFolder })).exitCode, 0);
    assert.deepEqual(
      world.index.requests.filter((line) => line.endsWith('.whl')),
      [],
    );
    assert.deepEqual(world.scanned, [wheelName(good)]);
    await world.reset();
    const scan = async (input: Parameters<typeof world.scan>[0]) => ({
      ...(await world.scan(input)),
      verdict: 'block' as const,
    });
    assert.equal((await world.guarded(['install', 'good'], { cacheFolder, scan })).exitCode, 100);
  });

  it('wheels built from an allowed sdist are built once, as long as verdicts are given alike', async () => {
    world.index.addSdist(inTreeBackend('built', { top: '' }));
    const cacheFolder = join(world.folder, 'kept-wheels');
    const install = async (identity: string | undefined): Promise<string[]> => {
      await world.reset();
      const cacheIdentity = () => Promise.resolve(identity);
      const result = await world.guarded(['install', 'built'], { cacheFolder, cacheIdentity });
      assert.equal(result.exitCode, 0, result.stderr);
      return world.scanned.filter((name) => name.startsWith('built'));
    };
    assert.equal((await install('one')).length, 1);
    assert.deepEqual(await install('one'), []);
    // Under another model or policy the sdist is judged again, and so it is where nothing may be kept.
    assert.equal((await install('two')).length, 1);
    assert.equal((await install(undefined)).length, 1);
  });

  it('a source that cannot be read is accepted only where the policy says so', async () => {
    const asked: string[] = [];
    const accept = async (verdict: Verdict): Promise<Verdict> => {
      asked.push(verdict.unverified!.code);
      return { ...verdict, verdict: 'allow' };
    };
    const argv = ['install', '--no-deps', `git+file://${join(world.folder, 'no-such.git')}`];
    const refused = await world.guarded(argv);
    assert.equal(refused.exitCode, 101, refused.stderr);
    // Accepted, pip itself finds that there is no such repository.
    const accepted = await world.guarded(argv, { accept });
    assert.deepEqual(asked, ['git-source']);
    assert(accepted.exitCode !== 101 && accepted.exitCode !== 0, accepted.stderr);
  });

  it('a build cannot reach other hosts through the gate', async () => {
    const top = `
import urllib.request
try:
    urllib.request.urlopen("http://elsewhere.invalid/x")
except Exception as error:
    ${mark(world.canary, 'refused').trim()}
`;
    world.index.addSdist(inTreeBackend('curious', { top }));
    const result = await world.guarded(['install', 'curious']);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(world.canaryText(), /refused/);
    assert.match(result.notes.join('\n'), /elsewhere\.invalid/);
  });

  it('commands that install nothing run as they are', async () => {
    const result = await world.guarded(['list', '--format=freeze']);
    assert.deepEqual([result.guarded, result.exitCode], [false, 0]);
    assert.match(result.stdout, /^pip==/m);
    assert.equal((await world.guarded(['show', 'not-there'])).exitCode, 1);
    assert.deepEqual(world.scanned, []);
  });
});
