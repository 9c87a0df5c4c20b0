/**
 * The triage page: HTML forms and links, no script and nothing from elsewhere, so that a keyboard, a screen reader and a
 * text browser do. Whatever comes from a package passes `escapeHtml`; the policy forbids everything but our style sheet.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from '../report/escape.js';
import { differenceLines, isoTime } from '../report/flagged.js';
import { evidenceList, noteList, picture } from '../report/html.js';
import { PAGE_STYLE } from '../report/html-assets.js';
import { counted, duration, scoreNumber, verdictWords } from '../report/messages.js';
import { ECOSYSTEMS, type Ecosystem, PHASES, type Phase } from '../types.js';
import {
  type Difference,
  MARKS,
  type Mark,
  type Result,
  type ResultFilter,
  type WatchStore,
} from './store.js';

const STYLE = `${PAGE_STYLE}
form.filter,form.mark,.exports{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:1rem 0}fieldset{border:1px solid var(--line);border-radius:4px;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
select,textarea,form button{font:inherit;padding:.2rem .4rem;background:var(--bg);color:var(--fg);border:1px solid var(--dim);border-radius:4px}form button{cursor:pointer;font-weight:600}textarea{width:100%;min-height:2.5rem}
label.note{flex:1 1 20rem}.skip{position:absolute;left:-100rem}.skip:focus{left:1rem;background:var(--bg);padding:.5rem}.saved{border-left:4px solid var(--allow);padding-left:.75rem}
`;

export const PAGE_POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

export const PER_PAGE = 20;
const HOUR_MS = 3_600_000;

export const MARK_WORDS: Readonly<Record<Mark | 'new', string>> = {
  new: 'not looked at',
  confirmed: 'confirmed',
  'false-alarm': 'false alarm',
  unsure: 'unsure',
};

/** What the page shows, from its address. */
export interface View {
  readonly ecosystem?: Ecosystem;
  readonly mark?: Mark | 'new';
  readonly phase?: Phase;
  readonly name: string;
  /** From 0. */
  readonly page: number;
  /** The finding that was just marked. */
  readonly saved?: number;
}

/** Anything else in the address counts as not given. */
export function readView(query: URLSearchParams): View {
  const one = <T extends string>(key: string, of: readonly T[]): T | undefined =>
    of.find((value) => value === query.get(key));
  const ecosystem = one('ecosystem', ECOSYSTEMS);
  const mark = one('mark', ['new', ...MARKS] as const);
  const phase = one('phase', PHASES);
  const page = Number.parseInt(query.get('page') ?? '0', 10);
  const saved = Number.parseInt(query.get('saved') ?? '', 10);
  return {
    ...(ecosystem !== undefined && { ecosystem }),
    ...(mark !== undefined && { mark }),
    ...(phase !== undefined && { phase }),
    name: (query.get('name') ?? '').slice(0, 200),
    page: page > 0 && page < 1e6 ? page : 0,
    ...(Number.isSafeInteger(saved) && { saved }),
  };
}

/** The address of a view, without what was just saved. */
export function addressOf({ ecosystem, mark, phase, name, page }: View): string {
  const query = new URLSearchParams({
    ...(ecosystem !== undefined && { ecosystem }),
    ...(mark !== undefined && { mark }),
    ...(phase !== undefined && { phase }),
    ...(name !== '' && { name }),
    ...(page > 0 && { page: String(page) }),
  });
  return query.size === 0 ? '/' : `/?${query}`;
}

export async function renderPage(store: WatchStore, view: View, token: string, now: number): Promise<string> {
  const filter: ResultFilter = {
    verdicts: ['block'],
    name: view.name,
    ...(view.ecosystem !== undefined && { ecosystem: view.ecosystem }),
    ...(view.mark !== undefined && { marks: [view.mark] }),
    ...(view.phase !== undefined && { phase: view.phase }),
  };
  const found = await store.results({ ...filter, limit: PER_PAGE + 1, offset: view.page * PER_PAGE });
  const shown = found.slice(0, PER_PAGE);
  const cards: string[] = [];
  for (const result of shown) cards.push(await card(store, result, view, token));
  const title = 'safe-install watch: findings';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#findings">To the findings</a>
<header>
<h1>${title}</h1>
${await status(store, now)}
</header>
<main>
<h2 id="findings">Findings, newest first</h2>
${view.saved === undefined ? '' : `<p class="saved" role="status">Finding ${view.saved} is saved.${shown.some(({ id }) => id === view.saved) ? ` <a href="#f${view.saved}">Back to it</a>` : ''}</p>`}
${filterForm(view)}
${shown.length === 0 ? '<p>Nothing to show.</p>' : cards.join('\n')}
${pages(view, found.length > PER_PAGE)}
<h2>Export</h2>
<ul><li><a href="/export/sequences">Confirmations and false alarms as labelled sequences</a> (JSON lines)</li><li>Records of all confirmed findings: <code>safe-install watch export osv --output FOLDER</code></li></ul>
${await aside(store)}
</main>
<footer><p>Packages are read and not run. The score is the model's probability that a package is malicious; only a person can confirm it.</p></footer>
</body>
</html>
`;
}

async function status(store: WatchStore, now: number): Promise<string> {
  const counts = await store.counts();
  const verdicts = await store.verdicts();
  const { results, lagMs } = await store.recent(now - HOUR_MS);
  const minute = (await store.recent(now - 60_000)).results;
  const oldest = await store.oldestOpen();
  const feeds = await store.feeds();
  const facts: [string, string][] = [
    ['Throughput', `${counted(minute, 'result')} in the last minute, ${results} in the last hour`],
    [
      'Lag',
      `${oldest === undefined ? 'nothing waits' : `the oldest release that waits was named ${duration(now - oldest)} ago`}${lagMs === undefined ? '' : `; from publication to result ${duration(lagMs)} on average in the last hour`}`,
    ],
    [
      'Queue',
      `${counts.package.queued + counts.package.running} packages to look up, ${counts.artifact.queued} artifacts queued, ${counts.artifact.running} running, ${counts.artifact.done} done, ${counts.package.aside + counts.artifact.aside} set aside`,
    ],
    ['Results', `${verdicts.block} flagged, ${verdicts.unverified} unverified, ${verdicts.allow} allowed`],
    ...feeds.map(({ id, position, checked, behind, notice }): [string, string] => [
      'Feed',
      escapeHtml(
        `${id}: at ${position}${behind === undefined ? '' : `, ${behind} behind`}${checked === undefined ? '' : `, read ${duration(Math.max(0, now - checked))} ago`}${notice === undefined ? '' : `; last notice: ${notice}`}`,
      ),
    ]),
  ];
  return `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl><p><a href="/">Refresh</a></p>`;
}

function filterForm(view: View): string {
  const options = (chosen: string | undefined, of: readonly (readonly [string, string])[]): string =>
    [['', 'all'] as const, ...of]
      .map(
        ([value, words]) =>
          `<option value="${value}"${value === (chosen ?? '') ? ' selected' : ''}>${words}</option>`,
      )
      .join('');
  const marks = (['new', ...MARKS] as const).map((mark) => [mark, MARK_WORDS[mark]] as const);
  const phases = [
    ['install', 'while installing'],
    ['import', 'when imported'],
    ['runtime', 'when called'],
  ] as const;
  return `<form class="filter" method="get" action="/"><label>Registry <select name="ecosystem">${options(
    view.ecosystem,
    [
      ['npm', 'npm'],
      ['pypi', 'PyPI'],
    ],
  )}</select></label><label>State <select name="mark">${options(view.mark, marks)}</select></label><label>What weighs most runs <select name="phase">${options(view.phase, phases)}</select></label><label>Name contains <input type="search" name="name" value="${escapeHtml(view.name)}" autocomplete="off"></label><button type="submit">Show</button></form>`;
}

async function card(store: WatchStore, result: Result, view: View, token: string): Promise<string> {
  const { id, verdict, release, releases, sha256, created, mark, note, model } = result;
  const named = escapeHtml(`${release.name}@${release.version}`);
  const says =
    verdict.name !== '' && `${verdict.name}@${verdict.version}` !== `${release.name}@${release.version}`;
  const facts: [string, string][] = [
    ['Why', escapeHtml(verdictWords(verdict))],
    ...(says ? [['Calls itself', escapeHtml(`${verdict.name}@${verdict.version}`)] as [string, string]] : []),
    ['Published', release.published === undefined ? 'not said' : isoTime(release.published)],
    ['Judged', `${isoTime(created)}, model ${escapeHtml(model)}`],
    ['File', `<code>${escapeHtml(release.filename)}</code>`],
    // As text: nobody should reach a live sample by a slip of the hand.
    ['Address', `<code>${escapeHtml(release.url)}</code>`],
    ['SHA-256', `<code>${escapeHtml(sha256)}</code>`],
    ['Integrity', `<code>${escapeHtml(verdict.integrity)}</code>`],
    ...(releases > 1 ? [['Same bytes', `in ${releases} releases`] as [string, string]] : []),
  ];
  const radios = MARKS.map(
    (value) =>
      `<label><input type="radio" name="mark" value="${value}" required${mark === value ? ' checked' : ''}> ${MARK_WORDS[value]}</label>`,
  ).join('');
  return `<section class="card block" id="f${id}" aria-labelledby="h${id}">
<h3 id="h${id}"><span class="label">score ${scoreNumber(verdict.score ?? 1)}</span> ${named} <small>${verdict.ecosystem}, ${MARK_WORDS[mark ?? 'new']}</small></h3>
<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>
${picture(await store.sequence(id), verdict.evidence)}
${evidenceList(verdict.evidence)}
${noteList(verdict)}
${differenceNote(await store.difference(result))}
<form class="mark" method="post" action="/mark"><input type="hidden" name="token" value="${escapeHtml(token)}"><input type="hidden" name="id" value="${id}"><input type="hidden" name="view" value="${escapeHtml(addressOf(view))}"><fieldset><legend>Finding ${id} is</legend>${radios}</fieldset><label class="note">Note <textarea name="note" maxlength="4000" rows="2">${escapeHtml(note)}</textarea></label><button type="submit">Save<span class="skip"> finding ${id}</span></button></form>
<p class="exports"><a href="/export/report?id=${id}">Text for the registry's security team</a>${mark === 'confirmed' ? ` <a href="/export/osv?id=${id}">OSV record</a>` : ''}</p>
</section>`;
}

/** What is new against the release before: the sign of a package that was taken over. */
function differenceNote(difference: Difference | undefined): string {
  if (difference === undefined) return '<p>No earlier release of it is known here.</p>';
  const lines = differenceLines(difference);
  const [first, ...rest] = lines.map(escapeHtml);
  return `<h4>Against the release before</h4><p>${first}</p>${rest.length === 0 ? '' : `<ul>${rest.map((line) => `<li>${line}</li>`).join('')}</ul>`}`;
}

function pages(view: View, more: boolean): string {
  if (view.page === 0 && !more) return '';
  const link = (page: number, words: string): string =>
    `<a href="${escapeHtml(addressOf({ ...view, page }))}">${words}</a>`;
  const links = [
    ...(view.page > 0 ? [link(view.page - 1, 'Newer')] : []),
    ...(more ? [link(view.page + 1, 'Older')] : []),
  ];
  return `<nav aria-label="Pages"><p>${links.join(' ')}</p></nav>`;
}

async function aside(store: WatchStore): Promise<string> {
  const jobs = await store.aside(200);
  if (jobs.length === 0) return '';
  const rows = jobs.map(
    ({ ecosystem, name, version, filename, reason }) =>
      `<tr><td>${escapeHtml(version === '' ? name : `${name}@${version}`)}</td><td>${ecosystem}</td><td>${escapeHtml(filename)}</td><td>${escapeHtml(reason ?? '')}</td></tr>`,
  );
  return `<h2 id="aside">Set aside</h2>
<p>These could not be judged; <code>safe-install watch --retry</code> tries them again.</p>
<div class="scroll" role="region" aria-labelledby="aside" tabindex="0"><table><thead><tr><th scope="col">Release</th><th scope="col">Registry</th><th scope="col">File</th><th scope="col">Reason</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}
