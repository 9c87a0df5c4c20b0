/**
 * PyPI's changelog by serial (XML-RPC). While it does not answer, the RSS feed of new releases is read so that findings
 * are not late; the serial stays, so that nothing is missed once the changelog answers again.
 */
import { normalizeName } from '../pip/requirement.js';
import { type Client, Failure, type Reply } from './client.js';
import { type Feed, FLOOR_MARGIN_MS, type Page, packageEntry } from './feed.js';
import type { Entry } from './store.js';
import { parseRpc, rssLinks } from './xml.js';

export const PYPI_FEED = 'https://pypi.org/pypi';
export const PYPI_INDEX = 'https://pypi.org/simple/';

/** PyPI answers with up to 50,000 events; fewer than this is all there is, and asking at once again would be no use. */
const FULL_PAGE = 1000;
const MOST_TAKEN = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** `address` of the XML-RPC endpoint, with `rss/updates.xml` beside it; `index` as pip is given it, ending in a slash. */
export function pypiFeed(client: Client, address: string, index: string): Feed {
  const call = async (
    method: string,
    argument?: number,
  ): Promise<{ value: unknown; date: number | undefined }> => {
    const params =
      argument === undefined ? '' : `<param><value><int>${Math.trunc(argument)}</int></value></param>`;
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
    const reply = await client.get(address, {
      maxBytes: MAX_BYTES,
      accept: 'text/xml',
      post: { type: 'text/xml', body },
    });
    try {
      return { value: parseRpc(reply.body!.toString('utf8')), date: reply.date };
    } catch (error) {
      throw new Failure('passing', `the changelog cannot be read: ${(error as Error).message}`);
    }
  };
  let etag: string | undefined;
  /** Links taken from the RSS feed, which lists the same ones for a while. */
  const taken = new Set<string>();
  const fromRss = async (floor: number | undefined): Promise<Entry[]> => {
    const reply: Reply = await client.get(new URL('rss/updates.xml', address).href, {
      maxBytes: MAX_BYTES,
      accept: 'application/rss+xml',
      etag,
    });
    etag = reply.etag;
    const links = reply.body === undefined ? [] : rssLinks(reply.body.toString('utf8'));
    const fresh = links.filter((link) => !taken.has(link));
    if (taken.size > MOST_TAKEN) taken.clear();
    for (const link of links) taken.add(link);
    const named = fresh.flatMap((link) => {
      const [, name, version] = /\/project\/([^/]+)\/([^/]+)\/?$/.exec(link) ?? [];
      return name === undefined || version === undefined
        ? []
        : [{ name: plain(name), version: plain(version) }];
    });
    return named.map(({ name, version }) => packageEntry('pypi', normalizeName(name), version, index, floor));
  };
  return {
    id: `pypi ${address}`,
    pollMs: 15_000,
    finite: false,
    begin: async () => {
      const { value, date } = await call('changelog_last_serial');
      if (typeof value !== 'number')
        throw new Failure('passing', 'the changelog does not say where it stands');
      return { position: String(value), floor: (date ?? Date.now()) - FLOOR_MARGIN_MS };
    },
    read: async (position, floor): Promise<Page> => {
      let value: unknown;
      try {
        ({ value } = await call('changelog_since_serial', Number(position)));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const entries = await fromRss(floor).catch(() => {
          throw error;
        });
        const notice = `the changelog does not answer (${error.message}); the RSS feed is read meanwhile`;
        return { entries, position, caughtUp: true, notice };
      }
      const events = checked(value);
      const releases = new Map<string, Entry>();
      for (const [name, version, , action] of events) {
        if (version === null || !/^(?:new release|add \S+ file )/.test(action)) continue;
        const entry = packageEntry('pypi', normalizeName(name), version, index, floor);
        releases.set(JSON.stringify([entry.name, version]), entry);
      }
      const last = events.reduce((most, [, , , , serial]) => Math.max(most, serial), Number(position));
      return { entries: [...releases.values()], position: String(last), caughtUp: events.length < FULL_PAGE };
    },
  };
}

type Event = readonly [name: string, version: string | null, time: number, action: string, serial: number];

function checked(value: unknown): readonly Event[] {
  const sound =
    Array.isArray(value) &&
    value.every(
      (event: unknown) =>
        Array.isArray(event) &&
        typeof event[0] === 'string' &&
        (event[1] === null || typeof event[1] === 'string') &&
        typeof event[3] === 'string' &&
        Number.isSafeInteger(event[4]),
    );
  if (!sound) throw new Failure('passing', 'the changelog is not in the form of changelog_since_serial');
  return value as readonly Event[];
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
