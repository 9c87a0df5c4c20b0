/** `safe-install watch`: follow a registry's new releases, keep what was found, hand it to people. */
import { TAXONOMY_VERSION } from '../behavior/taxonomy.js';
import { createScanner } from '../scan.js';
import { ECOSYSTEMS, type Ecosystem } from '../types.js';
import { Client } from '../watch/client.js';
import { watch } from '../watch/engine.js';
import type { Feed } from '../watch/feed.js';
import { createLog, type Log } from '../watch/log.js';
import { NPM_FEED, NPM_REGISTRY, npmFeed } from '../watch/npm-feed.js';
import { PYPI_FEED, PYPI_INDEX, pypiFeed } from '../watch/pypi-feed.js';
import { recordedFeed } from '../watch/recorded-feed.js';
import { serveUi } from '../watch/ui.js';
import { parseArguments } from './arguments.js';
import { done, type Outcome, usage } from './exit.js';
import { describeTool } from './services.js';
import { SUBCOMMANDS } from './watch-findings.js';
import {
  number,
  openStore,
  queueAddress,
  queueOf,
  READING_OPTIONS,
  readingNumbers,
  sayEnd,
  serveMetrics,
  untilEnded,
} from './watch-services.js';

const HELP = {
  usage: 'watch npm|pypi [options]',
  description: `Follows the feed of new releases, reads every artifact without running it, and keeps what it finds. Goes on
where it stopped, after a restart or a crash. Ctrl-C ends it; what was under way goes back into the queue.

  watch npm|pypi                    follow a registry (both may be named)
  watch --from FILE                 replay a recorded feed, a JSON line a release
  watch --rescan                    judge again everything that has no result of this model
  watch --ui                        the page for people, on this machine only
  watch … --queue redis://… --store postgres://…    many machines: 'safe-install worker' reads
  watch findings|mark|export|status look at what was found, decide, hand it on (each with --help)

No policy applies: a row is what 'safe-install scan' without one says of the same bytes.`,
  examples: [
    ['safe-install watch npm --ui --metrics 9464', 'follow npm, with page and metrics'],
    ['safe-install watch --from feed.jsonl --registry http://127.0.0.1:4873/', 'replay against a mirror'],
    ['safe-install watch findings --state new', 'what nobody has looked at'],
    ['safe-install watch mark 12 confirmed --note "sends the environment away"', 'decide'],
    ['safe-install watch export osv --output osv/', 'for the database of malicious packages'],
  ],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const [first, ...rest] = argv;
  const subcommand =
    first !== undefined && Object.hasOwn(SUBCOMMANDS, first) ? SUBCOMMANDS[first] : undefined;
  if (subcommand !== undefined) return subcommand(rest);

  const parsed = await parseArguments(argv, HELP, (parser) =>
    parser
      .option('from', { type: 'string', requiresArg: true, describe: 'Replay a recorded feed' })
      .option('feed', { type: 'string', requiresArg: true, describe: "Address of a mirror's feed" })
      .option('registry', {
        type: 'string',
        requiresArg: true,
        describe: "Address of a mirror: npm's, or with pypi alone its simple index",
      })
      .option('index', {
        type: 'string',
        requiresArg: true,
        describe: "Address of a mirror's simple index (PyPI)",
      })
      .option('since', {
        type: 'string',
        requiresArg: true,
        describe: 'Begin at this position (default: where it stopped, at first now)',
      })
      .option('published-after', {
        type: 'string',
        requiresArg: true,
        describe: 'With --since: releases from this date on are new',
      })
      .option('once', {
        type: 'boolean',
        default: false,
        describe: 'End when the feed has nothing more and all is judged',
      })
      .option('rescan', {
        type: 'boolean',
        default: false,
        describe: 'Queue everything that has no result of this model',
      })
      .option('retry', { type: 'boolean', default: false, describe: 'Queue again what was set aside' })
      .option('ui', { type: 'boolean', default: false, describe: 'Serve the page for people on 127.0.0.1' })
      .option('port', {
        type: 'string',
        requiresArg: true,
        describe: 'Port of the page (default: a free one)',
      })
      .options(READING_OPTIONS),
  );
  if (parsed === undefined) return done;
  const registries = parsed._.map((word) => {
    if ((ECOSYSTEMS as readonly string[]).includes(word)) return word as Ecosystem;
    throw usage(`watch does not know '${word}': see safe-install watch --help`);
  });
  const { from, since, ui } = parsed;
  if (from !== undefined && registries.length > 0)
    throw usage('watch takes a registry or --from FILE, not both');
  if (from === undefined && registries.length === 0 && !parsed.rescan && !parsed.retry && !ui)
    throw usage('watch needs npm, pypi or --from FILE: see safe-install watch --help');
  if ((parsed.feed !== undefined || since !== undefined) && new Set(registries).size > 1)
    throw usage('--feed and --since are for one registry at a time');
  const { rate, threads, timing } = readingNumbers(parsed);
  const port = number(parsed.port ?? '0', '--port', 0, 65_535);
  const after = parsed['published-after'] === undefined ? undefined : Date.parse(parsed['published-after']);
  if (Number.isNaN(after)) throw usage('--published-after needs a date, as 2026-01-31');
  if (after !== undefined && since === undefined) throw usage('--published-after goes with --since');
  // npm's feed names packages without versions: without a date nothing would tell the new ones from the rest.
  if (since !== undefined && after === undefined && registries.includes('npm'))
    throw usage('--since of npm needs --published-after, from when on a release is new');

  const client = new Client({ rate });
  const onlyPypi = registries.length > 0 && registries.every((ecosystem) => ecosystem === 'pypi');
  const places = {
    npm: withSlash(parsed.registry ?? NPM_REGISTRY, '--registry'),
    pypi: withSlash(parsed.index ?? (onlyPypi ? parsed.registry : undefined) ?? PYPI_INDEX, '--index'),
  };
  const feeds: Feed[] =
    from !== undefined
      ? [recordedFeed(from, places)]
      : [...new Set(registries)].map((ecosystem) =>
          ecosystem === 'npm'
            ? npmFeed(client, withSlash(parsed.feed ?? NPM_FEED, '--feed'), places.npm)
            : pypiFeed(client, checkedAddress(parsed.feed ?? PYPI_FEED, '--feed'), places.pypi),
        );
  const shared = queueAddress(parsed.queue) !== undefined;
  const tool = await describeTool();
  const log = createLog(parsed.format);
  const queue = queueOf(parsed.queue, parsed.store, log);
  const store = await openStore(parsed.store, log);
  const closing: (() => Promise<void>)[] = [() => store.close()];
  try {
    if (since !== undefined) {
      for (const feed of feeds) {
        await store.startFeed(feed.id, since, feed.finite ? undefined : after, true);
      }
    }
    if (parsed.rescan)
      said(
        log,
        'rescan',
        await store.rescan(tool.model, TAXONOMY_VERSION, Date.now()),
        `queued for model ${tool.model}`,
      );
    if (parsed.retry)
      said(log, 'retry', await store.retryAside(Date.now()), 'that were set aside queued again');
    if (parsed.metrics !== undefined)
      closing.unshift((await serveMetrics(parsed.metrics, store, client, log)).close);
    if (ui) {
      const server = await serveUi(store, port);
      closing.unshift(server.close);
      log('ui', 'info', `open ${server.address}`, { address: server.address });
    }
    await untilEnded(async (signal) => {
      // A page alone has nothing to read: neither model nor threads are needed.
      if (feeds.length === 0 && !parsed.rescan && !parsed.retry) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return;
      }
      // With a queue of their own, workers read.
      const scanner = shared ? undefined : await createScanner({ sequences: true, forget: true, threads });
      // Reading takes minutes at worst: it is cut off and done again another time.
      signal.addEventListener('abort', () => void scanner?.close(), { once: true });
      try {
        await watch({
          ...{ store, queue, feeds, client, scanner, log, signal },
          ...{ model: tool.model, taxonomy: TAXONOMY_VERSION },
          once: parsed.once,
          timing,
        });
      } finally {
        await scanner?.close();
      }
      if (ui && !signal.aborted && !parsed.once)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    });
    await sayEnd(store, log);
    return done;
  } finally {
    client.close();
    for (const close of closing) await close();
  }
}

function said(log: Log, event: string, jobs: number, words: string): void {
  log(event, 'info', `${jobs} jobs ${words}`, { jobs });
}

function checkedAddress(address: string, option: string): string {
  const known = URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
  if (!known) throw usage(`${option} needs an http or https address`);
  return address;
}

const withSlash = (address: string, option: string): string =>
  checkedAddress(address, option).endsWith('/') ? address : `${address}/`;
