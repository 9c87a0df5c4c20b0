/** Feeds to results, with a registry that misbehaves and processes that come and go. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KnownError } from '../../lib/errors.js';
import type { Client } from '../../lib/watch/client.js';
import { npmFeed } from '../../lib/watch/npm-feed.js';
import { recordedFeed } from '../../lib/watch/recorded-feed.js';
import { exportFeed } from '../../lib/watch/triage.js';
import { World } from './world.js';

const NOW = () => new Date().toISOString();

describe('watch', () => {
  let world: World;
  beforeEach(async () => {
    world = await new World().start();
  });
  afterEach(() => world.stop());

  const publish = (name: string, version: string, seq: number, published = NOW()): void => {
    world.registry.publish({ name, version }, { published });
    world.feeds.changes = [...world.feeds.changes.filter(({ id }) => id !== name), { seq, id: name }];
  };
  const fetched = () => world.registry.seen('/-/').map(({ path }) => path.split('/-/')[1]!);
  const npm = () => world.run((client) => [world.npm(client)]);

  it('begins now, and goes on after a restart without a gap and without repeating anything', async () => {
    publish('old', '1.0.0', 10, '2020-01-01T00:00:00Z');
    await npm();
    assert.deepEqual(world.scanner.scanned, [], 'what was there before is not new');
    publish('a', '1.0.0', 11);
    publish('@scope/evil', '2.0.0', 12);
    await npm();
    publish('a', '1.0.1', 13);
    publish('old', '1.1.0', 14);
    await npm();
    await npm();
    const wanted = ['a-1.0.0.tgz', 'a-1.0.1.tgz', 'evil-2.0.0.tgz', 'old-1.1.0.tgz'];
    assert.deepEqual(fetched().sort(), wanted);
    const rows = await world.look((store) => store.results());
    assert.deepEqual(rows.map(({ release }) => release.filename).sort(), [
      '@scope-evil-2.0.0.tgz',
      'a-1.0.0.tgz',
      'a-1.0.1.tgz',
      'old-1.1.0.tgz',
    ]);
    assert.equal(world.said.filter(({ event }) => event === 'finding').length, 1);
    assert.equal(
      await world.look(async (store) => (await store.feed(`npm ${world.feeds.url}`))?.position),
      '14',
    );
  });

  it('takes duplicate and out-of-order entries once, and more than one page', async () => {
    await npm();
    const names = Array.from({ length: 30 }, (_, i) => `p${i}`);
    for (const name of names) world.registry.publish({ name, version: '1.0.0' }, { published: NOW() });
    const changes = names.map((id, i) => ({ seq: i + 1, id }));
    world.feeds.changes = [
      ...changes.slice(15),
      ...changes.slice(0, 15),
      ...changes.map((c) => ({ ...c, seq: c.seq + 30 })),
    ];
    // Pages of 1,000 and more: what has nothing new costs a look-up and no fetch.
    world.feeds.changes.push(...Array.from({ length: 1000 }, (_, i) => ({ seq: 61 + i, id: `p${i % 30}` })));
    await npm();
    assert.deepEqual(fetched().sort(), names.map((name) => `${name}-1.0.0.tgz`).sort());
    assert.equal(world.feeds.requests.filter(({ path }) => path.startsWith('/_changes')).length > 2, true);
  });

  it('sets aside with its reason what was deleted or damaged meanwhile, and judges the rest', async () => {
    await npm();
    for (const [i, name] of ['gone', 'cut', 'other', 'fine'].entries()) publish(name, '1.0.0', i + 1);
    world.feeds.changes.push(
      { seq: 9, id: 'never-was' },
      { seq: 10, id: 'unpublished', deleted: true },
      { seq: 11, id: '../x' },
    );
    world.registry.fault('gone-1.0.0.tgz', { kind: 'status', status: 404 });
    world.registry.fault('cut-1.0.0.tgz', { kind: 'truncate' });
    world.registry.fault('other-1.0.0.tgz', { kind: 'bytes', bytes: Buffer.from('other bytes') });
    await world.run((client) => [world.npm(client)], { timing: { passingTries: 3 } });
    const aside = await world.look((store) => store.aside());
    const reasons = Object.fromEntries(aside.map(({ name, reason }) => [name, reason]));
    assert.deepEqual(Object.keys(reasons).sort(), ['../x', 'cut', 'gone', 'never-was', 'other']);
    assert.match(reasons.gone!, /answered 404/);
    assert.match(reasons.other!, /not those that were promised/);
    assert.match(reasons['never-was']!, /answered 404/);
    assert.match(reasons['../x']!, /name no registry gives/);
    assert.deepEqual(world.scanner.scanned, ['fine-1.0.0.tgz']);
    assert.equal(
      await world.look((store) => store.retryAside(Date.now())),
      5,
      'each can have another chance',
    );
  });

  it('goes on when the feed is cut, errs or asks for patience', async () => {
    await npm();
    publish('a', '1.0.0', 1);
    let asked = 0;
    world.feeds.fault = (request, response) => {
      if (!request.url!.startsWith('/_changes')) return false;
      asked++;
      if (asked === 1) request.socket.destroy();
      else if (asked === 2) {
        response.writeHead(200, { 'content-length': 1000 }).write('{"results":[{"seq":1,');
        setImmediate(() => request.socket.destroy());
      } else if (asked === 3) response.writeHead(503, { 'retry-after': '0' }).end();
      else if (asked === 4) response.writeHead(200).end('<html>sign in</html>');
      else if (asked === 5) response.writeHead(200).end('{"results":[null],"last_seq":99}');
      else return false;
      return true;
    };
    await npm();
    assert.equal(asked > 5, true);
    assert.deepEqual(world.scanner.scanned, ['a-1.0.0.tgz']);
    assert.equal(world.said.filter(({ event }) => event === 'feed-failed').length, 5);
  });

  it('looks again at a package, as caches may be behind the feed, and asks only for what changed', async () => {
    const versions: Record<string, object> = {};
    const add = (version: string) => {
      world.registry.publish({ name: 'a', version }, { published: NOW() });
      versions[version] = { dist: { tarball: `${world.registry.url}a/-/a-${version}.tgz` } };
    };
    const asked: (string | undefined)[] = [];
    const ending = new AbortController();
    const time = Object.fromEntries(['1.0.0', '1.0.1'].map((version) => [version, NOW()]));
    world.feeds.fault = (request, response) => {
      if (request.url !== '/registry/a') return false;
      const etag = `"${Object.keys(versions).length}"`;
      asked.push(request.headers['if-none-match']);
      if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.writeHead(200, { etag }).end(JSON.stringify({ versions, time }));
      // The feed spoke of both; the second reaches this page after the first look.
      if (asked.length === 2) add('1.0.1');
      return true;
    };
    add('1.0.0');
    const feed = (client: Client) => npmFeed(client, world.feeds.url, `${world.feeds.url}registry/`);
    await world.run((client) => [feed(client)]);
    world.feeds.changes = [{ seq: 1, id: 'a' }];
    world.scanner.before = ({ filename }) => {
      if (filename === 'a-1.0.1.tgz') setTimeout(() => ending.abort(), 50);
    };
    await world.run((client) => [feed(client)], {
      once: false,
      signal: ending.signal,
      timing: { lookAgainMs: [5, 5, 5] },
    });
    assert.deepEqual(world.scanner.scanned, ['a-1.0.0.tgz', 'a-1.0.1.tgz']);
    assert.deepEqual(asked.slice(0, 3), [undefined, '"1"', '"1"']);
  });

  it('says that something may be missing when the feed is numbered anew, and goes on', async () => {
    world.feeds.changes = [{ seq: 5000, id: 'x' }];
    await npm();
    world.feeds.changes = [];
    publish('a', '1.0.0', 7);
    await npm();
    assert.match(world.said.find(({ event }) => event === 'notice')!.words, /numbered anew \(5000, now 7\)/);
    publish('b', '1.0.0', 8);
    await npm();
    assert.deepEqual(world.scanner.scanned, ['b-1.0.0.tgz']);
    assert.match((await world.look((store) => store.feeds()))[0]!.notice!, /numbered anew/);
  });

  it('tries again what a worker died on, then sets it aside without a result', async () => {
    await npm();
    publish('a', '1.0.0', 1);
    let tries = 0;
    const { scan } = world.scanner;
    Object.assign(world.scanner, {
      scan: async (input: Parameters<typeof scan>[0]) => {
        tries++;
        return {
          ...(await scan(input)),
          verdict: 'unverified',
          unverified: { code: 'scan-failed', args: { why: 'exit 1' } },
        };
      },
    });
    await npm();
    assert.equal(tries, 3);
    assert.equal((await world.look((store) => store.results())).length, 0);
    assert.match((await world.look((store) => store.aside()))[0]!.reason!, /the scanner failed on it/);
  });

  it('puts back what was under way when it is told to end, as if nothing had been', async () => {
    await npm();
    publish('a', '1.0.0', 1);
    const ending = new AbortController();
    world.scanner.before = () => {
      ending.abort();
      throw new Error('the scanner is closed');
    };
    await world.run((client) => [world.npm(client)], { signal: ending.signal });
    const counts = await world.look(async (store) => (await store.counts()).artifact);
    assert.deepEqual(counts, { queued: 1, running: 0, done: 0, aside: 0 });
    world.scanner.before = undefined;
    await npm();
    assert.deepEqual(world.scanner.scanned, ['a-1.0.0.tgz']);
  });

  it('without a scanner it ends with that error, and nothing is lost', async () => {
    await npm();
    publish('a', '1.0.0', 1);
    world.scanner.before = () => {
      throw new KnownError('model-missing', 'the model is missing');
    };
    await assert.rejects(npm(), { code: 'model-missing' });
    world.scanner.before = undefined;
    await npm();
    assert.deepEqual(world.scanner.scanned, ['a-1.0.0.tgz']);
  });

  it('a bug of ours that one release brings out does not keep the others waiting', async () => {
    await npm();
    publish('bad', '1.0.0', 1);
    publish('fine', '1.0.0', 2);
    world.scanner.before = ({ filename }) => {
      if (filename.startsWith('bad')) throw new TypeError('a bug');
    };
    await npm();
    assert.deepEqual(world.scanner.scanned, ['fine-1.0.0.tgz']);
    assert.equal((await world.look((store) => store.aside()))[0]!.reason, 'a fault of safe-install: a bug');
  });

  it('a packument of nonsense harms nobody', async () => {
    await npm();
    const documents = [
      null,
      [],
      'text',
      { versions: [] },
      {
        versions: { '1': null, '2': 5, '3': { dist: null }, '4': { dist: 'x' } },
        time: null,
        'dist-tags': null,
      },
      { versions: { '1': { dist: { tarball: 'http://%zz:%@127.0.0.1:1/' } } }, time: { '1': NOW() } },
      { versions: { '1': { dist: { tarball: 'no address', integrity: {} } } }, time: { '1': NOW() } },
      { versions: { '1': { dist: { tarball: 'file:///etc/passwd' } } }, time: { '1': NOW() } },
      {
        versions: { '1': { dist: { tarball: 'http://127.0.0.1:1/', integrity: 'x'.repeat(1e5) } } },
        time: { '1': { toString: 1 } },
      },
    ];
    world.feeds.changes = documents.map((_, i) => ({ seq: i + 1, id: `p${i}` }));
    world.feeds.fault = (request, response) => {
      const at = /^\/registry\/p(\d)$/.exec(request.url!)?.[1];
      if (at !== undefined) response.end(JSON.stringify(documents[Number(at)]));
      return at !== undefined;
    };
    await world.run((client) => [npmFeed(client, world.feeds.url, `${world.feeds.url}registry/`)], {
      timing: { passingTries: 2 },
    });
    const counts = await world.look((store) => store.counts());
    assert.deepEqual(
      [counts.package.done + counts.package.aside, counts.artifact.done, counts.artifact.aside],
      [9, 0, 3],
    );
  });

  it('judges the same bytes once for each model; a newer model judges all again', async () => {
    await npm();
    const tarball = (await import('../helpers/tarball.js')).packageTarball({
      name: 'same',
      version: '1.0.0',
    });
    for (const [i, name] of ['one', 'two', 'three'].entries()) {
      world.registry.publish({ name, version: '1.0.0' }, { tarball, published: NOW() });
      world.feeds.changes.push({ seq: i + 1, id: name });
    }
    await npm();
    const first = await world.look((store) => store.results());
    assert.equal(first.length, 1);
    assert.equal(first[0]!.releases, 3);
    await world.run(() => [], {
      prepare: async (store) => assert.equal(await store.rescan('one', first[0]!.taxonomy, Date.now()), 0),
    });
    await world.run(() => [], {
      model: 'two',
      prepare: async (store) => assert.equal(await store.rescan('two', first[0]!.taxonomy, Date.now()), 3),
    });
    const second = await world.look((store) => store.results());
    assert.deepEqual(
      second.map(({ model, releases }) => [model, releases]),
      [['two', 3]],
    );
    assert.equal((await world.look((store) => store.verdicts())).allow, 2);
  });

  it('PyPI: every file of a release named by the changelog, in whatever order it comes', async () => {
    const pypi = () => world.run((client) => [world.pypi(client)]);
    world.feeds.events = [['before', '1.0', 'new release', 100]];
    await pypi();
    world.index.addWheel({ name: 'evil-tool', version: '1.0', files: { 'evil_tool/__init__.py': '' } });
    world.index.addSdist({ name: 'evil-tool', version: '1.0', files: { 'setup.py': '' } });
    world.index.addSdist({ name: 'evil-tool', version: '0.9', files: { 'setup.py': '' } });
    world.feeds.events = [
      ['Evil_Tool', '1.0', 'add py3 file evil_tool-1.0-py3-none-any.whl', 104],
      ['Evil_Tool', '1.0', 'new release', 102],
      ['Evil_Tool', null, 'create', 101],
      ['Evil_Tool', '1.0', 'add source file evil_tool-1.0.tar.gz', 103],
      ['a & b <c>', '1.0', 'remove release', 105],
    ];
    await pypi();
    await pypi();
    assert.deepEqual(world.scanner.scanned.sort(), [
      'evil_tool-1.0-py3-none-any.whl',
      'evil_tool-1.0.tar.gz',
    ]);
    assert.equal(
      await world.look(async (store) => (await store.feed(`pypi ${world.feeds.url}pypi`))?.position),
      '105',
    );
  });

  it('PyPI: reads RSS while the changelog is silent, and misses nothing once it answers', async () => {
    const pypi = () => world.run((client) => [world.pypi(client)]);
    world.feeds.events = [['before', '1.0', 'new release', 100]];
    await pypi();
    for (const name of ['seen', 'unseen'])
      world.index.addSdist({ name, version: '1.0', files: { 'setup.py': '' } });
    world.feeds.rss =
      '<rss><channel><item><title>seen 1.0</title><link>https://pypi.org/project/seen/1.0/</link></item></channel></rss>';
    world.feeds.fault = (request, response) => {
      if (request.url !== '/pypi') return false;
      response.writeHead(500).end();
      return true;
    };
    await pypi();
    assert.deepEqual(world.scanner.scanned, ['seen-1.0.tar.gz']);
    assert.equal(
      await world.look(async (store) => (await store.feed(`pypi ${world.feeds.url}pypi`))?.position),
      '100',
    );
    world.feeds.fault = undefined;
    world.feeds.events.push(['seen', '1.0', 'new release', 101], ['unseen', '1.0', 'new release', 102]);
    await pypi();
    assert.deepEqual(world.scanner.scanned, ['seen-1.0.tar.gz', 'unseen-1.0.tar.gz']);
  });

  it('replays a recorded feed: duplicates, damaged lines, a line without its end, one artifact by address', async () => {
    world.registry.publish({ name: 'a', version: '1.0.0' });
    world.registry.publish({ name: 'a', version: '1.0.1' });
    world.registry.publish({ name: 'b', version: '1.0.0' });
    const file = join(world.folder, 'feed.jsonl');
    const line = (value: unknown) => `${JSON.stringify(value)}\n`;
    const a = line({ ecosystem: 'npm', name: 'a', version: '1.0.0' });
    const url = `${world.registry.url}b/-/b-1.0.0.tgz`;
    const rest = [
      'not json\n',
      line({ name: 'no ecosystem' }),
      line(null),
      a,
      line({ ecosystem: 'npm', name: 'b', version: '1.0.0', url }),
    ];
    writeFileSync(file, a + rest.join('').trimEnd());
    const replay = () =>
      world.run(() => [recordedFeed(file, { npm: world.registry.url, pypi: `${world.index.url}/` })]);
    await replay();
    await replay();
    assert.deepEqual(world.scanner.scanned.sort(), ['a-1.0.0.tgz', 'b-1.0.0.tgz']);
    assert.match(world.said.find(({ event }) => event === 'notice')!.words, /3 lines .* name no release/);
    writeFileSync(file, a);
    await assert.rejects(replay(), { code: 'no-feed', exitCode: 2 });
  });

  it('what was watched can be replayed elsewhere, and gives the same', async () => {
    await npm();
    publish('a', '1.0.0', 1);
    publish('@scope/evil', '2.0.0', 2);
    await npm();
    const file = join(world.folder, 'recorded.jsonl');
    writeFileSync(file, (await world.look(exportFeed)).join(''));
    const rows = () =>
      world.look(async (store) =>
        (await store.results()).map(
          ({ release: { seen: _, ...release }, verdict: { durationMs: __, ...verdict } }) => ({
            release,
            verdict,
          }),
        ),
      );
    const before = await rows();
    for (const end of ['', '-wal', '-shm']) rmSync(join(world.folder, `watch.db${end}`), { force: true });
    await world.run(() => [recordedFeed(file, { npm: 'http://127.0.0.1:1/', pypi: 'http://127.0.0.1:1/' })]);
    const byName = (list: typeof before) =>
      [...list].sort((x, y) => (x.release.name < y.release.name ? -1 : 1));
    assert.equal(before.length, 2);
    assert.deepEqual(byName(await rows()), byName(before));
  });

  it('two processes on one file share the work and do nothing twice', async () => {
    await npm();
    const names = Array.from({ length: 24 }, (_, i) => `p${i}`);
    for (const [i, name] of names.entries()) publish(name, '1.0.0', i + 1);
    await Promise.all([npm(), npm(), npm()]);
    assert.deepEqual(fetched().sort(), names.map((name) => `${name}-1.0.0.tgz`).sort());
    const done = await world.look((store) => store.counts());
    assert.deepEqual([done.artifact.done, done.package.done], [24, 24]);
  });

  it('says who it is', async () => {
    await npm();
    assert.match(world.feeds.requests[0]!.headers['user-agent']!, /^safe-install\/\d\S* watch /);
  });
});
