/** Findings as reports are given them, and their export: shared by the command line and the page. */
import { escapeJson } from '../report/escape.js';
import { type FlaggedRelease, isoTime } from '../report/flagged.js';
import { labelledLine } from '../report/labelled.js';
import { type OsvFile, osvFiles } from '../report/osv.js';
import { securityTeamText } from '../report/security-team.js';
import type { Result, WatchStore } from './store.js';

export function flaggedRelease(result: Result): FlaggedRelease {
  const { release, verdict, sha256, model, taxonomy, note, created } = result;
  const { name, version, filename, url, published } = release;
  return { name, version, filename, url, published, sha256, verdict, model, taxonomy, note, judged: created };
}

export function exportOsv(results: readonly Result[], finder: string | undefined, now: number): OsvFile[] {
  const confirmed = results.filter(({ mark }) => mark === 'confirmed');
  return osvFiles(confirmed.map(flaggedRelease), { finder, now });
}

export const exportReport = (result: Result): string => securityTeamText(flaggedRelease(result));

/** JSON lines of what is marked as confirmed or as a false alarm and has its sequence. */
export async function exportSequences(store: WatchStore, results: readonly Result[]): Promise<string[]> {
  const lines: string[] = [];
  for (const result of results) {
    if (result.mark !== 'confirmed' && result.mark !== 'false-alarm') continue;
    const sequence = await store.sequence(result.id);
    if (sequence === undefined) continue;
    const label = result.mark === 'confirmed' ? 'malicious' : 'honest';
    lines.push(labelledLine(flaggedRelease(result), result.reader, sequence, label));
  }
  return lines;
}

/** What the feeds have named, as a recorded feed: `watch --from` reads it. */
export async function exportFeed(store: WatchStore): Promise<string[]> {
  const lines: string[] = [];
  for await (const { ecosystem, name, version, filename, url, promised, published } of store.artifacts()) {
    const line = {
      ...{ ecosystem, name, version, filename, url },
      ...(promised !== '' && { integrity: promised }),
      ...(published !== undefined && { published: isoTime(published) }),
    };
    lines.push(`${escapeJson(JSON.stringify(line))}\n`);
  }
  return lines;
}
