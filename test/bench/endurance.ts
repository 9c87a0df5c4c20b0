/**
 * Many scans in one process: throughput and memory must stay flat.
 *
 *   node dist/test/bench/endurance.js FOLDER [SCANS, default 10000] [THREADS, default 1]
 *
 * Scans the archives of the folder again and again, the same 500 of them in each round; prints for every
 * thousand scans the resident memory, the heap of the main thread, and the CPU time of the whole process. No verdict
 * cache; zero bytes behind the archive, one more each round, keep one round from answering for the next.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createScanner } from '../../lib/scan.js';

const [folder = '', scans = '10000', threads = '1'] = process.argv.slice(2);
if (folder === '') {
  process.stderr.write('usage: endurance.js FOLDER [SCANS] [THREADS]\n');
  process.exit(2);
}
const PER_ROUND = 500;

const sized = await Promise.all(
  (await readdir(folder))
    .filter((name) => /\.tgz$/.test(name))
    .sort()
    .map(async (name) => ({ name, size: (await stat(join(folder, name))).size })),
);
// Spread over the folder and small enough that the bench measures scans, not one giant.
const usable = sized.filter(({ size }) => size < 60_000);
const step = Math.max(1, Math.floor(usable.length / PER_ROUND));
const names = usable.filter((_, index) => index % step === 0).slice(0, PER_ROUND);

const scanner = await createScanner({ threads: Number(threads) });
const counts = { allow: 0, block: 0, unverified: 0 };
let cpu = process.cpuUsage();
process.stdout.write('scans\trss MB\theap MB\texternal MB\tCPU ms a scan\n');
for (let done = 0, round = 0; done < Number(scans); round++) {
  for (const { name } of names) {
    const bytes = Buffer.concat([await readFile(join(folder, name)), Buffer.alloc(round)]);
    const { verdict } = await scanner.scan({ ecosystem: 'npm', filename: name, bytes });
    counts[verdict]++;
    if (++done % 1000 === 0) report(done);
    if (done >= Number(scans)) break;
  }
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
await scanner.close();

function report(done: number): void {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const used = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  process.stdout.write(
    `${done}\t${megabytes(rss)}\t${megabytes(heapUsed)}\t${megabytes(external)}\t${((used.user + used.system) / 1e6).toFixed(1)}\n`,
  );
}
