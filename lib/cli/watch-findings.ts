/** `safe-install watch findings|mark|export|status`: what a watch has found, decided and handed on by people. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { escapeJson, escapeText } from '../report/escape.js';
import { differenceLines, evidenceLines, isoTime } from '../report/flagged.js';
import { jsonPackage } from '../report/json.js';
import { counted, duration, scoreNumber } from '../report/messages.js';
import { writeWhole } from '../report/output.js';
import { type Difference, MARKS, type Mark, type Result, type WatchStore } from '../watch/store.js';
import { exportFeed, exportOsv, exportReport, exportSequences } from '../watch/triage.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say, usage } from './exit.js';
import { openStore, STORE_OPTION } from './watch-services.js';

export const SUBCOMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<Outcome>>> = {
  findings,
  mark,
  export: exportFindings,
  status,
};

async function withStore<T>(
  address: string | undefined,
  body: (store: WatchStore) => Promise<T>,
): Promise<T> {
  const store = await openStore(address);
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

async function findings(argv: readonly string[]): Promise<Outcome> {
  const help = {
    usage: 'watch findings [options]',
    description: 'Lists what was flagged, newest first, with its evidence and what people said of it.',
    examples: [
      ['safe-install watch findings --state new', 'what nobody has looked at'],
      ['safe-install watch findings --format json', 'one JSON document, rows as scan has them'],
    ],
  } as const;
  const parsed = await parseArguments(argv, help, (parser) =>
    parser
      .option('state', {
        choices: ['all', 'new', ...MARKS] as const,
        default: 'all' as const,
        describe: 'Only those in this state',
      })
      .option('unverified', {
        type: 'boolean',
        default: false,
        describe: 'Also what could not be read in full',
      })
      .option('store', STORE_OPTION)
      .option('last', { type: 'string', requiresArg: true, describe: 'Only so many' })
      .option('format', { choices: ['text', 'json'] as const, default: 'text' as const, describe: 'Form' }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'watch findings');
  const last = parsed.last === undefined ? undefined : Number(parsed.last);
  if (last !== undefined && !(Number.isSafeInteger(last) && last > 0))
    throw usage('--last needs a number above 0');
  await withStore(parsed.store, async (store) => {
    const found = await store.results({
      verdicts: parsed.unverified ? ['block', 'unverified'] : ['block'],
      ...(parsed.state !== 'all' && { marks: [parsed.state] }),
      ...(last !== undefined && { limit: last }),
    });
    if (parsed.format === 'json') {
      const list: unknown[] = [];
      for (const result of found) list.push(jsonFinding(result, await store.difference(result)));
      const document = { schema: 1, findings: list };
      process.stdout.write(`${escapeJson(JSON.stringify(document, undefined, 2))}\n`);
      return;
    }
    for (const result of found)
      process.stdout.write(`${findingText(result, await store.difference(result))}\n`);
    say(`${counted(found.length, 'finding')}`);
  });
  return done;
}

/** `package` is the row of `scan --format json` for the same bytes. */
function jsonFinding(result: Result, difference: Difference | undefined): unknown {
  const { id, release, releases, mark: said, note, model, taxonomy, sha256, created, verdict } = result;
  const { name, version, filename, url, published, seen } = release;
  return {
    id,
    state: said ?? 'new',
    note,
    release: {
      ...{ ecosystem: verdict.ecosystem, name, version, filename, url },
      ...(published !== undefined && { published: isoTime(published) }),
      seen: isoTime(seen),
    },
    releases,
    judged: isoTime(created),
    ...{ model, taxonomy, sha256 },
    // What is new against the release before, where one is known and judged.
    ...(difference !== undefined && { previous: difference }),
    package: jsonPackage({ target: filename, verdict }),
  };
}

function findingText(
  { id, release, verdict, mark: said, note, sha256, created }: Result,
  difference: Difference | undefined,
): string {
  const { name, version, filename, published } = release;
  const score = verdict.score === undefined ? 'unverified' : `score ${scoreNumber(verdict.score)}`;
  const when = published === undefined ? `judged ${isoTime(created)}` : `published ${isoTime(published)}`;
  return [
    escapeText(
      `${id}  ${verdict.ecosystem} ${name}@${version}  ${score}  ${said ?? 'new'}  ${filename}  ${when}`,
    ),
    ...evidenceLines(verdict.evidence).map((line) => `    ${line}`),
    ...(difference === undefined ? [] : differenceLines(difference)).map((line, at) =>
      at === 0 ? `    before: ${line}` : `    new: ${line}`,
    ),
    `    sha256 ${sha256}`,
    ...(note === '' ? [] : [escapeText(`    note: ${note}`)]),
  ].join('\n');
}

async function mark(argv: readonly string[]): Promise<Outcome> {
  const help = {
    usage: 'watch mark ID confirmed|false-alarm|unsure|new',
    description:
      "Writes down what a person says of a finding; 'new' takes it back. Holds for the same bytes under every model.",
    examples: [['safe-install watch mark 12 false-alarm --note "telemetry, documented"', '']],
  } as const;
  const parsed = await parseArguments(argv, help, (parser) =>
    parser
      .option('note', { type: 'string', requiresArg: true, default: '', describe: 'Why' })
      .option('store', STORE_OPTION),
  );
  if (parsed === undefined) return done;
  const [id = '', word, ...more] = parsed._;
  const said = MARKS.find((value) => value === word);
  if (!/^\d{1,15}$/.test(id) || more.length > 0 || (said === undefined && word !== 'new'))
    throw usage(
      'watch mark needs an ID and confirmed, false-alarm, unsure or new: see safe-install watch mark --help',
    );
  await withStore(parsed.store, async (store) => {
    if (!(await store.mark(Number(id), said, parsed.note.slice(0, 4000), Date.now())))
      throw usage(`no finding has the number ${id}: see safe-install watch findings`);
  });
  say(`finding ${id}: ${said ?? 'new'}`);
  return done;
}

const EXPORTS = ['osv', 'report', 'sequences', 'feed'] as const;

async function exportFindings(argv: readonly string[]): Promise<Outcome> {
  const help = {
    usage: 'watch export osv|report|sequences|feed [ID…]',
    description: `osv: confirmed findings as records for github.com/ossf/malicious-packages, one a package.
report: the text a registry's security team asks for, of the findings named or of all that are confirmed.
sequences: confirmations and false alarms as labelled behaviour sequences, JSON lines.
feed: every artifact the feeds have named, for 'watch --from', JSON lines.`,
    examples: [
      ['safe-install watch export osv --output malicious-packages/', 'into a checkout of that database'],
      ['safe-install watch export report 12', 'to standard output'],
      ['safe-install watch export sequences --output labelled.jsonl', 'for a training round'],
    ],
  } as const;
  const parsed = await parseArguments(argv, help, (parser) =>
    parser
      .option('store', STORE_OPTION)
      .option('output', {
        type: 'string',
        requiresArg: true,
        describe: 'Folder for osv, file for the others',
      })
      .option('finder', {
        type: 'string',
        requiresArg: true,
        describe: 'Who is credited in a record besides the tool',
      }),
  );
  if (parsed === undefined) return done;
  const [what, ...ids] = parsed._;
  const kind = EXPORTS.find((value) => value === what);
  if (kind === undefined || !ids.every((id) => /^\d{1,15}$/.test(id)))
    throw usage(
      'watch export needs osv, report, sequences or feed, and numbers of findings: see safe-install watch export --help',
    );
  const { output } = parsed;
  if (kind === 'feed' && ids.length > 0) throw usage('watch export feed takes no numbers');
  await withStore(parsed.store, async (store) => {
    if (kind === 'feed') {
      const lines = await exportFeed(store);
      if (output === undefined) process.stdout.write(lines.join(''));
      else writeWhole(output, lines.join(''));
      say(counted(lines.length, 'artifact'));
      return;
    }
    const marks: readonly Mark[] = kind === 'sequences' ? ['confirmed', 'false-alarm'] : ['confirmed'];
    // A report may be asked for before anything is decided; a record and a label may not.
    const filter = kind === 'report' && ids.length > 0 ? {} : { marks };
    const found = await store.results({
      verdicts: ['block'],
      order: 'oldest',
      ...filter,
      ...(ids.length > 0 && { ids: ids.map(Number) }),
    });
    const missing = ids.filter((id) => !found.some((result) => result.id === Number(id)));
    if (missing.length > 0)
      throw usage(`no ${kind === 'report' ? '' : 'marked '}finding has the number ${missing.join(', ')}`);
    if (kind === 'osv') {
      const files = exportOsv(found, parsed.finder, Date.now());
      for (const { path, content } of files) {
        if (output === undefined) process.stdout.write(content);
        else {
          mkdirSync(dirname(join(output, path)), { recursive: true });
          writeWhole(join(output, path), content);
        }
      }
      say(`${counted(files.length, 'record')} of ${counted(found.length, 'confirmed finding')}`);
      return;
    }
    const parts = kind === 'report' ? found.map(exportReport) : await exportSequences(store, found);
    const text = parts.join(kind === 'report' ? '\n' : '');
    if (output === undefined) process.stdout.write(text);
    else writeWhole(output, text);
    say(`${parts.length} of ${counted(found.length, 'finding')} exported`);
  });
  return done;
}

async function status(argv: readonly string[]): Promise<Outcome> {
  const help = {
    usage: 'watch status [--format text|json]',
    description: 'Says where each feed stands, what waits, what was found, and what was set aside and why.',
    examples: [['safe-install watch status --format json', 'for programs']],
  } as const;
  const parsed = await parseArguments(argv, help, (parser) =>
    parser.option('store', STORE_OPTION).option('format', {
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      describe: 'Form',
    }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'watch status');
  await withStore(parsed.store, async (store) => {
    const now = Date.now();
    const oldest = await store.oldestOpen();
    const facts = {
      schema: 1,
      feeds: await store.feeds(),
      jobs: await store.counts(),
      results: await store.verdicts(),
      oldestOpenMs: oldest === undefined ? null : now - oldest,
      aside: (await store.aside()).map(({ ecosystem, name, version, filename, reason }) => ({
        ...{ ecosystem, name, version, filename, reason },
      })),
    };
    if (parsed.format === 'json') {
      process.stdout.write(`${escapeJson(JSON.stringify(facts, undefined, 2))}\n`);
      return;
    }
    const { artifact, package: packages } = facts.jobs;
    const lines = [
      ...facts.feeds.map(
        ({ id, position, notice }) =>
          `feed       ${id}: at ${position}${notice === undefined ? '' : `; ${notice}`}`,
      ),
      `packages   ${packages.queued + packages.running} to look up, ${packages.done} done, ${packages.aside} set aside`,
      `artifacts  ${artifact.queued} queued, ${artifact.running} running, ${artifact.done} done, ${artifact.aside} set aside`,
      `results    ${facts.results.block} flagged, ${facts.results.unverified} unverified, ${facts.results.allow} allowed`,
      `lag        ${facts.oldestOpenMs === null ? 'nothing waits' : `the oldest release that waits was named ${duration(facts.oldestOpenMs)} ago`}`,
      ...facts.aside.map(
        ({ ecosystem, name, version, filename, reason }) =>
          `aside      ${ecosystem} ${name}${version === '' ? '' : `@${version}`} ${filename}: ${reason ?? ''}`,
      ),
    ];
    for (const line of lines) process.stdout.write(`${escapeText(line)}\n`);
  });
  return done;
}
