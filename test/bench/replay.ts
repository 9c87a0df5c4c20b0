/**
 * Replays a feed of honest archives with harmless payloads grafted into some of them, through the command itself: packages a second,
 * lag and memory over time, planted ones found and missed, false alarms, and whether every row is what `scan` says of
 * the same bytes.
 *
 *   node dist/test/bench/replay.js FOLDER [--count 500] [--planted 10] [--seed 1] [--threads 1] [--check COUNT] [--minutes N]
 *                                  [--workers 1,2,4]
 *
 * FOLDER holds honest archives of npm (`.tgz`) or PyPI (`.whl`, `.tar.gz`, `.zip`), read and never written; a registry in this
 * process serves them. Nothing of them is run. Payloads are the tests' own fixtures, for npm only. `--check` bounds how
 * many rows are compared (default all). `--minutes` ends the watch early, as SIGTERM does: what was judged by then counts.
 * `--workers` replays the same feed once more for each number, through Redis and PostgreSQL of its own and so many workers
 * of one thread, and compares row for row with the first run.
 * Exit 1 when a row differs or a job is lost.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openArtifact } from '../../lib/artifact/open.js';
import { jsonPackage } from '../../lib/report/json.js';
import { createScanner } from '../../lib/scan.js';
import type { Ecosystem, Verdict } from '../../lib/types.js';
import { PostgresDatabase } from '../../lib/watch/postgres.js';
import { SqliteDatabase } from '../../lib/watch/sqlite.js';
import { WatchStore } from '../../lib/watch/store.js';
import { MALICIOUS, type PackageFixture } from '../fixtures/packages.js';
import { makeTarball } from '../helpers/tarball.js';
import { PostgresServer, RedisServer } from '../watch/servers.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '500' },
    planted: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    check: { type: 'string' },
    minutes: { type: 'string' },
    workers: { type: 'string', default: '' },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  process.stderr.write(
    'usage: replay.js FOLDER [--count N] [--planted N] [--seed N] [--threads N] [--check N] [--minutes N] [--workers N,N]\n',
  );
  process.exit(2);
}
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** mulberry32: the same seed chooses the same archives everywhere. */
let state = Number(values.seed) >>> 0;
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
function shuffled<T>(list: readonly T[]): T[] {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [out[at], out[other]] = [out[other]!, out[at]!];
  }
  return out;
}

/** Where two texts part, with what each goes on with. */
function firstDifference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const from = Math.max(0, at - 80);
  return `${a.slice(from, at + 120)} <> ${b.slice(from, at + 120)}`;
}

const all = (await readdir(folder)).filter((name) => /\.(?:tgz|whl|tar\.gz|zip)$/.test(name)).sort();
const names = shuffled(all).slice(0, Number(values.count));
const planted = new Map<string, { bytes: Buffer; kind: string }>();
for (const name of shuffled(names.filter((name) => name.endsWith('.tgz')))) {
  if (planted.size >= Number(values.planted)) break;
  const fixture = MALICIOUS[planted.size % MALICIOUS.length]!;
  const bytes = await graft(await readFile(join(folder, name)), name, fixture);
  if (bytes !== undefined) planted.set(name, { bytes, kind: fixture.kind });
}
const bytesOf = async (name: string): Promise<Buffer> =>
  planted.get(name)?.bytes ?? readFile(join(folder, name));
const ecosystemOf = (name: string): Ecosystem => (name.endsWith('.tgz') ? 'npm' : 'pypi');

const server = http.createServer((request, response) => {
  const name = decodeURIComponent((request.url ?? '').split('/').pop() ?? '');
  const graft = planted.get(name);
  if (graft !== undefined) response.end(graft.bytes);
  else if (!names.includes(name)) response.writeHead(404).end();
  else createReadStream(join(folder, name)).pipe(response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const root = mkdtempSync(join(tmpdir(), 'safe-install-replay-'));
const feed = join(root, 'feed.jsonl');
const line = (name: string): string => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${encodeURIComponent(name)}`;
  return `${JSON.stringify({ ecosystem: ecosystemOf(name), name, version: '0', filename: name, url })}\n`;
};
writeFileSync(feed, names.map(line).join(''));

print(
  `${names.length} releases, ${planted.size} of them planted, seed ${values.seed}, ${values.threads} threads`,
);
print('seconds\tdone\tlag s\tresident MB');
const started = performance.now();
const bin = fileURLToPath(new URL('../../../bin/safe-install.js', import.meta.url));
const argv = [
  'watch',
  '--from',
  feed,
  '--metrics',
  '0',
  '--format',
  'json',
  '--rate',
  '10000',
  '--threads',
  values.threads,
];
const child = spawn(process.execPath, [bin, ...argv], {
  cwd: root,
  env: { ...process.env, XDG_STATE_HOME: join(root, 'state'), XDG_CACHE_HOME: join(root, 'cache') },
  stdio: ['ignore', 'inherit', 'pipe'],
});
let said = '';
child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
  said += chunk;
});
const ended = once(child, 'close');
const memory: number[] = [];
/** Of the last sample: processor seconds, and artifacts done. */
let spent: [seconds: number, done: number] | undefined;
const timer = setInterval(() => void sample().catch(() => {}), 5000);
const { minutes } = values;
const end =
  minutes === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), Number(minutes) * 60_000);
const [code] = await ended;
clearTimeout(end);
clearInterval(timer);
const seconds = (performance.now() - started) / 1000;

const store = new WatchStore(
  await SqliteDatabase.open(join(root, 'state', 'safe-install', 'watch', 'watch.db')),
);
const { artifact } = await store.counts();
const rows = new Map<string, Verdict>();
for (const { release, verdict } of await store.results()) rows.set(release.filename, verdict);
print(
  `exit ${code}; ${artifact.done} done, ${artifact.aside} set aside, ${artifact.queued} queued in ${seconds.toFixed(1)} s: ${(artifact.done / seconds).toFixed(2)} packages a second`,
);
if (spent !== undefined && spent[1] > 0)
  print(
    `processor time: ${(spent[0] / spent[1]).toFixed(2)} s a package, start-up included, at the last sample`,
  );
if (memory.length > 0)
  print(
    `resident memory: first ${mb(memory[0]!)}, highest ${mb(Math.max(...memory))}, last ${mb(memory.at(-1)!)} MB`,
  );
for (const job of await store.aside()) print(`set aside: ${job.filename}: ${job.reason}`);
await store.close();
const flagged = [...rows].filter(([, { verdict }]) => verdict === 'block').map(([name]) => name);
for (const [name, { kind }] of planted) {
  const row = rows.get(name);
  if (row === undefined && minutes !== undefined) continue; // not reached
  print(
    `planted, ${row?.verdict === 'block' ? 'found' : 'MISSED'}: ${name} (${kind}), score ${row?.score?.toFixed(3) ?? 'none'}`,
  );
}
for (const name of flagged.filter((name) => !planted.has(name)))
  print(`false alarm: ${name}, score ${rows.get(name)!.score?.toFixed(3)}`);
const unread = [...rows].filter(([, { verdict }]) => verdict === 'unverified');
for (const [name, { unverified }] of unread) print(`unverified: ${name}: ${unverified?.code}`);

const scanner = await createScanner({ threads: Number(values.threads), forget: true });
let compared = 0;
let different = 0;
const toCompare = shuffled(names).slice(0, values.check === undefined ? names.length : Number(values.check));
async function compare(): Promise<void> {
  for (let name = toCompare.pop(); name !== undefined; name = toCompare.pop()) {
    const row = rows.get(name);
    if (row === undefined) continue; // set aside, or the same bytes under another name
    const verdict = await scanner.scan({
      ecosystem: ecosystemOf(name),
      filename: name,
      bytes: await bytesOf(name),
    });
    const plain = (of: Verdict): string =>
      JSON.stringify({ ...jsonPackage({ target: name, verdict: of }), durationMs: 0 });
    compared++;
    if (plain(verdict) === plain(row)) continue;
    different++;
    print(`row differs from scan: ${name}: ${firstDifference(plain(row), plain(verdict))}`);
  }
}
await Promise.all(Array.from({ length: Number(values.threads) }, compare));
await scanner.close();
print(`rows compared with scan: ${compared}, different: ${different}`);
for (const count of values.workers.split(',').filter((text) => text !== '')) await many(Number(count));
server.close();
rmSync(root, { recursive: true, force: true });
const open = artifact.queued + artifact.running;
const lost = artifact.done + artifact.aside + open !== names.length || (minutes === undefined && open > 0);
if (code !== 0 || different > 0 || lost) process.exitCode = 1;

async function sample(): Promise<void> {
  const port = /"event":"metrics","port":(\d+)/.exec(said)?.[1];
  if (port === undefined) return;
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^safe_install_watch_${name} (\\S+)$`, 'm').exec(text)?.[1]);
  memory.push(value('resident_bytes'));
  const done = value('jobs\\{kind="artifact",state="done"\\}');
  spent = [value('cpu_seconds_total'), done];
  const at = ((performance.now() - started) / 1000).toFixed(0);
  print(`${at}\t${done}\t${value('lag_seconds').toFixed(0)}\t${mb(memory.at(-1)!)}`);
}

/** The same feed through so many workers; all rows must be those of the first run. */
async function many(count: number): Promise<void> {
  const [redis, postgres] = await Promise.all([new RedisServer().start(), new PostgresServer().start()]);
  const env = {
    ...process.env,
    ...{ SAFE_INSTALL_QUEUE: redis.url, SAFE_INSTALL_STORE: postgres.url },
    ...{ XDG_STATE_HOME: join(root, 'state'), XDG_CACHE_HOME: join(root, `cache-${count}`) },
  };
  const start = (...argv: string[]) => {
    const child = spawn(process.execPath, [bin, ...argv, '--format', 'json'], {
      ...{ cwd: root, env, stdio: ['ignore', 'inherit', 'pipe'] },
    });
    const lines: string[] = [];
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => void lines.push(chunk));
    return { child, said: () => lines.join(''), ended: once(child, 'exit') };
  };
  // PostgreSQL listens before it answers.
  while ((await start('watch', 'status').ended)[0] !== 0);
  const workers = Array.from({ length: count }, () =>
    start('worker', '--threads', '1', '--rate', '10000', '--metrics', '0'),
  );
  while (!workers.every(({ said }) => said().includes('"event":"ready"')))
    await new Promise((resolve) => setTimeout(resolve, 100));
  const begun = performance.now();
  const watch = start('watch', '--from', feed, '--once');
  const [code] = await watch.ended;
  const took = (performance.now() - begun) / 1000;
  let cpu = 0;
  for (const { said } of workers) {
    const port = /"event":"metrics","port":(\d+)/.exec(said())?.[1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    cpu += Number(/^\S*cpu_seconds_total (\S+)$/m.exec(text)?.[1]);
  }
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ ended }) => ended));
  const shared = new WatchStore(await PostgresDatabase.open(postgres.url, { patienceMs: 0 }));
  const plain = (of: Verdict): string =>
    JSON.stringify({ ...jsonPackage({ target: '', verdict: of }), durationMs: 0 });
  const theirs = new Map(
    (await shared.results()).map(({ release, verdict }) => [release.filename, verdict] as const),
  );
  let differing = theirs.size === rows.size ? 0 : Math.abs(theirs.size - rows.size);
  for (const [name, row] of rows) {
    const other = theirs.get(name);
    if (other !== undefined && plain(other) === plain(row)) continue;
    differing++;
    print(
      `row differs from the run on one machine: ${name}: ${other === undefined ? 'no row' : firstDifference(plain(row), plain(other))}`,
    );
  }
  const { artifact: jobs } = await shared.counts();
  await shared.close();
  await redis.remove();
  await postgres.remove();
  print(
    `${count} workers: exit ${code}; ${jobs.done} done, ${jobs.aside} set aside in ${took.toFixed(1)} s: ${(jobs.done / took).toFixed(2)} packages a second, ${(cpu / jobs.done).toFixed(2)} s of processor a package, start-up included; ${differing} of ${rows.size} rows differ`,
  );
  if (code !== 0 || differing > 0) process.exitCode = 1;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

/** The archive with the fixture's code and hook in it; undefined where it has an own hook or no place for it. */
async function graft(
  bytes: Buffer,
  name: string,
  { manifest, files }: PackageFixture,
): Promise<Buffer | undefined> {
  if ((await stat(join(folder!, name))).size > 2_000_000) return undefined;
  const { files: honest, manifest: own } = await openArtifact({ ecosystem: 'npm', filename: name, bytes });
  if (own === undefined) return undefined;
  const out: Record<string, Uint8Array | string> = {};
  for (const [path, file] of honest) out[path] = file.bytes;
  const scripts = (manifest.scripts ?? {}) as Record<string, string>;
  const ownScripts = (own.scripts ?? {}) as Record<string, string>;
  if (['preinstall', 'install', 'postinstall'].some((hook) => ownScripts[hook] !== undefined))
    return undefined;
  if (Object.keys(scripts).length > 0) {
    for (const [path, content] of Object.entries(files)) if (path !== 'index.js') out[path] = content;
    out['package.json'] = JSON.stringify({ ...own, scripts: { ...ownScripts, ...scripts } }, null, 2);
    return makeTarball(out);
  }
  const main = ['index.js', String(own.main ?? '')].find(
    (path) => out[path] !== undefined && path.endsWith('.js'),
  );
  if (main === undefined || own.exports !== undefined || own.type === 'module') return undefined;
  out['telemetry-client.js'] = files['index.js']!;
  out[main] =
    `require(require('path').join(__dirname, '${'../'.repeat(main.split('/').length - 1)}telemetry-client.js'));\n${Buffer.from(out[main]!).toString('utf8')}`;
  out['package.json'] = JSON.stringify({ ...own, main }, null, 2);
  return makeTarball(out);
}
