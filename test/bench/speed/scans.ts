/** The scanner on archives of a folder: throughput, stages, growth, and a digest of all sequences and verdicts. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { openArtifact } from '../../../lib/artifact/open.js';
import { buildSequence } from '../../../lib/behavior/sequence.js';
import { unitTokens } from '../../../lib/behavior/tokens.js';
import { classify } from '../../../lib/classifier/classify.js';
import { createScanner } from '../../../lib/scan.js';
import type { Ecosystem, ScanInput, Verdict } from '../../../lib/types.js';
import { addRow, say } from './table.js';

export interface Archive {
  readonly path: string;
  readonly ecosystem: Ecosystem;
}

/** `most` archives, spread evenly over the sorted folder. */
export async function archivesIn(folder: string, most: number): Promise<Archive[]> {
  const names = (await readdir(folder)).filter((name) => /\.(?:tgz|whl|tar\.gz|zip)$/.test(name)).sort();
  const count = Math.min(most, names.length);
  return Array.from({ length: count }, (_, at) => {
    const name = names[Math.floor((at * names.length) / count)]!;
    return { path: path.join(folder, name), ecosystem: name.endsWith('.tgz') ? 'npm' : 'pypi' };
  });
}

async function load({ path: file, ecosystem }: Archive): Promise<ScanInput> {
  return { ecosystem, filename: path.basename(file), bytes: await readFile(file) };
}

export interface ScanResult {
  /** Over all sequences and verdicts. */
  readonly digest: string;
  readonly perSecond: number;
  readonly cpuPerArchive: number;
  readonly peakMb: number;
}

/** Through the scanner, as the guards do it. `cache`: scores of earlier runs count. */
export async function scanAll(
  archives: readonly Archive[],
  options: { threads?: number; cache?: boolean; sequences?: boolean } = {},
): Promise<ScanResult> {
  const threads = options.threads ?? Math.min(availableParallelism(), 8);
  const scanner = await createScanner({ threads, cache: false, ...options });
  const verdicts = new Map<string, Verdict>();
  let peak = 0;
  const started = performance.now();
  const before = process.cpuUsage();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < archives.length; at = next++) {
      const archive = archives[at]!;
      verdicts.set(path.basename(archive.path), await scanner.scan(await load(archive)));
      peak = Math.max(peak, process.memoryUsage.rss() / 1e6);
    }
  };
  // Some wait, so that a thread need never; how many bounds the memory.
  await Promise.all(Array.from({ length: threads * 4 }, lane));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  await scanner.close();
  return {
    digest: digestOf(verdicts),
    perSecond: archives.length / seconds,
    cpuPerArchive: (user + system) / 1e3 / archives.length,
    peakMb: peak,
  };
}

function digestOf(verdicts: ReadonlyMap<string, Verdict>): string {
  const hash = createHash('sha256');
  for (const name of [...verdicts.keys()].sort()) {
    const { durationMs: _, sequence, ...verdict } = verdicts.get(name)!;
    const units = sequence?.units.map((unit) => `${unit.origin} ${unitTokens(unit).join(' ')}`);
    hash.update(JSON.stringify([name, verdict, units ?? null]));
  }
  return hash.digest('hex').slice(0, 16);
}

/** One archive after the other in this thread, without pool or cache: the slow path, and where its time goes. */
export async function profile(archives: readonly Archive[]): Promise<void> {
  const stages = { open: 0, extract: 0, score: 0 };
  const slowest: { name: string; seconds: number }[] = [];
  const cpu = (): number => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
  for (const archive of archives) {
    const input = await load(archive);
    const t0 = cpu();
    const artifact = await openArtifact(input);
    const t1 = cpu();
    const sequence = await buildSequence(artifact);
    const t2 = cpu();
    await classify(sequence);
    const t3 = cpu();
    stages.open += t1 - t0;
    stages.extract += t2 - t1;
    stages.score += t3 - t2;
    slowest.push({ name: path.basename(archive.path), seconds: t3 - t0 });
  }
  slowest.sort((a, b) => b.seconds - a.seconds);
  const total = stages.open + stages.extract + stages.score;
  const share = (seconds: number): string =>
    `${seconds.toFixed(1)} s (${((100 * seconds) / total).toFixed(0)} %)`;
  say(
    `  by stage, processor time: open ${share(stages.open)}, extract ${share(stages.extract)}, score ${share(stages.score)}`,
  );
  say(
    `  slowest: ${slowest
      .slice(0, 5)
      .map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`)
      .join(', ')}`,
  );
}

/** Throughput, with the digest of two orders and two numbers of threads held against each other. */
export async function benchScan(
  what: string,
  target: string,
  archives: readonly Archive[],
  runs: number,
): Promise<number> {
  say(`\nscan of ${archives.length} archives: ${what}`);
  const alone = await scanAll([...archives].reverse(), { threads: 1, sequences: true });
  say(`  digest ${alone.digest} (one thread, backwards, no cache)`);
  const speeds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const result = await scanAll(archives, { sequences: true });
    speeds.push(result.perSecond);
    const { digest, perSecond, cpuPerArchive, peakMb } = result;
    say(
      `  digest ${digest}, ${perSecond.toFixed(1)} a second, ${cpuPerArchive.toFixed(0)} ms processor each, ${peakMb.toFixed(0)} MB`,
    );
    if (digest !== alone.digest)
      throw new Error('the digests differ: some sequence or verdict depends on its neighbours');
  }
  const fastest = Math.max(...speeds);
  addRow(`scan: ${what}`, target, `${speeds.map((value) => value.toFixed(0)).join(', ')} packages a second`);
  return fastest;
}

/** Verdicts from the cache equal those of the run that filled it. Sequences are not kept, so they are left out. */
export async function benchCache(archives: readonly Archive[]): Promise<void> {
  const plain = await scanAll(archives);
  const filling = await scanAll(archives, { cache: true });
  const warm = await scanAll(archives, { cache: true });
  say(`\nscore cache: digests ${plain.digest} (off), ${filling.digest} (filling), ${warm.digest} (warm)`);
  if (plain.digest !== filling.digest || plain.digest !== warm.digest)
    throw new Error('the cache changes verdicts');
  addRow('scan again, scores known', '–', `${warm.perSecond.toFixed(0)} packages a second`);
}

/** How cost grows with the number of archives. */
export async function benchGrowth(archives: readonly Archive[], sizes: readonly number[]): Promise<void> {
  say('\ngrowth');
  for (const size of sizes) {
    if (archives.length < size) {
      say(`  ${size} packages: skipped, the folder has ${archives.length}`);
      continue;
    }
    const step = archives.length / size;
    const chosen = Array.from({ length: size }, (_, at) => archives[Math.floor(at * step)]!);
    const { perSecond, cpuPerArchive, peakMb } = await scanAll(chosen);
    addRow(
      `${size} packages`,
      'linear, flat memory',
      `${(size / perSecond).toFixed(1)} s, ${cpuPerArchive.toFixed(0)} ms processor each, ${peakMb.toFixed(0)} MB resident`,
    );
  }
}
