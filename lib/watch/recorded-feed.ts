/**
 * A feed recorded in a file, a JSON line a release: `{"ecosystem":"npm","name":"left-pad","version":"1.3.0"}`. With
 * `filename`, `url` and perhaps `integrity` and `published` it names one artifact; without, all of the release.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { EXIT, KnownError } from '../errors.js';
import { normalizeName } from '../pip/requirement.js';
import type { Ecosystem } from '../types.js';
import { type Feed, packageEntry } from './feed.js';
import type { Entry } from './store.js';

/** Read at a time; a line must fit in. */
const CHUNK = 1024 * 1024;

/** Throws `KnownError` (exit 2) when there is no such file. `registries` is where releases without an address are. */
export function recordedFeed(file: string, registries: Readonly<Record<Ecosystem, string>>): Feed {
  let path: string;
  try {
    path = realpathSync(file);
  } catch (cause) {
    throw new KnownError(
      'no-feed',
      `cannot read ${file}: ${(cause as Error).message}; check --from`,
      EXIT.usage,
      {
        cause,
      },
    );
  }
  return {
    id: `file ${path}`,
    pollMs: 1000,
    finite: true,
    begin: async () => ({ position: '0', floor: undefined }),
    read: async (position) => {
      const from = Number(position);
      const { bytes, size } = chunk(path, from);
      if (size < from)
        throw new KnownError(
          'no-feed',
          `${file} is shorter than what was read of it: give --since 0 if it is another one`,
          EXIT.usage,
        );
      const end = from + bytes.length === size ? bytes.length : bytes.lastIndexOf(10) + 1;
      if (end === 0 && bytes.length > 0)
        throw new KnownError(
          'no-feed',
          `${file} has a line of more than ${CHUNK} bytes: a release is one short line`,
          EXIT.usage,
        );
      const entries: Entry[] = [];
      let unread = 0;
      for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        const entry = entryOf(line, registries);
        if (entry === undefined) unread++;
        else entries.push(entry);
      }
      const caughtUp = from + end >= size;
      const notice =
        unread === 0 ? {} : { notice: `${unread} lines before byte ${from + end} name no release` };
      return { entries, position: String(from + end), caughtUp, ...notice };
    },
  };
}

function chunk(path: string, from: number): { bytes: Buffer; size: number } {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    const bytes = Buffer.alloc(Math.max(0, Math.min(CHUNK, size - from)));
    const read = bytes.length === 0 ? 0 : readSync(handle, bytes, 0, bytes.length, from);
    return { bytes: bytes.subarray(0, read), size };
  } finally {
    closeSync(handle);
  }
}

function entryOf(line: string, registries: Readonly<Record<Ecosystem, string>>): Entry | undefined {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(line) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  const text = (key: string): string => (typeof value?.[key] === 'string' ? (value[key] as string) : '');
  const ecosystem = text('ecosystem');
  if ((ecosystem !== 'npm' && ecosystem !== 'pypi') || text('name') === '' || text('version') === '')
    return undefined;
  const name = ecosystem === 'pypi' ? normalizeName(text('name')) : text('name');
  const url = text('url');
  if (url === '') return packageEntry(ecosystem, name, text('version'), registries[ecosystem], undefined);
  const published = Date.parse(text('published'));
  const last = URL.canParse(url) ? (new URL(url).pathname.split('/').pop() ?? '') : '';
  return {
    kind: 'artifact',
    ecosystem,
    name,
    version: text('version'),
    filename: text('filename') || last,
    url,
    promised: text('integrity'),
    published: Number.isNaN(published) ? undefined : published,
  };
}
