/** `safe-install worker`: reads what the `watch` of another machine has found in the feeds. */
import { TAXONOMY_VERSION } from '../behavior/taxonomy.js';
import { createScanner } from '../scan.js';
import { Client } from '../watch/client.js';
import { watch } from '../watch/engine.js';
import { createLog } from '../watch/log.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, usage } from './exit.js';
import { describeTool } from './services.js';
import {
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
  usage: 'worker --queue redis://… --store postgres://…',
  description: `Looks up, fetches and reads what 'safe-install watch' on any machine has queued, until Ctrl-C or SIGTERM; what is under
way then goes to another worker, and so does what a worker leaves that dies.`,
  examples: [
    [
      'safe-install worker --queue redis://queue:6379 --store postgres://user@db/watch',
      'join from any machine',
    ],
  ],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) => parser.options(READING_OPTIONS));
  if (parsed === undefined) return done;
  noMore(parsed, 'worker');
  const { rate, threads, timing } = readingNumbers(parsed);
  if (queueAddress(parsed.queue) === undefined) throw usage('worker needs --queue redis://…');
  const log = createLog(parsed.format);
  const queue = queueOf(parsed.queue, parsed.store, log);
  const tool = await describeTool();
  const store = await openStore(parsed.store, log);
  const client = new Client({ rate });
  const closing: (() => Promise<void>)[] = [() => store.close()];
  try {
    if (parsed.metrics !== undefined)
      closing.unshift((await serveMetrics(parsed.metrics, store, client, log)).close);
    await untilEnded(async (signal) => {
      const scanner = await createScanner({ sequences: true, forget: true, threads });
      signal.addEventListener('abort', () => void scanner.close(), { once: true });
      log('ready', 'info', `reads with ${threads} threads, model ${tool.model}`, {
        threads,
        model: tool.model,
      });
      try {
        await watch({
          ...{ store, queue, client, scanner, log, signal, model: tool.model, taxonomy: TAXONOMY_VERSION },
          feeds: [],
          once: 'never',
          timing,
        });
      } finally {
        await scanner.close();
      }
    });
    await sayEnd(store, log);
    return done;
  } finally {
    client.close();
    for (const close of closing) await close();
  }
}
