/** The text a registry's security team asks for: what, where, evidence, hashes, dates. Plain, for a form or a mail. */
import { escapeText } from './escape.js';
import { evidenceLines, type FlaggedRelease, isoTime, releasePage, triggers } from './flagged.js';
import { findingWords, scoreNumber } from './messages.js';

const TEAMS = {
  npm: 'npm: "Report malware" on the page of the package',
  pypi: 'PyPI: "Report project as malware" on the page of the project',
} as const;

export function securityTeamText(release: FlaggedRelease): string {
  const { name, version, filename, url, published, sha256, verdict, model, note, judged } = release;
  const { ecosystem, integrity, evidence, findings } = verdict;
  const page = releasePage(release);
  const facts: [string, string | undefined][] = [
    ['Package', `${name} (${ecosystem})`],
    ['Version', version],
    ['File', filename],
    ['Address', url],
    ['Page', page],
    ['Published', published === undefined ? 'not said by the registry' : isoTime(published)],
    ['Read', isoTime(judged)],
    ['SHA-256', sha256],
    ['SRI', integrity],
  ];
  const lines = [
    `Malicious release: ${name} ${version} on ${ecosystem}`,
    '',
    ...facts.flatMap(([label, value]) => (value === undefined ? [] : [`${`${label}:`.padEnd(11)}${value}`])),
    '',
    `The archive was read without being run. A model of malicious behaviour (safe-install, model ${model}) gives it a score of ${scoreNumber(verdict.score ?? 1)} of 1.`,
    ...(evidence.length === 0
      ? []
      : [`Its code runs ${triggers(evidence)}.`, '', 'Evidence, in running order (file:line):']),
  ].map((line) => escapeText(line));
  return [
    ...lines,
    ...evidenceLines(evidence).map((line) => (line.startsWith('    ') ? `  ${line}` : `- ${line}`)),
    ...findings.map(
      (finding) => `- ${escapeText(`${finding.file}:${finding.line}: ${findingWords(finding)}`)}`,
    ),
    ...(note === '' ? [] : ['', `What a person who read it says: ${escapeText(note)}`]),
    '',
    `Where to send this: ${TEAMS[ecosystem]}.`,
    '',
  ].join('\n');
}
