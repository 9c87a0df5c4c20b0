/**
 * One page for a security person to send on: no network, no framework, readable without JavaScript (which only
 * sorts and filters). Whatever comes from a package passes `escapeHtml`; a content security policy names the one
 * script and the one style sheet by hash, so that nothing slipped in could run.
 */
import { createHash } from 'node:crypto';
import { type Dimension, taxonomyRow } from '../behavior/taxonomy.js';
import { type Behavior, type BehaviorSequence, type Evidence, PHASES, type Verdict } from '../types.js';
import { escapeHtml } from './escape.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './html-assets.js';
import {
  behaviorWords,
  counted,
  duration,
  findingWords,
  isWarning,
  mainEvidence,
  noticeWords,
  PHASE_WORDS,
  scoreNumber,
  verdictWords,
} from './messages.js';
import { type PackageResult, type Run, summarize } from './run.js';

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

export function renderHtml(run: Run): string {
  const { packages, allowed, blocked, unverified } = summarize(run.packages);
  const title =
    blocked + unverified === 0
      ? `${counted(packages, 'package')} read, none flagged`
      : `${blocked} blocked and ${unverified} unverified of ${counted(packages, 'package')}`;
  const needsAPerson = run.packages
    .map((result, at) => ({ result, at }))
    .filter(({ result: { verdict } }) => verdict.verdict !== 'allow' || isWarning(verdict))
    .sort((a, b) => rank(a.result.verdict) - rank(b.result.verdict) || a.at - b.at);
  const policy = `default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src ${sha256(PAGE_STYLE)}; script-src ${sha256(PAGE_SCRIPT)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>safe-install: ${title}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>safe-install ${escapeHtml(run.tool.version)}, model ${escapeHtml(run.tool.model)}, blocks from score ${scoreNumber(run.tool.threshold)}; ${duration(run.durationMs)}. Packages were read and not run.</p>
<ul class="summary" aria-label="Summary">
<li class="block"><b>${blocked}</b> blocked</li><li class="unverified"><b>${unverified}</b> unverified</li><li class="allow"><b>${allowed}</b> allowed</li>
</ul>
${needsAPerson.length === 0 ? '' : '<p><a href="#all">Skip to all packages</a></p>'}
${run.notices.map((notice) => `<p class="notice">Policy: ${escapeHtml(noticeWords(notice))}</p>`).join('\n')}
</header>
<main>
${needsAPerson.length === 0 ? '' : `<h2>What needs a person</h2>\n${needsAPerson.map(({ result, at }) => card(result, at)).join('\n')}`}
<h2 id="all">All packages</h2>
${table(run.packages)}
</main>
<footer><p>The score is the model's probability that a package is malicious. Install scripts run while installing; other code when imported or called.</p></footer>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

const rank = ({ verdict }: Verdict): number => ['block', 'unverified', 'allow'].indexOf(verdict);

const identity = ({ verdict: { name, version }, target }: PackageResult): string =>
  name === '' ? target : `${name}@${version}`;

const verdictLabel = ({ verdict }: Verdict): string =>
  ({ block: 'blocked', unverified: 'unverified', allow: 'allowed' })[verdict];

function table(packages: readonly PackageResult[]): string {
  const rows = packages.map((result, at) => {
    const { verdict } = result;
    const { score } = verdict;
    const flagged = verdict.verdict !== 'allow' || isWarning(verdict);
    const name = escapeHtml(identity(result));
    return `<tr><td>${flagged ? `<a href="#p${at}">${name}</a>` : name}</td><td>${verdict.ecosystem}</td><td class="${verdict.verdict}">${verdictLabel(verdict)}</td><td data-value="${score ?? 2}">${score === undefined ? 'none' : scoreNumber(score)}</td><td data-value="${verdict.findings.length}">${verdict.findings.length}</td><td data-value="${verdict.durationMs}">${Math.round(verdict.durationMs)}</td></tr>`;
  });
  const heads = ['Package', 'Ecosystem', 'Verdict', 'Score', 'Notes', 'Milliseconds'];
  return `<p class="filter" hidden><label>Show names that contain <input type="search" id="filter" autocomplete="off"></label> <span id="shown" role="status"></span></p>
<div class="scroll" role="region" aria-labelledby="all" tabindex="0"><table id="packages">
<thead><tr>${heads.map((head) => `<th scope="col" aria-sort="none"><span>${head}</span></th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function card(result: PackageResult, at: number): string {
  const { verdict, path, target } = result;
  const facts: [string, string][] = [
    ['Why', escapeHtml(verdictWords(verdict))],
    ...(path === undefined || path.length < 2
      ? []
      : [['Came in', path.map(escapeHtml).join(' → ')] as [string, string]]),
    ['Target', escapeHtml(target)],
    ['Integrity', verdict.integrity === '' ? 'no bytes' : `<code>${escapeHtml(verdict.integrity)}</code>`],
  ];
  return `<section class="card ${verdict.verdict}" id="p${at}" aria-labelledby="h${at}">
<h3 id="h${at}"><span class="label">${verdictLabel(verdict)}</span> ${escapeHtml(identity(result))} <small>${verdict.ecosystem}</small></h3>
<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>
${picture(verdict.sequence, verdict.evidence)}
${evidenceList(verdict.evidence)}
${noteList(verdict)}
</section>`;
}

export function noteList({ findings }: Verdict): string {
  if (findings.length === 0) return '';
  const items = findings.map(
    (finding) => `<li>${place(finding.file, finding.line)} ${escapeHtml(findingWords(finding))}</li>`,
  );
  return `<h4>Notes</h4><ul>${items.join('')}</ul>`;
}

export function evidenceList(evidence: readonly Evidence[]): string {
  const main = mainEvidence(evidence);
  if (main.length === 0) return '';
  const total = evidence.reduce((sum, { weight }) => sum + weight, 0);
  const items = main.map(({ behavior, weight }) => {
    const share = Math.round((100 * weight) / total);
    return `<li><p>${PHASE_WORDS[behavior.phase]}, ${place(behavior.file, behavior.line)}: ${escapeHtml(behaviorWords(behavior))} <span class="share">${share} % of what carries the score</span></p>${behavior.detail === '' ? '' : `<pre><code>${escapeHtml(behavior.detail)}</code></pre>`}</li>`;
  });
  return `<h4>What weighs most, in the order it would run</h4><ol>${items.join('')}</ol>`;
}

const place = (file: string, line: number): string =>
  file === '' ? '' : `<code>${escapeHtml(`${file}:${line}`)}</code>`;

/** Behaviours drawn for a phase before the rest is only counted. */
const MOST_DRAWN = 400;
const PER_ROW = 50;
const CELL = 16;

const DIMENSION_WORDS: Readonly<Record<Dimension, string>> = {
  R: 'reads',
  D: 'transmits',
  E: 'encodes',
  P: 'executes',
  S: 'persists',
  X: 'destroys',
  V: 'evades',
  C: 'conceals',
  O: 'opaque',
};

/** The sequence as rows of cells, a row of rows a phase, a colour and a letter a dimension. */
export function picture(sequence: BehaviorSequence | undefined, evidence: readonly Evidence[]): string {
  // Without the sequence what weighs is still drawn: the evidence is part of it.
  const behaviors =
    sequence?.units.flatMap((unit) => unit.behaviors) ??
    [...evidence].sort((a, b) => a.order - b.order).map(({ behavior }) => behavior);
  if (behaviors.length === 0) return '';
  const weighty = new Set(mainEvidence(evidence).map(({ behavior }) => mark(behavior)));
  const lanes = PHASES.map((phase) => behaviors.filter((behavior) => behavior.phase === phase)).filter(
    (lane) => lane.length > 0,
  );
  const seen = [...new Set(behaviors.map(({ code }) => taxonomyRow(code).dimension))];
  const legend = seen.map(
    (d) => `<li><span class="key d${d}" aria-hidden="true">${d}</span> ${DIMENSION_WORDS[d]}</li>`,
  );
  return `<figure><figcaption>What it does, in order; framed: what weighs most</figcaption>${lanes.map((lane) => drawing(lane, weighty)).join('')}<ul class="legend">${legend.join('')}</ul><details><summary>The same in words</summary>${lanes.map(wording).join('')}</details></figure>`;
}

const mark = ({ code, file, line, column }: Behavior): string => `${code}\0${file}\0${line}\0${column}`;

/** What stands behind a cell: shown by the pointer over it, and by the list in words for who has none. */
const cellWords = (behavior: Behavior): string =>
  escapeHtml(`${behaviorWords(behavior)}, ${behavior.file}:${behavior.line}`);

function laneLabel(behaviors: readonly Behavior[]): string {
  const rest = behaviors.length - MOST_DRAWN;
  return `${PHASE_WORDS[behaviors[0]!.phase]}: ${counted(behaviors.length, 'behaviour')}${rest > 0 ? `, ${rest} not drawn` : ''}`;
}

/** The behaviours of one phase, one or more, as a picture. */
function drawing(behaviors: readonly Behavior[], weighty: ReadonlySet<string>): string {
  const drawn = behaviors.slice(0, MOST_DRAWN);
  const cells = drawn.map((behavior, at) => {
    const { dimension } = taxonomyRow(behavior.code);
    const x = (at % PER_ROW) * CELL;
    const y = Math.floor(at / PER_ROW) * CELL;
    return `<g class="d${dimension}${weighty.has(mark(behavior)) ? ' weighty' : ''}"><title>${cellWords(behavior)}</title><rect x="${x + 1}" y="${y + 1}" width="${CELL - 2}" height="${CELL - 2}" rx="2"/><text x="${x + CELL / 2}" y="${y + CELL - 4}">${dimension}</text></g>`;
  });
  const width = Math.min(drawn.length, PER_ROW) * CELL;
  const height = Math.ceil(drawn.length / PER_ROW) * CELL;
  const label = laneLabel(behaviors);
  return `<p class="lane">${label}</p><svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${cells.join('')}</svg>`;
}

/** The same behaviours as a list. */
function wording(behaviors: readonly Behavior[]): string {
  const items = behaviors.slice(0, MOST_DRAWN).map((behavior) => `<li>${cellWords(behavior)}</li>`);
  return `<p class="lane">${laneLabel(behaviors)}</p><ol>${items.join('')}</ol>`;
}
