/** What a report about one flagged release is made of, and the words those reports share. */
import type { Behavior, Evidence, Verdict } from '../types.js';
import { escapeText } from './escape.js';
import { behaviorWords, counted, mainEvidence, PHASE_WORDS } from './messages.js';

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

const MOST_DIFFERENCES = 20;

/** What a flagged release does that the one published before it did not, first a sentence, then a line a behaviour. */
export function differenceLines({
  version,
  judged,
  behaviors,
}: {
  readonly version: string;
  readonly judged: boolean;
  readonly behaviors: readonly Behavior[];
}): string[] {
  if (!judged) return [escapeText(`${version} came before; it is not judged yet`)];
  const more = behaviors.length - MOST_DIFFERENCES;
  return [
    escapeText(
      behaviors.length === 0
        ? `it does nothing ${version} did not do`
        : `${counted(behaviors.length, 'behaviour')} ${version} did not have${more > 0 ? `, the first ${MOST_DIFFERENCES} of them` : ''}`,
    ),
    ...behaviors.slice(0, MOST_DIFFERENCES).map((behavior) => {
      const { phase, file, line, detail } = behavior;
      const place = `${PHASE_WORDS[phase]}, ${file}:${line}: ${behaviorWords(behavior)}`;
      return escapeText(detail === '' ? place : `${place}: ${detail}`);
    }),
  ];
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
