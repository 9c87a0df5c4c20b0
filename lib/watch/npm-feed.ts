/** npm's replication feed: `_changes` names packages in which something changed, in the order of a sequence number. */
import { type Client, Failure } from './client.js';
import { type Feed, FLOOR_MARGIN_MS, type Page, packageEntry } from './feed.js';

export const NPM_FEED = 'https://replicate.npmjs.com/registry/';
export const NPM_REGISTRY = 'https://registry.npmjs.org/';

const PER_PAGE = 1000;
const MAX_BYTES = 64 * 1024 * 1024;

interface Changes {
  readonly results: readonly { readonly id: string; readonly deleted?: boolean }[];
  readonly last_seq: number | string;
  readonly pending?: number;
}

/** `address` as of a CouchDB database, `registry` where packuments and tarballs are; both end in a slash. */
export function npmFeed(client: Client, address: string, registry: string): Feed {
  const ask = async (path: string): Promise<{ body: unknown; date: number | undefined }> => {
    const reply = await client.get(new URL(path, address).href, {
      maxBytes: MAX_BYTES,
      accept: 'application/json',
    });
    try {
      return { body: JSON.parse(reply.body!.toString('utf8')), date: reply.date };
    } catch {
      throw new Failure('passing', 'the feed is not JSON');
    }
  };
  return {
    id: `npm ${address}`,
    pollMs: 5000,
    finite: false,
    begin: async () => {
      const { body, date } = await ask('');
      const position = (body as { update_seq?: unknown } | null)?.update_seq;
      if (typeof position !== 'number' && typeof position !== 'string')
        throw new Failure('passing', 'the feed does not say where it stands: give --since');
      return { position: String(position), floor: (date ?? Date.now()) - FLOOR_MARGIN_MS };
    },
    read: async (since, floor) => {
      const query = `_changes?since=${encodeURIComponent(since)}&limit=${PER_PAGE}`;
      const changes = checked((await ask(query)).body);
      const names = new Set(
        changes.results
          .filter(({ id, deleted }) => deleted !== true && !id.startsWith('_design/'))
          .map(({ id }) => id),
      );
      const position = String(changes.last_seq);
      const page: Page = {
        entries: [...names].map((name) => packageEntry('npm', name, '', registry, floor)),
        position,
        caughtUp: changes.results.length < PER_PAGE,
        ...(changes.pending !== undefined && { behind: changes.pending }),
      };
      // Some feeds have sequences that are no numbers; those cannot be compared.
      if (!(Number(position) < Number(since))) return page;
      return {
        ...page,
        notice: `the feed was numbered anew (${since}, now ${position}): releases of the time between may be missing`,
      };
    },
  };
}

function checked(body: unknown): Changes {
  const { results, last_seq: last, pending } = (body ?? {}) as Partial<Changes>;
  const sound =
    Array.isArray(results) &&
    (typeof last === 'number' || typeof last === 'string') &&
    results.every((row: unknown) => typeof (row as { id?: unknown } | null)?.id === 'string');
  if (!sound) throw new Failure('passing', 'the feed is not in the form of _changes');
  return { results, last_seq: last, ...(typeof pending === 'number' && { pending }) };
}
