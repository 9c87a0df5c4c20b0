/** Scans targets with bounded concurrency; results come in the order of the targets. */
import type { Scanner } from '../scan.js';
import type { Verdict } from '../types.js';
import type { TargetItem } from './targets.js';

export interface ScannedTarget {
  readonly target: string;
  readonly verdict: Verdict;
}

/** `concurrency`: artifacts held in memory at once. Throws only what the scanner throws (`KnownError`). */
export async function* scanTargets(
  items: AsyncIterable<TargetItem>,
  scanner: Scanner,
  concurrency = 4,
): AsyncGenerator<ScannedTarget> {
  const underway: Promise<ScannedTarget>[] = [];
  for await (const item of items) {
    const scanned = scanItem(item, scanner);
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    scanned.catch(() => {});
    underway.push(scanned);
    if (underway.length >= concurrency) yield await underway.shift()!;
  }
  for (const scanned of underway) yield await scanned;
}

async function scanItem(item: TargetItem, scanner: Scanner): Promise<ScannedTarget> {
  const { target, ecosystem, name, version } = item;
  const loaded = await item.load();
  if (loaded.input === undefined) {
    return { target, verdict: scanner.unread({ ecosystem, name, version }, loaded.unverified) };
  }
  const verdict = await scanner.scan(loaded.input);
  // An archive that names nobody keeps the name it was asked for by.
  return { target, verdict: { ...verdict, name: verdict.name || name, version: verdict.version || version } };
}
