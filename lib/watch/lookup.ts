/** package → the artifacts that are new in it, from its packument or index page. */
import { readLinks } from '../gate/index-links.js';
import { versionOf } from '../scan/pypi-index.js';
import { type Client, Failure, type Reply } from './client.js';
import type { Entry, Job } from './store.js';

export interface Found {
  readonly artifacts: readonly Entry[];
  /** Of the page, to ask for it only when it has changed. */
  readonly etag: string | undefined;
}

const MAX_BYTES = 256 * 1024 * 1024;
const SIMPLE =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01';

/** Throws `Failure`; `gone` when the registry has neither the package nor the version asked for. */
export async function lookUp(job: Job, client: Client, etag: string | undefined): Promise<Found> {
  const reply = await client.get(addressOf(job), {
    maxBytes: MAX_BYTES,
    accept: job.ecosystem === 'npm' ? 'application/json' : SIMPLE,
    etag,
  });
  if (reply.body === undefined) return { artifacts: [], etag };
  const all = job.ecosystem === 'npm' ? fromPackument(job, reply) : fromIndex(job, reply);
  const artifacts = all.filter((entry) => isNew(entry, job));
  if (job.version !== '' && !all.some((entry) => sameVersion(entry, job)))
    throw new Failure('gone', `the registry has no ${job.name}@${job.version}`);
  return { artifacts, etag: reply.etag };
}

/**
 * The artifact of the same kind published last before this one, where its registry is known; undefined when it is the
 * first. Throws `Failure`.
 */
export async function lookUpEarlier(job: Job, client: Client): Promise<Entry | undefined> {
  const { registry, published } = job;
  if (registry === undefined || published === undefined) return undefined;
  const of: Job = { ...job, kind: 'package', url: registry, version: '', floor: 0 };
  const { artifacts } = await lookUp(of, client, undefined);
  const wheel = (filename: string): boolean => filename.endsWith('.whl');
  return artifacts
    .filter(
      (entry) =>
        entry.published !== undefined &&
        entry.published < published &&
        entry.version !== job.version &&
        wheel(entry.filename) === wheel(job.filename),
    )
    .sort((a, b) => a.published! - b.published!)
    .at(-1);
}

function isNew(entry: Entry, job: Job): boolean {
  if (job.version !== '' && sameVersion(entry, job)) return true;
  // A mirror that gives no dates: the feed's word is all there is.
  if (entry.published === undefined) return job.version === '' && job.floor !== undefined;
  return job.floor !== undefined && entry.published >= job.floor;
}

function sameVersion(entry: Entry, job: Job): boolean {
  if (job.ecosystem === 'npm') return entry.version === job.version;
  return loose(entry.version) === loose(job.version);
}

/** File names write versions in more than one way: `1.0-beta.1`, `1.0.beta1`, `1.0_beta1`. */
const loose = (version: string): string =>
  version
    .toLowerCase()
    .replace(/^v/, '')
    .replace(/alpha/g, 'a')
    .replace(/beta/g, 'b')
    .replace(/preview|pre|c(?=\d)/g, 'rc')
    .replace(/rrc/g, 'rc')
    .replace(/[-_.]+(?=[a-z])|(?<=[a-z])[-_.]+/g, '')
    .replace(/[-_+]/g, '.');

function addressOf({ ecosystem, name, url }: Job): string {
  if (name.length > 300 || /^\.|[\s\p{C}\\]|\/\.|(?<!^@[^/]*)\//u.test(name))
    throw new Failure('final', 'it has a name no registry gives');
  return ecosystem === 'npm'
    ? `${url}${encodeURIComponent(name).replace(/^%40/, '@')}`
    : `${url}${encodeURIComponent(name)}/`;
}

interface Packument {
  readonly versions?: Record<string, { readonly dist?: Record<string, unknown> } | null>;
  readonly time?: Record<string, unknown>;
  readonly 'dist-tags'?: Record<string, unknown>;
}

function fromPackument(job: Job, reply: Reply): Entry[] {
  let packument: Packument | null;
  try {
    packument = JSON.parse(reply.body!.toString('utf8')) as Packument | null;
  } catch {
    throw new Failure('passing', 'the packument is not JSON');
  }
  const { versions, time } = packument ?? {};
  // What is unpublished keeps a packument without versions.
  if (typeof versions !== 'object' || versions === null) throw new Failure('gone', 'it was unpublished');
  const tagged = new Set(Object.values(packument?.['dist-tags'] ?? {}));
  return Object.entries(versions).flatMap(([version, manifest]): Entry[] => {
    const { tarball, integrity, shasum } = manifest?.dist ?? {};
    if (typeof tarball !== 'string') return [];
    const said = time?.[version];
    const dated = typeof said === 'string' ? Date.parse(said) : Number.NaN;
    // Without any dates only what a tag names can be new.
    if (Number.isNaN(dated) && version !== job.version && !tagged.has(version)) return [];
    const promised =
      typeof integrity === 'string'
        ? integrity
        : typeof shasum === 'string' && /^[0-9a-f]{40}$/i.test(shasum)
          ? `sha1-${Buffer.from(shasum, 'hex').toString('base64')}`
          : '';
    const { name } = job;
    return [
      {
        kind: 'artifact',
        ecosystem: 'npm',
        name,
        version,
        filename: `${name.replace('/', '-')}-${version}.tgz`,
        url: tarball,
        promised,
        registry: job.url,
        published: Number.isNaN(dated) ? undefined : dated,
      },
    ];
  });
}

function fromIndex(job: Job, reply: Reply): Entry[] {
  return readLinks(reply.body!, reply.contentType, reply.url).flatMap((link): Entry[] => {
    const filename = fileName(link.url);
    const version = versionOf(filename, job.name);
    if (version === undefined) return [];
    const published = Date.parse(link.published ?? '');
    const promised =
      link.hash === undefined ? '' : `${link.hash[0]}-${Buffer.from(link.hash[1], 'hex').toString('base64')}`;
    return [
      {
        kind: 'artifact',
        ecosystem: 'pypi',
        name: job.name,
        version,
        filename,
        url: link.url,
        promised,
        registry: job.url,
        published: Number.isNaN(published) ? undefined : published,
      },
    ];
  });
}

function fileName(address: string): string {
  const last = new URL(address).pathname.split('/').pop() ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
