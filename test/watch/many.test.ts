/** Many machines: real Redis and PostgreSQL, workers as processes that die at any moment. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TAXONOMY_VERSION } from '../../lib/behavior/taxonomy.js';
import { bullMqQueue } from '../../lib/watch/bullmq-queue.js';
import { Client } from '../../lib/watch/client.js';
import { watch } from '../../lib/watch/engine.js';
import { PostgresDatabase } from '../../lib/watch/postgres.js';
import { WatchStore } from '../../lib/watch/store.js';
import { packageTarball } from '../helpers/tarball.js';
import { needServers, PostgresServer, RedisServer } from './servers.js';
import { MANY, World } from './world.js';

const CHILD = fileURLToPath(new URL('./worker-child.js', import.meta.url));

describe('watch of many machines', function () {
  this.timeout(240_000);
  let redis: RedisServer;
  let postgres: PostgresServer;
  let world: World;
  let store: WatchStore;
  const workers = new Set<ChildProcess>();
  let ending = false;

  before(async function () {
    needServers(this);
    [redis, postgres] = await Promise.all([new RedisServer().start(), new PostgresServer().start()]);
  });
  after(async () => {
    await redis?.remove();
    await postgres?.remove();
  });
  beforeEach(async () => {
    ending = false;
    world = await new World().start();
    store = new WatchStore(await postgres.open(), 400);
  });
  afterEach(async () => {
    ending = true;
    const ended = [...workers].map((worker) => once(worker, 'exit'));
    for (const worker of workers) worker.kill('SIGKILL');
    await Promise.all(ended);
    await store.close();
    const database = await postgres.open();
    await database.run('DROP SCHEMA safe_install CASCADE');
    await database.close();
    await world.stop();
  });

  const work = (again = false): ChildProcess => {
    const worker = spawn(process.execPath, [CHILD, redis.url, postgres.url], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    worker.stderr!.setEncoding('utf8').on('data', (said: string) => {
      // BullMQ and ioredis tell of lost connections; what a worker cannot bear ends it and is told by its exit.
      if (/Error|at file:/.test(said) && !/ECONN|Connection|away/.test(said)) process.stderr.write(said);
    });
    workers.add(worker);
    worker.on('exit', () => {
      workers.delete(worker);
      if (again && !ending && worker.signalCode === 'SIGKILL') work(true);
    });
    return worker;
  };
  /** Follows npm's feed and hands jobs over until all of them are over. */
  const follow = async (): Promise<void> => {
    const client = new Client({ rate: 10_000, env: {}, timeoutMs: 5000 });
    const own = new WatchStore(await postgres.open(), 400);
    try {
      await watch({
        ...{ store: own, client, log: world.log, feeds: [world.npm(client)], once: true },
        queue: (options) => bullMqQueue({ ...options, address: redis.url, log: world.log }),
        signal: new AbortController().signal,
        model: 'one',
        taxonomy: TAXONOMY_VERSION,
        timing: { ...MANY, onceTries: 1000 },
      });
    } finally {
      client.close();
      await own.close();
    }
  };
  const publish = (name: string): void => {
    world.registry.publish({ name, version: '1.0.0' }, { published: new Date().toISOString() });
  };

  it('workers are killed, Redis loses everything, PostgreSQL restarts, the feed is cut: nothing lost, nothing twice', async () => {
    await follow();
    const names = Array.from({ length: 80 }, (_, i) => (i % 10 === 0 ? `evil${i}` : `p${i}`));
    for (const name of names) publish(name);
    // Deleted after the feed has named them.
    for (const name of names.slice(0, 3))
      world.registry.fault(`${name}-1.0.0.tgz`, { kind: 'status', status: 404 });
    const named = names.map((id, i) => ({ seq: i + 1, id }));
    world.feeds.changes = [
      ...named.slice(40),
      ...named.slice(0, 40),
      ...named.map(({ id, seq }) => ({ id, seq: seq + 80 })),
    ];
    let asked = 0;
    world.feeds.fault = (request) => {
      if (!request.url!.startsWith('/_changes') || ++asked > 2) return false;
      request.socket.destroy();
      return true;
    };
    for (let i = 0; i < 3; i++) work(true);
    const followed = follow();
    const over = followed.then(() => true);
    let calamities = 0;
    while (!(await Promise.race([over, sleep(400)]))) {
      calamities++;
      if (calamities <= 8) [...workers][calamities % 3]?.kill('SIGKILL');
      if (calamities === 3) {
        await redis.stop('SIGKILL');
        await sleep(300);
        await redis.start();
      }
      if (calamities === 6) {
        await postgres.stop('SIGINT');
        await sleep(300);
        await postgres.start();
      }
    }
    await followed;
    assert.equal(calamities > 6, true, 'all of it has happened');
    const { artifact, package: packages } = await store.counts();
    assert.deepEqual(artifact, { queued: 0, running: 0, done: 77, aside: 3 });
    assert.deepEqual(packages, { queued: 0, running: 0, done: 80, aside: 0 });
    const rows = (await store.results()).map(({ release }) => release.name).sort();
    assert.deepEqual(rows, names.slice(3).sort());
    assert.deepEqual(
      (await store.aside()).map(({ name, reason }) => `${name} ${/answered 404/.test(reason!)}`).sort(),
      names
        .slice(0, 3)
        .map((name) => `${name} true`)
        .sort(),
    );
  });

  it('what kills every worker is set aside with its reason, and the rest is judged', async () => {
    await follow();
    for (const [i, name] of ['a', 'poison', 'b'].entries()) {
      publish(name);
      world.feeds.changes.push({ seq: i + 1, id: name });
    }
    work(true);
    await follow();
    assert.deepEqual((await store.results()).map(({ release }) => release.name).sort(), ['a', 'b']);
    const [aside, ...more] = await store.aside();
    assert.deepEqual(more, []);
    assert.equal(aside!.name, 'poison');
    assert.match(aside!.reason!, /its (?:process ended|lease ran out) 5 times/);
  });

  it('a worker that is told to end hands back what is under way, and a re-scan reaches all workers', async () => {
    await follow();
    const tarball = packageTarball({ name: 'slow', version: '1.0.0' });
    world.registry.publish(
      { name: 'slow', version: '1.0.0' },
      { tarball, published: new Date().toISOString() },
    );
    world.feeds.changes.push({ seq: 1, id: 'slow' });
    let asked = 0;
    world.registry.fault('slow-1.0.0.tgz', {
      kind: 'answer',
      // The first never comes.
      answer: (_, response) => void (++asked > 1 && response.writeHead(200).end(tarball)),
    });
    const first = work();
    const followed = follow();
    while (asked === 0) await sleep(20);
    first.kill('SIGTERM');
    const [code] = await once(first, 'exit');
    assert.equal(code, 0);
    assert.equal((await store.counts()).artifact.queued, 1);
    work();
    await followed;
    assert.equal((await store.results()).length, 1);
    assert.equal(await store.rescan('two', TAXONOMY_VERSION, Date.now()), 1);
    assert.equal((await store.counts()).artifact.queued, 1);
    await follow();
    assert.equal((await store.counts()).artifact.done, 1);
  });

  it('says in one line what cannot be reached or is missing', async () => {
    await assert.rejects(
      PostgresDatabase.open('postgres://postgres@127.0.0.1:1/x', { patienceMs: 0 }),
      /^KnownError: the database 127\.0\.0\.1:1\/x: connect ECONNREFUSED/,
    );
    const options = { store, owner: 'o', leaseMs: 1000, log: world.log, address: 'redis://127.0.0.1:1/' };
    await assert.rejects(bullMqQueue(options), /^KnownError: cannot reach the queue 127\.0\.0\.1:1: /);
  });
});
