/** The report for programs; its form is `lib/report/report.schema.json`, its version the field `schema`. */
import type { Evidence, Finding, Phase, Verdict } from '../types.js';
import { escapeJson } from './escape.js';
import { behaviorWords, findingWords, unverifiedWords, verdictWords } from './messages.js';
import { type PackageResult, type Run, summarize } from './run.js';

interface JsonFinding {
  readonly code: string;
  readonly phase: Phase;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export function renderJson(run: Run): string {
  const { version, model, threshold } = run.tool;
  const document = {
    schema: 1,
    tool: { name: 'safe-install', version, model, threshold },
    packages: run.packages.map(jsonPackage),
    summary: { ...summarize(run.packages), durationMs: milliseconds(run.durationMs) },
  };
  return `${escapeJson(JSON.stringify(document, undefined, 2))}\n`;
}

export function jsonPackage({ target, verdict }: PackageResult) {
  const { ecosystem, name, version, integrity, score, newcomer, durationMs } = verdict;
  return {
    target,
    ecosystem,
    name,
    version,
    integrity,
    verdict: verdict.verdict,
    // A number for every package: what could not be scored at all (and is `unverified`) counts as the worst.
    score: score ?? 1,
    ...(newcomer !== undefined && { firstPublished: newcomer.firstPublished }),
    findings: jsonFindings(verdict),
    durationMs: milliseconds(durationMs),
  };
}

/** First why it is unverified or what the policy did, then notes, then the evidence in running order. */
function jsonFindings(verdict: Verdict): JsonFinding[] {
  const { unverified, policy, findings, evidence } = verdict;
  const about = (code: string, message: string): JsonFinding => ({
    code,
    phase: 'install',
    file: '',
    line: 0,
    message,
  });
  return [
    ...(unverified === undefined
      ? []
      : [about(`unverified-${unverified.code}`, unverifiedWords(unverified))]),
    ...(policy === undefined ? [] : [about(`policy-${policy}`, verdictWords(verdict))]),
    ...findings.map(noted),
    ...[...evidence].sort((a, b) => a.order - b.order).map(done),
  ];
}

const noted = (finding: Finding): JsonFinding => {
  const { code, phase, file, line } = finding;
  return { code, phase, file, line, message: findingWords(finding) };
};

const done = ({ behavior }: Evidence): JsonFinding => {
  const { code, phase, file, line, detail } = behavior;
  const words = behaviorWords(behavior);
  return { code, phase, file, line, message: detail === '' ? words : `${words}: ${detail}` };
};

const milliseconds = (value: number): number => Math.round(value * 10) / 10;
