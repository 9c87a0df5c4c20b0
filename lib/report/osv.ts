/**
 * Confirmed releases of one package as a record for the public database of malicious packages (ossf/malicious-packages,
 * its CONTRIBUTING and docs/schema_additions): OSV with one `affected` entry, without `id` and `summary`, which that
 * database gives itself. `iocs` is left to the person who reports: what code names is not all the attacker's.
 */
import { escapeJson, escapeText } from './escape.js';
import { evidenceLines, type FlaggedRelease, isoTime, releasePage, triggers } from './flagged.js';
import { scoreNumber } from './messages.js';

const ECOSYSTEMS = { npm: 'npm', pypi: 'PyPI' } as const;

export interface OsvFile {
  /** In a checkout of that database. */
  readonly path: string;
  readonly content: string;
}

/** One file a package. `finder`: who is named as its finder besides the tool; `now` in milliseconds since 1970. */
export function osvFiles(
  releases: readonly FlaggedRelease[],
  { finder, now }: { readonly finder?: string | undefined; readonly now: number },
): OsvFile[] {
  const packages = new Map<string, FlaggedRelease[]>();
  for (const release of releases) {
    const key = `${release.verdict.ecosystem} ${release.name}`;
    packages.set(key, [...(packages.get(key) ?? []), release]);
  }
  return [...packages.values()].map((group) => {
    const { name, verdict } = group[0]!;
    const ecosystem = ECOSYSTEMS[verdict.ecosystem];
    // The name decides where the file stands: one that no registry gives must not lead elsewhere.
    const folder = name
      .split('/')
      .slice(0, 2)
      .map((part) => part.replace(/[^\w.@~-]/g, '_').replace(/^\.+/, '_'))
      .join('/');
    const label = folder.replace(/[/@]/g, '-').replace(/^-/, '');
    const references = group.flatMap((release) => releasePage(release) ?? []);
    const record = {
      schema_version: '1.7.4',
      published: isoTime(now),
      modified: isoTime(now),
      details: group.map(details).join('\n\n'),
      affected: [
        {
          package: { ecosystem, name },
          versions: [...new Set(group.map(({ version }) => version))],
        },
      ],
      ...(references.length > 0 && {
        references: [...new Set(references)].map((url) => ({ type: 'PACKAGE', url })),
      }),
      credits: [
        ...(finder === undefined ? [] : [{ name: finder, type: 'FINDER' }]),
        { name: 'safe-install', type: 'TOOL' },
      ],
    };
    return {
      path: `osv/malicious/${ecosystem.toLowerCase()}/${folder}/MAL-0000-safe-install-${label}.json`,
      content: `${escapeJson(JSON.stringify(record, undefined, 2))}\n`,
    };
  });
}

function details(release: FlaggedRelease): string {
  const { name, version, filename, published, sha256, verdict, model, note } = release;
  const evidence = evidenceLines(verdict.evidence);
  return [
    `${escapeText(`${name}@${version} (${filename})`)} was read without being run and is considered malicious: a model of malicious behaviour (safe-install, model ${escapeText(model)}) gives it a score of ${scoreNumber(verdict.score ?? 1)} of 1, and a person has confirmed it.`,
    ...(note === '' ? [] : [escapeText(note)]),
    ...(evidence.length === 0
      ? []
      : [`Its code runs ${triggers(verdict.evidence)}. What weighs most, in running order:`]),
    ...evidence.map((line) => (line.startsWith('    ') ? line : `- ${line}`)),
    `SHA-256 of the archive: ${sha256}; SRI: ${escapeText(verdict.integrity)}.${published === undefined ? '' : ` Published ${isoTime(published)}.`}`,
  ].join('\n');
}
