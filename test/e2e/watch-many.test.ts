/** `safe-install watch` and `safe-install worker` as processes over Redis and PostgreSQL; people look on from elsewhere. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonPackage } from '../../lib/report/json.js';
import { createScanner } from '../../lib/scan.js';
import { type Sandbox, sandbox } from '../cli/run.js';
import { MALICIOUS, TWINS } from '../fixtures/packages.js';
import { TestRegistry } from '../helpers/registry.js';
import { packageTarball } from '../helpers/tarball.js';
import { needServers, PostgresServer, RedisServer } from '../watch/servers.js';

describe('safe-install worker', function () {
  this.timeout(240_000);
  let box: Sandbox;
  let registry: TestRegistry;
  let redis: RedisServer;
  let postgres: PostgresServer;
  const archives = new Map<string, Buffer>();

  before(async function () {
    needServers(this);
    [redis, postgres] = await Promise.all([new RedisServer().start(), new PostgresServer().start()]);
    box = sandbox();
    box.env.SAFE_INSTALL_QUEUE = redis.url;
    box.env.SAFE_INSTALL_STORE = postgres.url;
    registry = await new TestRegistry().start();
    const add = (
      name: string,
      version: string,
      from: (typeof MALICIOUS)[number],
      published: string,
    ): void => {
      const tarball = packageTarball({ ...from.manifest, name, version }, { ...from.files });
      registry.publish({ name, version }, { tarball, published });
      archives.set(`${name}-${version}.tgz`, tarball);
    };
    // Taken over: what was honest is not any more. Only the new release is in the feed.
    add('taken', '1.0.0', TWINS[0]!, '2026-01-01T00:00:00.000Z');
    add('taken', '1.0.1', MALICIOUS[0]!, '2026-01-02T00:00:00.000Z');
    add('dropper', '1.0.0', MALICIOUS[1]!, '2026-01-02T00:00:00.000Z');
    add('honest', '1.0.0', TWINS[2]!, '2026-01-02T00:00:00.000Z');
    const lines = ['taken 1.0.1', 'dropper 1.0.0', 'honest 1.0.0', 'dropper 1.0.0', 'gone 1.0.0'].map(
      (text) => {
        const [name, version] = text.split(' ');
        return `${JSON.stringify({ ecosystem: 'npm', name, version })}\n`;
      },
    );
    writeFileSync(join(box.project, 'feed.jsonl'), lines.join(''));
  });
  after(async () => {
    box?.remove();
    await registry?.stop();
    await redis?.remove();
    await postgres?.remove();
  });

  const start = (...argv: string[]) => {
    const started = box.start(argv);
    return { ...started, ended: once(started.child, 'exit') };
  };
  const lines = ['--retry-delay', '0.05', '--lease', '4', '--format', 'json'];

  it('two workers judge what a watch has queued, as scan does; people look, decide and export', async () => {
    const workers = [1, 2].map(() =>
      start('worker', ...lines, '--rate', '1000', '--threads', '1', '--metrics', '0'),
    );
    const watch = start('watch', '--from', 'feed.jsonl', '--registry', registry.url, '--once', ...lines);
    const [code] = await watch.ended;
    assert.equal(code, 0, watch.said() + workers.map(({ said }) => said()).join(''));
    assert.match(watch.said(), /"event":"ended"/);

    const port = /"event":"metrics","port":(\d+)/.exec(workers[0]!.said())?.[1];
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(metrics, /jobs\{kind="artifact",state="queued"\} 0/);
    assert.match(metrics, /results\{verdict="block"\} 2/);

    for (const { child } of workers) child.kill('SIGTERM');
    for (const { ended, said } of workers) assert.equal((await ended)[0], 0, said());

    const run = (...argv: string[]) => box.run(['watch', ...argv]);
    const { findings } = JSON.parse(run('findings', '--format', 'json').stdout) as {
      findings: {
        id: number;
        release: { name: string; filename: string };
        package: object;
        previous?: { version: string; judged: boolean; behaviors: { code: string }[] };
      }[];
    };
    assert.deepEqual(findings.map(({ release }) => release.name).sort(), ['dropper', 'taken']);
    const scanner = await createScanner({ threads: 1 });
    for (const { release, package: row } of findings) {
      const bytes = archives.get(release.filename)!;
      const verdict = await scanner.scan({ ecosystem: 'npm', filename: release.filename, bytes });
      const plain = (value: object) => JSON.parse(JSON.stringify({ ...value, durationMs: 0 }));
      assert.deepEqual(plain(row), plain(jsonPackage({ target: release.filename, verdict })));
    }
    await scanner.close();

    // The release before was read too, to be compared with.
    const taken = findings.find(({ release }) => release.name === 'taken')!;
    assert.deepEqual([taken.previous?.version, taken.previous?.judged], ['1.0.0', true]);
    assert.equal(taken.previous!.behaviors.length > 0, true);
    assert.equal(findings.find(({ release }) => release.name === 'dropper')!.previous, undefined);
    assert.match(
      run('findings').stdout,
      /before: \d+ behaviours? 1\.0\.0 did not have\n {4}new: while installing/,
    );

    assert.equal(run('mark', String(taken.id), 'confirmed', '--note', 'seen').code, 0);
    assert.match(run('export', 'osv').stdout, /"name": "taken"/);
    assert.match(run('status').stdout, /aside +npm gone@1\.0\.0 : .*answered 404/);

    const page = start('watch', '--ui');
    while (!/http:\S+token=\S+/.test(page.said()) && page.child.exitCode === null) await sleep(50);
    const address = /http:\S+token=\S+/.exec(page.said())![0];
    const entered = await fetch(address, { redirect: 'manual' });
    const cookie = entered.headers.get('set-cookie')!.split(';')[0]!;
    const html = await (await fetch(new URL('/', address), { headers: { cookie } })).text();
    assert.match(html, /behaviours? 1\.0\.0 did not have/);
    page.child.kill('SIGTERM');
    assert.equal((await page.ended)[0], 0);
  });

  it('refuses a queue without a store that all machines see, and addresses of another kind', () => {
    const refused = (...argv: string[]) => {
      const { code, stdout, stderr } = box.run(argv, {
        env: { SAFE_INSTALL_STORE: '', SAFE_INSTALL_QUEUE: '' },
      });
      assert.deepEqual([code, stdout], [2, '']);
      return stderr;
    };
    assert.match(refused('worker'), /worker needs --queue redis:/);
    assert.match(refused('worker', '--queue', 'redis://127.0.0.1:1'), /--queue needs --store postgres:/);
    assert.match(refused('watch', 'npm', '--store', 'mysql://x'), /--store needs postgres:/);
  });
});
