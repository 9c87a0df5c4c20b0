/** `safe-install watch` as people run it: killed, restarted, looked at, ended. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonPackage } from '../../lib/report/json.js';
import { SqliteDatabase } from '../../lib/watch/sqlite.js';
import { WatchStore } from '../../lib/watch/store.js';
import { ROOT, type Sandbox, sandbox } from '../cli/run.js';
import { MALICIOUS, TWINS } from '../fixtures/packages.js';
import { buildWheel } from '../helpers/python-archives.js';
import { TestRegistry } from '../helpers/registry.js';
import { packageTarball } from '../helpers/tarball.js';
import { FeedServer } from '../watch/world.js';

const HOSTILE = 'x"><script>alert(1)</script>\u001b[2J\u202e';

describe('safe-install watch', function () {
  this.timeout(180_000);
  let box: Sandbox;
  let registry: TestRegistry;
  const archives = new Map<string, Buffer>();
  const children: ChildProcess[] = [];

  before(async () => {
    box = sandbox();
    registry = await new TestRegistry().start();
    const lines: object[] = [];
    const add = (name: string, manifest: object, files: Readonly<Record<string, string>>): void => {
      const tarball = packageTarball({ name, version: '1.0.0', ...manifest }, { ...files });
      registry.publish({ name, version: '1.0.0' }, { tarball, published: '2026-01-02T03:04:05.000Z' });
      archives.set(`${name}-1.0.0.tgz`, tarball);
      lines.push({ ecosystem: 'npm', name, version: '1.0.0' });
    };
    add('thief', MALICIOUS[0]!.manifest, MALICIOUS[0]!.files);
    add('dropper', MALICIOUS[1]!.manifest, MALICIOUS[1]!.files);
    add('honest-a', TWINS[0]!.manifest, TWINS[0]!.files);
    add('honest-b', TWINS[2]!.manifest, TWINS[2]!.files);
    // What `thief` does, under a name and with a command that no honest package has.
    const hostile = packageTarball(
      {
        name: HOSTILE,
        version: '1.0.0',
        scripts: { postinstall: `node "lib/${HOSTILE.replaceAll('"', "'")}.js"; node setup.js` },
      },
      { ...MALICIOUS[0]!.files },
    );
    const wheel = buildWheel({
      name: 'pkg',
      version: '1.0',
      files: { 'pkg/__init__.py': 'print("hello")\n' },
    });
    const extra: [string, string, string, Buffer][] = [
      ['npm', HOSTILE, 'hostile-1.0.0.tgz', hostile],
      ['npm', 'damaged', 'damaged-1.0.0.tgz', Buffer.from('not an archive')],
      ['pypi', 'pkg', 'pkg-1.0-py3-none-any.whl', wheel],
    ];
    for (const [ecosystem, name, filename, bytes] of extra) {
      archives.set(filename, bytes);
      registry.fault(`files/${filename}`, {
        kind: 'answer',
        answer: (_, response) => void response.writeHead(200).end(bytes),
      });
      const url = `${registry.url}files/-/files/${filename}`;
      lines.push({ ecosystem, name, version: '1.0.0', filename, url, published: '2026-01-02T03:04:05Z' });
    }
    lines.push(...lines.slice(0, 3));
    writeFileSync(join(box.project, 'feed.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    box.remove();
    await registry.stop();
  });

  const start = (...argv: string[]) => box.start(['watch', ...argv]);
  const replay = ['--from', 'feed.jsonl', '--rate', '1000', '--retry-delay', '0.05', '--format', 'json'];
  const store = async () =>
    new WatchStore(await SqliteDatabase.open(join(box.root, 'state', 'safe-install', 'watch', 'watch.db')));
  /** Without a limit of time, unlike `box.run`: a busy machine takes a while to load the model. */
  const scan = async (targets: readonly string[]): Promise<string> => {
    const argv = [join(ROOT, 'bin', 'safe-install.js'), 'scan', ...targets, '--format', 'json', '--silent'];
    const child = spawn(process.execPath, argv, {
      cwd: box.project,
      env: box.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let stdout = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    await once(child, 'close');
    return stdout;
  };
  const findings = () => JSON.parse(box.run(['watch', 'findings', '--format', 'json']).stdout).findings;

  it('killed in the middle of a job it loses nothing and does nothing twice', async () => {
    // One tarball never comes: its job is under way when the process dies.
    let hangs = true;
    registry.fault('thief-1.0.0.tgz', {
      kind: 'answer',
      answer: (_, response) => void (hangs || response.writeHead(200).end(archives.get('thief-1.0.0.tgz'))),
    });
    const first = start(...replay, '--registry', registry.url);
    const looking = await store();
    const settled = async () => {
      const { artifact } = await looking.counts();
      return artifact.done === archives.size - 1 && artifact.running === 1;
    };
    while (!(await settled()) && first.child.exitCode === null) await sleep(50);
    assert.equal(first.child.exitCode, null, first.said());
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const before = await looking.results();
    assert.equal(before.length, archives.size - 1);
    hangs = false;
    const second = start(...replay, '--registry', registry.url);
    const [code] = await once(second.child, 'exit');
    assert.equal(code, 0, second.said());
    assert.match(second.said(), /"event":"recovered"/);
    const after = await looking.results({ order: 'oldest' });
    assert.equal(after.length, archives.size);
    for (const old of before)
      assert.equal(after.filter(({ id, created }) => id === old.id && created === old.created).length, 1);
    for (const filename of archives.keys())
      assert.equal(registry.seen(`/${filename}`).length, filename === 'thief-1.0.0.tgz' ? 2 : 1, filename);
    await looking.close();
  });

  it('every row is what scan says of the same bytes', async () => {
    const folder = join(box.project, 'archives');
    mkdirSync(folder);
    for (const [filename, bytes] of archives) writeFileSync(join(folder, filename), bytes);
    const files = [...archives.keys()];
    const stdout = await scan(files.map((file) => `archives/${file}`));
    const { packages } = JSON.parse(stdout) as { packages: Record<string, unknown>[] };
    const plain = ({ target: _, durationMs: __, ...row }: Record<string, unknown>) => row;
    const looking = await store();
    const rows = new Map(
      (await looking.results()).map((result) => [result.release.filename, result.verdict]),
    );
    await looking.close();
    for (const [at, filename] of files.entries()) {
      const row = jsonPackage({ target: '', verdict: rows.get(filename)! });
      assert.deepEqual(JSON.parse(JSON.stringify(plain(row))), plain(packages[at]!), filename);
    }
    assert(packages.some(({ verdict }) => verdict === 'block'));
    assert(packages.some(({ verdict }) => verdict === 'unverified'));
    assert(packages.some(({ verdict }) => verdict === 'allow'));
  });

  it('lists, marks and exports findings', () => {
    const found = findings();
    const names = found.map(({ release }: { release: { name: string } }) => release.name);
    assert.deepEqual(new Set(names), new Set(['thief', 'dropper', HOSTILE]));
    const idOf = (name: string) =>
      String(found.find(({ release }: { release: { name: string } }) => release.name === name).id);
    const text = box.run(['watch', 'findings']).stdout;
    assert.match(
      text,
      /npm thief@1\.0\.0 {2}score 0\.\d+ {2}new {2}thief-1\.0\.0\.tgz {2}published 2026-01-02T03:04:05/,
    );
    assert.match(text, /while installing, setup\.js:5: /);
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]/);

    assert.equal(
      box.run(['watch', 'export', 'osv', idOf('thief')]).code,
      2,
      'nothing unconfirmed leaves as a record',
    );
    assert.equal(
      box.run(['watch', 'mark', idOf('thief'), 'confirmed', '--note', 'sends the environment away']).code,
      0,
    );
    assert.equal(box.run(['watch', 'mark', idOf('dropper'), 'false-alarm']).code, 0);
    assert.equal(box.run(['watch', 'mark', '9999', 'confirmed']).code, 2);
    assert.deepEqual(
      JSON.parse(box.run(['watch', 'findings', '--state', 'new', '--format', 'json']).stdout).findings.length,
      1,
    );
    assert.equal(box.run(['watch', 'export', 'osv', '--output', 'out', '--finder', 'A. Person']).code, 0);
    const record = JSON.parse(
      readFileSync(join(box.project, 'out/osv/malicious/npm/thief/MAL-0000-safe-install-thief.json'), 'utf8'),
    );
    assert.deepEqual(record.affected, [
      { package: { ecosystem: 'npm', name: 'thief' }, versions: ['1.0.0'] },
    ]);
    assert.match(record.details, /sends the environment away/);
    const labelled = box
      .run(['watch', 'export', 'sequences'])
      .stdout.trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(labelled.map(({ name, label }) => `${name} ${label}`).sort(), [
      'dropper honest',
      'thief malicious',
    ]);
    assert.match(labelled[0].units[0].tokens, /^unit:lifecycle phase:install /);
    const report = box.run(['watch', 'export', 'report', idOf(HOSTILE)]).stdout;
    assert.match(report, /SHA-256: +[0-9a-f]{64}\n/);
    assert.doesNotMatch(report, /[\u0000-\u0009\u000b-\u001f\u202e]/);
    assert.match(
      box.run(['watch', 'status']).stdout,
      new RegExp(`artifacts {2}0 queued, 0 running, ${archives.size} done`),
    );
  });

  it('judges nothing again for the model it has; serves page and metrics; ends when told to', async () => {
    const { child, said } = start('--rescan', '--ui', '--metrics', '0', '--format', 'json');
    const line = (event: string) =>
      said()
        .split('\n')
        .filter((text) => text.endsWith('}'))
        .map((text) => JSON.parse(text))
        .find((entry) => entry.event === event);
    while ((line('ui') === undefined || line('metrics') === undefined) && child.exitCode === null)
      await sleep(50);
    assert.equal(line('rescan').jobs, 0, said());
    const entered = await fetch(line('ui').address, { redirect: 'manual' });
    assert.equal(entered.status, 303);
    const cookie = entered.headers.get('set-cookie')!.split(';')[0]!;
    const page = await (await fetch(new URL('/', line('ui').address), { headers: { cookie } })).text();
    assert.match(page, /thief@1\.0\.0/);
    const metrics = await (await fetch(`http://127.0.0.1:${line('metrics').port}/metrics`)).text();
    assert.match(
      metrics,
      new RegExp(`safe_install_watch_jobs\\{kind="artifact",state="done"\\} ${archives.size}\n`),
    );
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0, said());
    assert.notEqual(line('ended'), undefined);
  });

  it('follows a feed; told to end in the middle of a job it puts it back, and goes on from there', async () => {
    const feed = await new FeedServer().start();
    try {
      let hangs = true;
      const published = '2026-02-03T04:05:06.000Z';
      for (const [at, name] of ['quick', 'slow'].entries()) {
        registry.publish({ name, version: '1.0.0' }, { published });
        feed.changes.push({ seq: 41 + at, id: name });
      }
      const tarball = packageTarball({ name: 'slow', version: '1.0.0' });
      registry.fault('slow-1.0.0.tgz', {
        kind: 'answer',
        answer: (_, response) => void (hangs || response.writeHead(200).end(tarball)),
      });
      const looking = await store();
      const done = async () => (await looking.counts()).artifact.done;
      const before = await done();
      const from = ['--since', '40', '--published-after', '2026-02-01'];
      const argv = ['npm', '--feed', feed.url, '--registry', registry.url, '--retry-delay', '0.05'];
      const first = start(...argv, ...from);
      while (
        ((await done()) < before + 1 || (await looking.counts()).artifact.running < 1) &&
        first.child.exitCode === null
      )
        await sleep(50);
      first.child.kill('SIGTERM');
      const [code] = await once(first.child, 'exit');
      assert.equal(code, 0, first.said());
      assert.equal((await looking.counts()).artifact.queued, 1);
      hangs = false;
      const second = start(...argv, '--once');
      const [ended] = await once(second.child, 'exit');
      assert.equal(ended, 0, second.said());
      assert.doesNotMatch(second.said(), /taken up again/, 'nothing had died');
      assert.equal(await done(), before + 2);
      assert.equal(registry.seen('/quick-1.0.0.tgz').length, 1);
      await looking.close();
    } finally {
      await feed.stop();
    }
  });
});
