/**
 * Scans archives of a folder again and again: packages a second, memory as it goes, and a digest of all
 * verdicts (and sequences), which must be the same for any number of threads and any order.
 *
 *   node dist/test/bench/throughput.js FOLDER [--count N] [--scans N] [--threads N] [--reading] [--reverse] [--alone]
 *
 * --reading leaves the model out; --alone waits for each archive before the next is begun.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createScanner } from '../../lib/scan.js';
import type { Verdict } from '../../lib/types.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '300' },
    scans: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
    reading: { type: 'boolean', default: false },
    reverse: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});
const folder = positionals[0];
if (folder === undefined) throw new Error('usage: throughput.js FOLDER');
const all = (await readdir(folder)).filter((name) => /\.(?:tgz|whl|tar\.gz|zip)$/.test(name)).sort();
const step = Math.max(1, all.length / Number(values.count));
const names = Array.from(
  { length: Math.min(Number(values.count), all.length) },
  (_, i) => all[Math.floor(i * step)]!,
);
if (values.reverse) names.reverse();
const scans = Math.max(Number(values.scans), names.length);
const threads = Number(values.threads);
const scanner = await createScanner({
  threads,
  sequences: true,
  ...(values.reading && { module: new URL('./reading-worker.js', import.meta.url) }),
});

const digests = new Map<string, string>();
const slowest: { name: string; ms: number }[] = [];
const counts = { allow: 0, block: 0, unverified: 0 };
const reasons = new Map<string, number>();
let bytes = 0;
const started = performance.now();

async function one(index: number): Promise<void> {
  const name = names[index % names.length]!;
  const content = await readFile(join(folder!, name));
  bytes += content.length;
  const round = Math.floor(index / names.length);
  const verdict = await scanner.scan({
    ecosystem: name.endsWith('.tgz') ? 'npm' : 'pypi',
    filename: name,
    bytes: content,
    // Another round is other work: equal inputs are scanned once.
    ...(round > 0 && { registryManifest: { hasInstallScript: round } }),
  });
  counts[verdict.verdict]++;
  if (verdict.unverified !== undefined) {
    const { code, args } = verdict.unverified;
    const key = `${code} ${args.why ?? args.limit ?? ''}`;
    reasons.set(key, (reasons.get(key) ?? 0) + 1);
  }
  slowest.push({ name, ms: verdict.durationMs });
  if (round === 0) digests.set(name, digest(verdict));
  if ((index + 1) % 500 === 0) {
    const { rss, heapUsed } = process.memoryUsage();
    print(
      `${index + 1} scans, ${Math.round(rss / 1e6)} MB resident, ${Math.round(heapUsed / 1e6)} MB heap of the main thread`,
    );
  }
}

function digest({ durationMs: _, ...rest }: Verdict): string {
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex');
}

let next = 0;
async function lane(): Promise<void> {
  while (next < scans) await one(next++);
}
await Promise.all(Array.from({ length: values.alone ? 1 : threads * 2 }, lane));
const seconds = (performance.now() - started) / 1000;
await scanner.close();
const total = createHash('sha256');
for (const name of [...digests.keys()].sort()) total.update(`${name} ${digests.get(name)}\n`);
slowest.sort((a, b) => b.ms - a.ms);
print(
  `${scans} scans of ${names.length} archives, ${(bytes / 1e6).toFixed(0)} MB, ${seconds.toFixed(1)} s: ${(scans / seconds).toFixed(1)} a second, ${threads} threads`,
);
print(`verdicts ${JSON.stringify(counts)}; unverified: ${JSON.stringify(Object.fromEntries(reasons))}`);
print(
  `slowest: ${slowest
    .slice(0, 5)
    .map(({ name, ms }) => `${name} ${ms.toFixed(0)} ms`)
    .join(', ')}`,
);
print(`digest ${total.digest('hex').slice(0, 32)}`);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
