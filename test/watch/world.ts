/** A registry, an index and their feeds inside the test process, and a store in a folder of its own. */

import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { integrityOf } from '../../lib/artifact/integrity.js';
import { TAXONOMY_VERSION } from '../../lib/behavior/taxonomy.js';
import type { ScanInput, Verdict } from '../../lib/types.js';
import { Client } from '../../lib/watch/client.js';
import { type Timing, watch } from '../../lib/watch/engine.js';
import type { Feed } from '../../lib/watch/feed.js';
import type { Log } from '../../lib/watch/log.js';
import { npmFeed } from '../../lib/watch/npm-feed.js';
import { pypiFeed } from '../../lib/watch/pypi-feed.js';
import { embeddedQueue } from '../../lib/watch/queue.js';
import { SqliteDatabase } from '../../lib/watch/sqlite.js';
import { WatchStore } from '../../lib/watch/store.js';
import { TestIndex } from '../helpers/index.js';
import { TestRegistry } from '../helpers/registry.js';

export interface Change {
  readonly seq: number;
  readonly id: string;
  readonly deleted?: boolean;
}

export type ChangelogEvent = readonly [name: string, version: string | null, action: string, serial: number];

/** Answers in place of the feed; returning false leaves it to the feed. */
export type FeedFault = (request: http.IncomingMessage, response: http.ServerResponse) => boolean;

/** npm's `_changes`, PyPI's changelog and RSS, on one port. */
export class FeedServer {
  changes: Change[] = [];
  events: ChangelogEvent[] = [];
  rss = '';
  fault: FeedFault | undefined;
  readonly requests: { readonly path: string; readonly headers: http.IncomingHttpHeaders }[] = [];
  readonly #server = http.createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push({ path: `${url.pathname}${url.search}`, headers: request.headers });
    let body = '';
    for await (const chunk of request) body += chunk;
    if (this.fault?.(request, response)) return;
    const send = (type: string, text: string): void => {
      response.writeHead(200, { 'content-type': type }).end(text);
    };
    if (url.pathname === '/_changes') {
      const since = Number(url.searchParams.get('since'));
      const limit = Number(url.searchParams.get('limit'));
      const results = this.changes.filter(({ seq }) => seq > since).slice(0, limit);
      const top = this.changes.reduce((most, { seq }) => Math.max(most, seq), 0);
      const last = results.reduce((most, { seq }) => Math.max(most, seq), Math.min(since, top));
      send('application/json', JSON.stringify({ results, last_seq: last }));
    } else if (url.pathname === '/pypi') {
      const since = Number(/<int>(\d+)<\/int>/.exec(body)?.[1] ?? 0);
      const last = this.events.reduce((most, [, , , serial]) => Math.max(most, serial), 0);
      send(
        'text/xml',
        body.includes('changelog_last_serial')
          ? rpc(`<int>${last}</int>`)
          : rpc(list(this.events.filter(([, , , serial]) => serial > since).map(eventXml))),
      );
    } else if (url.pathname === '/rss/updates.xml') {
      const etag = `"${this.rss.length}"`;
      if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.writeHead(200, { 'content-type': 'application/rss+xml', etag }).end(this.rss);
    } else if (url.pathname === '/') {
      const top = this.changes.reduce((most, { seq }) => Math.max(most, seq), 0);
      send('application/json', JSON.stringify({ db_name: 'registry', update_seq: top }));
    } else response.writeHead(404).end();
  }
}

const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const list = (values: readonly string[]): string =>
  `<array><data>\n${values.map((value) => `<value>${value}</value>`).join('\n')}</data></array>`;
const rpc = (value: string): string =>
  `<?xml version='1.0'?>\n<methodResponse><params><param><value>${value}</value></param></params></methodResponse>`;
const eventXml = ([name, version, action, serial]: ChangelogEvent): string =>
  list([
    `<string>${xml(name)}</string>`,
    version === null ? '<nil/>' : `<string>${xml(version)}</string>`,
    '<int>1700000000</int>',
    `<string>${xml(action)}</string>`,
    `<int>${serial}</int>`,
  ]);

/** Flags what has `evil` in its name; keeps what it was given. */
export class FakeScanner {
  readonly scanned: string[] = [];
  /** Runs before each answer; may wait or throw. */
  before: ((input: ScanInput) => Promise<void> | void) | undefined;
  readonly scan = async (input: ScanInput): Promise<Verdict> => {
    await this.before?.(input);
    this.scanned.push(input.filename);
    const score = input.filename.includes('evil') ? 0.99 : 0.01;
    return {
      ecosystem: input.ecosystem,
      name: input.filename,
      version: '',
      integrity: integrityOf(input),
      verdict: score > 0.9 ? 'block' : 'allow',
      score,
      threshold: 0.9,
      findings: [],
      evidence: [],
      opaqueFiles: 0,
      durationMs: 1,
    };
  };
}

export const FAST: Partial<Timing> = { retryMs: 5, longestRetryMs: 20, tries: 3, lookAgainMs: [] };

/** Of many machines: a worker that is silent for half a second is taken for dead. */
export const MANY: Partial<Timing> = { ...FAST, leaseMs: 2000, passingTries: 30 };

export class World {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-install-watch-')));
  readonly registry = new TestRegistry();
  readonly feeds = new FeedServer();
  readonly scanner = new FakeScanner();
  readonly said: { event: string; words: string }[] = [];
  readonly log: Log = (event, _, words) => void this.said.push({ event, words });
  index!: TestIndex;

  async start(): Promise<this> {
    await Promise.all([this.registry.start(), this.feeds.start()]);
    this.index = await TestIndex.start();
    return this;
  }

  /** Also compares what is counted as it happens with what is there. */
  async stop(): Promise<void> {
    await Promise.all([this.registry.stop(), this.feeds.stop(), this.index.stop()]);
    const database = await SqliteDatabase.open(join(this.folder, 'watch.db'));
    const there = await database.all(
      `SELECT kind || ' ' || state AS what, count(*) AS n FROM jobs GROUP BY 1
       UNION ALL SELECT 'result ' || verdict, count(*) FROM results GROUP BY 1 ORDER BY 1`,
    );
    const counted = await database.all('SELECT what, n FROM tally WHERE n <> 0 ORDER BY 1');
    await database.close();
    assert.deepEqual(counted, there);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async open(): Promise<WatchStore> {
    return new WatchStore(await SqliteDatabase.open(join(this.folder, 'watch.db')));
  }

  npm(client: Client): Feed {
    return npmFeed(client, this.feeds.url, this.registry.url);
  }

  pypi(client: Client): Feed {
    return pypiFeed(client, `${this.feeds.url}pypi`, `${this.index.url}/`);
  }

  /** One process's watch, from start to end. */
  async run(
    feedsOf: (client: Client) => Feed[],
    more: {
      signal?: AbortSignal;
      timing?: Partial<Timing>;
      model?: string;
      once?: boolean;
      prepare?: (store: WatchStore) => Promise<unknown>;
    } = {},
  ): Promise<void> {
    const store = await this.open();
    const client = new Client({ rate: 10_000, env: {}, timeoutMs: 5000 });
    try {
      await more.prepare?.(store);
      await watch({
        ...{
          store,
          queue: embeddedQueue,
          client,
          scanner: this.scanner,
          log: this.log,
          once: more.once ?? true,
          taxonomy: TAXONOMY_VERSION,
        },
        feeds: feedsOf(client),
        model: more.model ?? 'one',
        signal: more.signal ?? new AbortController().signal,
        timing: { ...FAST, ...more.timing },
      });
    } finally {
      client.close();
      await store.close();
    }
  }

  /** What the store holds, for a look. */
  async look<T>(at: (store: WatchStore) => T | Promise<T>): Promise<T> {
    const store = await this.open();
    try {
      return await at(store);
    } finally {
      await store.close();
    }
  }
}
