/** The report people read in a terminal: a card for each package that needs a person, and one line at the end. */
import type { Evidence, Verdict } from '../types.js';
import {
  behaviorWords,
  counted,
  duration,
  findingWords,
  isWarning,
  mainEvidence,
  noticeWords,
  PHASE_WORDS,
  unverifiedAdvice,
  verdictWords,
} from './messages.js';
import { type PackageResult, type Run, summarize } from './run.js';
import { cut, type Style, show, wrap } from './style.js';

/** What the last line tells of: an install that was or was not let happen, or only a scan. */
export type Occasion = 'install' | 'scan';

/** Cards shown in full; a thousand alarms are a matter for `--format html`. */
const MOST_CARDS = 20;

/** The whole report, ending in a newline. Quiet when all is well: one line. */
export function renderText(run: Run, style: Style, occasion: Occasion): string {
  const flagged = [
    ...run.packages.filter(({ verdict }) => verdict.verdict === 'block'),
    ...run.packages.filter(({ verdict }) => verdict.verdict === 'unverified'),
  ];
  const warned = run.packages.filter(({ verdict }) => isWarning(verdict));
  const lines = [
    ...flagged.slice(0, MOST_CARDS).flatMap((result) => [...card(result, style), '']),
    ...(flagged.length > MOST_CARDS ? [`and ${flagged.length - MOST_CARDS} more`, ''] : []),
    ...warned.flatMap((result) => warningLines(result, style)),
    ...run.notices.flatMap((notice) => paragraph(`policy: ${noticeWords(notice)}`, '', style)),
    lastLine(run, style, occasion),
  ];
  return `${lines.join('\n')}\n`;
}

/** Each card and an empty line. */
export function renderCards(packages: readonly PackageResult[], style: Style): string {
  return packages.map((result) => `${card(result, style).join('\n')}\n\n`).join('');
}

function card({ verdict, target, path, own }: PackageResult, style: Style): string[] {
  const { paint, unicode } = style;
  const blocked = verdict.verdict === 'block';
  const mark = blocked ? (unicode ? '✗' : 'X') : '?';
  const color = blocked ? paint.red : paint.yellow;
  const label = blocked ? 'blocked' : 'unverified';
  const who = cut(
    show(
      `${identity(verdict, target)} (${own === undefined ? verdict.ecosystem : "this project's own scripts"})`,
      style,
    ),
    style.columns - label.length - 3,
    style,
  );
  return [
    `${color.bold(`${mark} ${label}`)} ${paint.bold(who)}`,
    ...paragraph(verdictWords(verdict), '  ', style),
    ...(path === undefined || path.length < 2 ? [] : cameIn(path, style)),
    ...findingLines(verdict, style),
    ...evidenceLines(verdict.evidence, style),
    ...(own === undefined ? adviceLines(verdict, style) : ownAdviceLines(own, style)),
  ];
}

/** `name@version`, or the target as given when the artifact does not say who it is. */
const identity = ({ name, version }: Verdict, target: string): string =>
  name === '' ? target : `${name}@${version}`;

function cameIn(path: readonly string[], style: Style): string[] {
  const arrow = style.unicode ? '→' : '->';
  const words = path.map((step, at) => (at === 0 ? show(step, style) : `${arrow} ${show(step, style)}`));
  const label = 'came in: ';
  return wrap(words, style.columns - 2 - label.length, style).map((line, at) =>
    at === 0 ? `  ${style.paint.dim(label)}${line}` : `  ${' '.repeat(label.length)}${line}`,
  );
}

function evidenceLines(evidence: readonly Evidence[], style: Style): string[] {
  const main = mainEvidence(evidence);
  if (main.length === 0) return [];
  const { paint, columns } = style;
  const lines = main.flatMap(({ behavior }, at) => {
    const { phase, file, line, detail } = behavior;
    const number = `  ${at + 1}. `;
    const place = cut(show(`${file}:${line}`, style), columns - number.length - 20, style);
    const head = `${PHASE_WORDS[phase]}, ${place}`;
    return [
      `${number}${head}`,
      ...paragraph(behaviorWords(behavior), '     ', style),
      ...(detail === '' ? [] : [`     ${paint.dim(cut(`| ${show(detail, style)}`, columns - 5, style))}`]),
    ];
  });
  return [paint.dim(cut('  what weighs most, in the order it would run:', columns, style)), ...lines];
}

function findingLines({ findings }: Verdict, style: Style): string[] {
  const shown = findings.slice(0, 3).flatMap((finding) => {
    const place = finding.file === '' ? '' : ` ${finding.file}:${finding.line}:`;
    return paragraph(`note:${place} ${findingWords(finding)}`, '  ', style);
  });
  return findings.length > 3 ? [...shown, `  and ${counted(findings.length - 3, 'note')} more`] : shown;
}

/** Nothing of it comes from a registry, so there is no other version to take and no artifact to accept. */
function ownAdviceLines(folder: string, style: Style): string[] {
  return [
    ...paragraph(`They stand in ${folder} and would run as you, with every install there.`, '  ', style),
    ...paragraph('If you have read them and know better, accept them as they are now:', '  ', style),
    '    safe-install trust',
  ];
}

function adviceLines(verdict: Verdict, style: Style): string[] {
  const { name, version, integrity, unverified } = verdict;
  const first =
    verdict.verdict === 'unverified' && unverified !== undefined
      ? unverifiedAdvice(unverified)
      : verdict.newcomer === undefined
        ? 'Do not install it. Check the name for a misspelling; take an older version or another package.'
        : 'Do not install it unless you know who publishes it. Check the name for a misspelling, or take an established package.';
  const lines = paragraph(first, '  ', style);
  // No registry takes a name that a shell would read in another way; one that has it gets no command to paste.
  const pasteable = /^[\w@./~+!-]{1,200}$/.test(`${name}@${version}`);
  if (name === '' || !pasteable || integrity === '' || unverified?.code === 'integrity-mismatch')
    return lines;
  return [
    ...lines,
    ...paragraph('If you have read it and know better, accept exactly these bytes:', '  ', style),
    `    safe-install allow ${name}@${version} --reason "..."`,
  ];
}

function warningLines({ verdict, target }: PackageResult, style: Style): string[] {
  return paragraph(`warning: ${identity(verdict, target)}: ${verdictWords(verdict)}`, '', style);
}

/** Lines after the first are always indented: wrapped hostile text must not begin a line as our own words do. */
function paragraph(text: string, indent: string, style: Style): string[] {
  const words = show(text, style).split(' ');
  const rest = indent === '' ? '  ' : indent;
  return wrap(words, style.columns - rest.length, style).map((line, at) => (at === 0 ? indent : rest) + line);
}

/** `safe-install: 30 packages read, none flagged (1.2 s)`; never cut, as it carries the outcome. */
function lastLine(run: Run, { paint }: Style, occasion: Occasion): string {
  const { packages, blocked, unverified } = summarize(run.packages);
  const time = `(${duration(run.durationMs)})`;
  const opaque = run.packages.filter(({ verdict }) => verdict.opaqueFiles > 0);
  const files = opaque.reduce((sum, { verdict }) => sum + verdict.opaqueFiles, 0);
  const unreadable =
    files === 0
      ? ''
      : `; ${counted(files, 'file')} in ${counted(opaque.length, 'package')} not readable by kind (native code, bytecode)`;
  if (blocked + unverified === 0) {
    const warned = run.packages.filter(({ verdict }) => isWarning(verdict)).length;
    const flagged = warned === 0 ? 'none flagged' : `${warned} let through by the policy`;
    return `safe-install: ${counted(packages, 'package')} read, ${flagged} ${time}${unreadable}`;
  }
  const parts = [
    ...(blocked > 0 ? [`${blocked} blocked`] : []),
    ...(unverified > 0 ? [`${unverified} unverified`] : []),
  ].join(', ');
  const outcome = occasion === 'install' ? '; nothing was installed' : '';
  return paint.bold(
    `safe-install: ${parts} of ${counted(packages, 'package')}${outcome} ${time}${unreadable}`,
  );
}
