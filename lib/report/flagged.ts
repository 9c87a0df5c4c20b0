/** What a report about one flagged release is made of, and the words those reports share. */
import type { Evidence, Verdict } from '../types.js';
import { escapeText } from './escape.js';
import { behaviorWords, mainEvidence, PHASE_WORDS } from './messages.js';

export interface FlaggedRelease {
  /** As the registry names it; what the archive says of itself is in the verdict. */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** Address it was fetched from. */
  readonly url: string;
  /** Milliseconds since 1970, when the registry says. */
  readonly published: number | undefined;
  readonly sha256: string;
  /** `integrity` is the SHA-512 SRI of the archive. */
  readonly verdict: Verdict;
  readonly model: string;
  readonly taxonomy: string;
  /** What a person who read it wrote. */
  readonly note: string;
  /** When it was judged, milliseconds since 1970. */
  readonly judged: number;
}

/** The behaviours that weigh most, a line each, in running order: `while installing, setup.js:12: read the whole environment`. */
export function evidenceLines(evidence: readonly Evidence[]): string[] {
  return mainEvidence(evidence).flatMap(({ behavior }) => {
    const { phase, file, line, detail } = behavior;
    const place = `${PHASE_WORDS[phase]}, ${file}:${line}: ${behaviorWords(behavior)}`;
    return [escapeText(place), ...(detail === '' ? [] : [`    ${escapeText(detail)}`])];
  });
}

/** How the code gets to run: `while installing and when imported`. */
export function triggers(evidence: readonly Evidence[]): string {
  const phases = new Set(mainEvidence(evidence).map(({ behavior }) => PHASE_WORDS[behavior.phase]));
  return [...phases].join(' and ');
}

/** Page of the release for people, where the registry is one of the public ones. */
export function releasePage({ name, version, verdict, url }: FlaggedRelease): string | undefined {
  const host = URL.canParse(url) ? new URL(url).host : '';
  // A surrogate without partner cannot stand in an address.
  if (/\p{Cs}/u.test(name + version)) return undefined;
  if (verdict.ecosystem === 'npm' && host === 'registry.npmjs.org')
    return `https://www.npmjs.com/package/${encodeURI(name)}/v/${encodeURIComponent(version)}`;
  if (verdict.ecosystem === 'pypi' && host === 'files.pythonhosted.org')
    return `https://pypi.org/project/${encodeURIComponent(name)}/${encodeURIComponent(version)}/`;
  return undefined;
}

export const isoTime = (ms: number): string => new Date(ms).toISOString();
