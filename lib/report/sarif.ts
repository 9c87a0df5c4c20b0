/**
 * SARIF 2.1.0, for code-scanning services. One result a blocked or unverified package (or alarm the policy let
 * pass), with the evidence as a code flow in running order. Order and content depend on the packages alone, so
 * that two reports can be compared.
 */
import type { Behavior, Verdict } from '../types.js';
import { escapeJson, escapeText } from './escape.js';
import {
  behaviorWords,
  findingWords,
  isWarning,
  mainEvidence,
  PHASE_WORDS,
  UNVERIFIED_WORDS,
  verdictWords,
} from './messages.js';
import type { PackageResult, Run } from './run.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

export function renderSarif(run: Run): string {
  const results = run.packages.flatMap(packageResults);
  const used = new Set(results.map(({ ruleId }) => ruleId));
  const document = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'safe-install',
            semanticVersion: run.tool.version,
            properties: { model: run.tool.model, threshold: run.tool.threshold },
            rules: [...used].sort().map((id) => ({ id, shortDescription: { text: ruleWords(id) } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
  return `${escapeJson(JSON.stringify(document, undefined, 2))}\n`;
}

function ruleWords(id: string): string {
  const [kind, code] = id.split('/', 2) as [string, string];
  if (kind === 'unverified') {
    return `A package could not be read in full: ${(UNVERIFIED_WORDS as Readonly<Record<string, string>>)[code] ?? code}.`;
  }
  if (kind === 'finding') return `A package was found to have: ${findingWords({ code, args: {} })}.`;
  return 'A package behaves like malicious ones, or the policy blocks it.';
}

function packageResults({ target, verdict, path }: PackageResult) {
  if (verdict.verdict === 'allow' && !isWarning(verdict)) return [];
  const { ecosystem, name, version, integrity, score, evidence } = verdict;
  const identity = name === '' ? target : `${name}@${version}`;
  const main = mainEvidence(evidence);
  const heaviest = [...main].sort((a, b) => b.weight - a.weight)[0]?.behavior;
  const place = (behavior: Behavior) => location(behavior, verdict, target);
  const cameIn = path === undefined || path.length < 2 ? '' : ` It came in by ${path.join(' > ')}.`;
  return [
    {
      ruleId: ruleOf(verdict),
      level: verdict.verdict === 'allow' ? 'note' : verdict.verdict === 'block' ? 'error' : 'warning',
      message: { text: escapeText(`${identity} (${ecosystem}): ${verdictWords(verdict)}.${cameIn}`) },
      locations: [
        heaviest === undefined
          ? { ...location(undefined, verdict, target) }
          : { ...place(heaviest), message: { text: escapeText(behaviorWords(heaviest)) } },
      ],
      ...(main.length > 0 && {
        codeFlows: [
          {
            threadFlows: [
              {
                locations: main.map(({ behavior }, at) => ({
                  executionOrder: at + 1,
                  location: {
                    ...place(behavior),
                    message: {
                      text: escapeText(`${PHASE_WORDS[behavior.phase]}: ${behaviorWords(behavior)}`),
                    },
                  },
                })),
              },
            ],
          },
        ],
      }),
      partialFingerprints: { 'artifactIntegrity/v1': integrity === '' ? escapeText(identity) : integrity },
      properties: { ...(score !== undefined && { score }) },
    },
  ];
}

function ruleOf({ unverified, policy, findings, verdict }: Verdict): string {
  if (policy === 'finding' && findings[0] !== undefined) return `finding/${escapeText(findings[0].code)}`;
  if (unverified !== undefined && (verdict === 'unverified' || policy === 'unverified-accepted')) {
    return `unverified/${unverified.code}`;
  }
  return 'behavior/malicious';
}

/** A file inside the artifact, as a relative address that names the artifact first. */
function location(behavior: Behavior | undefined, { ecosystem, name, version }: Verdict, target: string) {
  const root = name === '' ? [target] : [ecosystem, `${name}@${version}`];
  const segments = [...root, ...(behavior?.file.split('/') ?? [])];
  const uri = segments.map(uriSegment).join('/');
  return {
    physicalLocation: {
      artifactLocation: { uri },
      ...(behavior !== undefined && {
        region: {
          startLine: Math.max(1, behavior.line),
          startColumn: behavior.column + 1,
          ...(behavior.detail !== '' && { snippet: { text: escapeText(behavior.detail) } }),
        },
      }),
    },
    logicalLocations: [{ kind: 'package', fullyQualifiedName: escapeText(root.join(':')) }],
  };
}

/** Percent-encoded; a lone surrogate has no encoding, and dots alone would lead out of the artifact. */
function uriSegment(segment: string): string {
  return /^\.*$/.test(segment) ? '_' : encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd'));
}
