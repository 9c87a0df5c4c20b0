/**
 * A worker with the tests' scanner, as a process that can be killed: `node worker-child.js QUEUE STORE`. What is named
 * `poison` kills it.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { TAXONOMY_VERSION } from '../../lib/behavior/taxonomy.js';
import { bullMqQueue } from '../../lib/watch/bullmq-queue.js';
import { Client } from '../../lib/watch/client.js';
import { watch } from '../../lib/watch/engine.js';
import { PostgresDatabase } from '../../lib/watch/postgres.js';
import { WatchStore } from '../../lib/watch/store.js';
import { FakeScanner, MANY } from './world.js';

const [queue = '', address = ''] = process.argv.slice(2);
const controller = new AbortController();
process.on('SIGTERM', () => controller.abort());
const log = (event: string, _: string, words: string): void =>
  void process.stderr.write(`${event}: ${words}\n`);
const scanner = new FakeScanner();
scanner.before = async ({ filename }) => {
  if (filename.includes('poison')) process.kill(process.pid, 'SIGKILL');
  await sleep(30);
};
const store = new WatchStore(await PostgresDatabase.open(address, { patienceMs: 30_000 }), 400);
const client = new Client({ rate: 10_000, env: {}, timeoutMs: 5000 });
await watch({
  ...{ store, client, scanner, log, feeds: [], signal: controller.signal, once: 'never' },
  queue: (options) => bullMqQueue({ ...options, address: queue, log }),
  model: 'one',
  taxonomy: TAXONOMY_VERSION,
  timing: MANY,
});
client.close();
await store.close();
