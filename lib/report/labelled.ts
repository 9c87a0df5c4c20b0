/**
 * Confirmations and false alarms as labelled sequences for a training round: a JSON line a release in the form of
 * `model/training/extract.mjs`, with what a person decided. No code of the package is in it, only behaviours.
 */
import { unitTokens } from '../behavior/tokens.js';
import type { BehaviorSequence } from '../types.js';
import { escapeJson } from './escape.js';
import type { FlaggedRelease } from './flagged.js';

const KINDS: Readonly<Record<string, string>> = { tarball: 'npm-tarball', wheel: 'wheel', sdist: 'sdist' };

export function labelledLine(
  release: FlaggedRelease,
  reader: string,
  sequence: BehaviorSequence,
  label: 'malicious' | 'honest',
): string {
  const { sha256, verdict, name, version, note } = release;
  const line = {
    sha256,
    ecosystem: verdict.ecosystem,
    mode: 'whole',
    label,
    kind: KINDS[reader] ?? reader,
    name,
    version,
    taxonomy: sequence.taxonomy,
    unverified: verdict.unverified?.code ?? sequence.incomplete?.code ?? null,
    findings: verdict.findings.map(({ code }) => code),
    stats: sequence.stats,
    ms: Math.round(verdict.durationMs),
    note,
    units: sequence.units.map((unit) => ({
      origin: unit.origin.slice(0, 80),
      tokens: unitTokens(unit).join(' '),
    })),
  };
  return `${escapeJson(JSON.stringify(line))}\n`;
}
