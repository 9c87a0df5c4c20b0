/** Queue and results, as several processes would use them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Behavior, Verdict } from '../../lib/types.js';
import type { Database } from '../../lib/watch/database.js';
import { SqliteDatabase } from '../../lib/watch/sqlite.js';
import { type Entry, type ResultKey, WatchStore } from '../../lib/watch/store.js';
import { clean, malicious } from '../report/runs.js';
import { needServers, PostgresServer } from './servers.js';

const artifact = (name: string, promised = ''): Entry => ({
  kind: 'artifact',
  ecosystem: 'npm',
  name,
  version: '1.0.0',
  filename: `${name}-1.0.0.tgz`,
  url: `https://registry.invalid/${name}`,
  promised,
});
const pkg = (name: string, floor?: number): Entry => ({
  ...artifact(name),
  kind: 'package',
  version: '',
  filename: '',
  floor,
});
const key = (integrity: string, model = 'm'): ResultKey => ({
  ecosystem: 'npm',
  integrity,
  reader: 'tarball',
  model,
  taxonomy: 't',
});
const read = (verdict: Verdict) => ({ verdict, sha256: 'ab' });

for (const engine of ['SQLite', 'PostgreSQL'] as const) {
  describe(`watch/store in ${engine}`, () => {
    let folder: string;
    let file: string;
    let database: Database;
    let store: WatchStore;
    let server: PostgresServer | undefined;
    let position: number;
    before(async function () {
      if (engine === 'SQLite') return;
      needServers(this);
      server = await new PostgresServer().start();
    });
    after(() => server?.remove());
    beforeEach(async () => {
      position = 0;
      folder = mkdtempSync(join(tmpdir(), 'safe-install-store-'));
      file = join(folder, 'watch.db');
      database = server === undefined ? await SqliteDatabase.open(file) : await server.open();
      store = new WatchStore(database, 0);
      await store.startFeed('f', '0', undefined);
    });
    afterEach(async () => {
      if (server !== undefined) await database.run('DROP SCHEMA safe_install CASCADE');
      await store.close();
      rmSync(folder, { recursive: true });
    });
    const feed = (...entries: Entry[]) =>
      store.advance('f', { from: String(position), to: String(++position), entries }, 1000);

    it('a position moves with its jobs or not at all, and only from where it is', async () => {
      assert.equal(await feed(artifact('a')), true);
      assert.equal(await store.advance('f', { from: '0', to: '9', entries: [artifact('b')] }, 1000), false);
      assert.equal((await store.feed('f'))!.position, '1');
      assert.equal((await store.counts()).artifact.queued, 1);
    });

    it('a job is claimed once; after its lease by another, and then the first can change nothing', async () => {
      await feed(artifact('a'));
      const first = (await store.claim('artifact', 'host 1 x', 1000, 500))!;
      assert.equal(await store.claim('artifact', 'host 2 y', 1400, 500), undefined);
      await store.renew('host 1 x', 2000);
      assert.equal(await store.claim('artifact', 'host 2 y', 1999, 500), undefined);
      const second = (await store.claim('artifact', 'host 2 y', 2001, 500))!;
      assert.equal(second.id, first.id);
      assert.deepEqual(await store.finishArtifact(first, key('i'), read(clean), 2002), {
        done: false,
        fresh: false,
      });
      assert.equal(await store.setAside(first, 'late', 2002), false);
      assert.equal(await store.postpone(first, 1, 'late'), false);
      assert.deepEqual(await store.finishArtifact(second, key('i'), read(clean), 2003), {
        done: true,
        fresh: true,
      });
      assert.equal(await store.claim('artifact', 'host 2 y', 9999, 500), undefined);
    });

    it('one result for bytes, reader, model and taxonomy; it says what the verdict said', async () => {
      await feed(artifact('a'), artifact('b'));
      const bytes = key(malicious.integrity);
      for (const fresh of [true, false]) {
        const job = (await store.claim('artifact', 'o', 1000, 500))!;
        assert.deepEqual(await store.finishArtifact(job, bytes, read(malicious), 1000), {
          done: true,
          fresh,
        });
      }
      const [row, ...more] = await store.results();
      assert.deepEqual(more, []);
      assert.deepEqual({ ...row!.verdict }, { ...malicious });
      assert.equal(row!.releases, 2);
    });

    it('a package that is named again while it runs, runs again', async () => {
      await feed(pkg('a', 5));
      const job = (await store.claim('package', 'o', 1000, 500))!;
      await feed(pkg('a', 7));
      assert.equal(await store.finishPackage(job, [artifact('a')], 1001), true);
      const again = (await store.claim('package', 'o', 1002, 500))!;
      assert.equal(again.floor, 5, 'the older floor holds until it was looked at');
      assert.equal(await store.finishPackage(again, [artifact('a')], 1003), true);
      assert.equal(await store.claim('package', 'o', 9999, 500), undefined);
      assert.equal((await store.counts()).artifact.queued, 1);
      await feed(pkg('a', 7));
      assert.equal((await store.claim('package', 'o', 9999, 500))!.name, 'a');
    });

    it('other bytes under the same name and version are another artifact', async () => {
      await feed(artifact('a', 'sha512-x'), artifact('a', 'sha512-y'), artifact('a', 'sha512-x'));
      assert.equal((await store.counts()).artifact.queued, 2);
    });

    it('takes up the jobs of a dead process at once, and sets aside what so many died on', async () => {
      await feed(artifact('a'));
      const dead = spawnSync('true').pid;
      for (let i = 0; i < 4; i++) {
        await store.claim('artifact', `${hostname()} ${dead} ${i}`, 1000, 1e9);
        assert.equal(await store.recover(1000), 1);
        assert.equal((await store.counts()).artifact.queued, 1);
      }
      await store.claim('artifact', 'elsewhere 1 x', 1000, 10);
      assert.equal(await store.recover(1000), 0, 'what lives elsewhere cannot be seen');
      assert.equal(await store.claim('artifact', 'o', 2000, 10), undefined);
      assert.match((await store.aside())[0]!.reason!, /its lease ran out 5 times/);
    });

    it('what is handed back counts as never begun', async () => {
      await feed(artifact('a'));
      for (let i = 0; i < 9; i++) {
        await store.claim('artifact', 'o', 1000, 500);
        assert.equal(await store.release('o'), 1);
      }
      assert.equal((await store.claim('artifact', 'o', 1000, 500))!.failures, 0);
    });

    it('marks belong to bytes and outlive a newer model; the newest result counts', async () => {
      await feed(artifact('a'));
      await store.finishArtifact(
        (await store.claim('artifact', 'o', 1000, 500))!,
        key('i'),
        read({ ...malicious, integrity: 'i' }),
        1000,
      );
      const [old] = await store.results();
      assert.equal(await store.mark(old!.id, 'false-alarm', 'telemetry', 1000), true);
      assert.equal(await store.mark(999, 'unsure', '', 1000), false);
      assert.equal(await store.rescan('n', 't', 1000), 1);
      await store.finishArtifact(
        (await store.claim('artifact', 'o', 1000, 500))!,
        key('i', 'n'),
        read({ ...malicious, integrity: 'i' }),
        1000,
      );
      const [row, ...more] = await store.results({ marks: ['false-alarm'] });
      assert.deepEqual(more, []);
      assert.deepEqual([row!.model, row!.mark, row!.note], ['n', 'false-alarm', 'telemetry']);
      assert.deepEqual(await store.results({ marks: ['new'] }), []);
      await store.mark(row!.id, undefined, '', 1000);
      assert.equal((await store.results({ marks: ['new'] })).length, 1);
    });

    it('finds by part of a name, registry, phase of what weighs, and in pages', async () => {
      await feed(artifact('alpha'), artifact('100%_beta'));
      for (const integrity of ['i', 'j'])
        await store.finishArtifact(
          (await store.claim('artifact', 'o', 1000, 500))!,
          key(integrity),
          read({ ...malicious, integrity }),
          1000,
        );
      const names = async (filter: Parameters<WatchStore['results']>[0]) =>
        (await store.results(filter)).map(({ release }) => release.name);
      assert.deepEqual(await names({ name: 'ALPH' }), ['alpha']);
      assert.deepEqual(await names({ name: '%_' }), ['100%_beta']);
      assert.deepEqual(await names({ ecosystem: 'pypi' }), []);
      assert.deepEqual(await names({ phase: 'install' }), ['100%_beta', 'alpha']);
      assert.deepEqual(await names({ phase: 'runtime' }), []);
      assert.deepEqual(await names({ limit: 1, offset: 1 }), ['alpha']);
    });

    const only = engine === 'SQLite' ? it : it.skip;
    only('a process killed in the middle of a transaction leaves nothing of it', async () => {
      await feed(artifact('a'));
      const script = `
      import { SqliteDatabase } from ${JSON.stringify(new URL('../../lib/watch/sqlite.js', import.meta.url).href)};
      const db = await SqliteDatabase.open(${JSON.stringify(file)});
      await db.run("PRAGMA cache_size = 5");
      await db.transaction(async (tx) => {
        for (let i = 0; i < 300; i++) await tx.run("INSERT INTO marks VALUES ('npm', ?, 'unsure', ?, 0)", String(i), 'x'.repeat(5000));
        await tx.run("UPDATE jobs SET state = 'done'");
        process.kill(process.pid, 'SIGKILL');
      });`;
      const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
      assert.equal(signal, 'SIGKILL');
      assert.equal((await store.counts()).artifact.queued, 1);
      assert.equal(await feed(artifact('b')), true, 'and no lock stays behind');
    });

    it('says what a release does that the one before did not, once that is judged', async () => {
      const of = (version: string, published: number): Entry => ({ ...artifact('a'), version, published });
      await feed(of('1.0.0', 10), of('0.9.0', 5), of('1.0.1', 20));
      const judge = async (integrity: string, behaviors: readonly Behavior[]): Promise<void> => {
        const units = [{ kind: 'import' as const, phase: 'import' as const, origin: 'index.js', behaviors }];
        const sequence = { taxonomy: 't', ecosystem: 'npm' as const, units, stats: {} as never };
        const job = (await store.claim('artifact', 'o', 1000, 500))!;
        await store.finishArtifact(job, key(integrity), read({ ...malicious, integrity, sequence }), 1000);
      };
      const [first, second] = malicious.evidence.map(({ behavior }) => behavior);
      // In the order they were named: 1.0.0, 0.9.0, 1.0.1.
      await judge('i', [first!]);
      await judge('h', []);
      await judge('j', [{ ...first!, line: 99 }, second!, second!]);
      const rows = await store.results({ order: 'oldest' });
      const [now, oldest] = [rows[2]!, rows[1]!];
      assert.deepEqual(await store.difference(now), { version: '1.0.0', judged: true, behaviors: [second] });
      assert.equal(await store.difference(oldest), undefined, 'nothing came before it');
      await store.rescan('n', 't', 1000);
      assert.deepEqual(await store.difference({ ...now, model: 'n' }), {
        ...{ version: '1.0.0', judged: false, behaviors: [] },
      });
    });

    it('keeps hostile texts apart and gives verdicts back as they were', async () => {
      await feed(artifact('a'), artifact('a\0b'), artifact('a\0c'));
      assert.equal((await store.counts()).artifact.queued, 3);
      const verdict = { ...malicious, name: 'a\0b\ud800', version: '\0' };
      await store.finishArtifact(
        (await store.claim('artifact', 'o', 1000, 500))!,
        key(malicious.integrity),
        read(verdict),
        1000,
      );
      assert.deepEqual((await store.results())[0]!.verdict, verdict);
    });

    only('refuses a file of another version', async () => {
      const other = join(folder, 'other.db');
      const db = await SqliteDatabase.open(other);
      await db.run('PRAGMA user_version = 99');
      await db.close();
      await assert.rejects(SqliteDatabase.open(other), /written by another version/);
    });
  });
}
