/** `npm:NAME@RANGE` and `package-lock.json`: tarballs through pacote, with the user's npm configuration. */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { firstPublishedIn } from '../gate/first-published.js';
import type { NpmConfig } from '../npm/config.js';
import type { NpmLibraries } from '../npm/libraries.js';
import { nameDates } from '../npm/name-dates.js';
import type { ScanInput } from '../types.js';
import { item, type TargetItem, type TargetOptions, Unavailable } from './targets.js';

type Flat = Record<string, unknown>;
/** A manifest as pacote gives it, with where its tarball is. */
type Manifest = Record<string, unknown> & {
  name: string;
  version: string;
  _resolved?: string;
  _integrity?: string;
};

export async function* npmSpec(target: string, options: TargetOptions): AsyncGenerator<TargetItem> {
  const { default: npa } = await import('npm-package-arg');
  const wanted = target.slice('npm:'.length);
  if (wanted.trim() === '')
    throw new Unavailable('not-fetched', { target, why: 'it names no package', error: 'usage' });
  const spec = npa(wanted, options.cwd);
  if (!spec.registry) {
    throw new Unavailable(
      spec.type === 'git' ? 'git-source' : spec.type === 'remote' ? 'remote-source' : 'local-source',
      { target },
    );
  }
  const pacote = (await import('pacote')).default;
  const flat = { ...(await npmFlat(options)), packumentCache: new Map() };
  const manifest = (await pacote.manifest(spec.raw, {
    ...flat,
    fullMetadata: true,
  } as never)) as unknown as Manifest;
  const { name, version } = manifest;
  yield item({ target, ecosystem: 'npm', name, version }, async () => {
    const input = await fetchTarball(flat, name, version, manifest._resolved, manifest._integrity);
    const packument = (await pacote
      .packument(spec.raw, { ...flat, fullMetadata: true } as never)
      .catch(() => ({}))) as { time?: Record<string, string> };
    const published = packument.time?.[version];
    return {
      ...input,
      registryManifest: manifest,
      ...(published !== undefined && { published }),
      firstPublished: async () => firstPublishedIn(packument),
    };
  });
}

/** Every tarball a lockfile names (version 1 to 3). Links and bundled packages have none of their own. */
export async function* lockfile(
  target: string,
  path: string,
  options: TargetOptions,
): AsyncGenerator<TargetItem> {
  let lock: Record<string, unknown>;
  try {
    lock = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new Unavailable('damaged', { target, why: (error as Error).message });
  }
  const flat = await npmFlat(options);
  const [pacote, npa] = await Promise.all([import('pacote'), import('npm-package-arg')]);
  const libraries = { pacote: pacote.default, npa: npa.default } as unknown as NpmLibraries;
  const nameDate = nameDates(libraries, flat);
  for (const entry of lockEntries(lock)) {
    const { name, version, resolved, integrity } = entry;
    yield item({ target, ecosystem: 'npm', name, version }, async () => {
      if (/^git[+:]|^(?:github|gitlab|bitbucket):/.test(resolved ?? ''))
        throw new Unavailable('git-source', { target, resolved: resolved! });
      if (resolved?.startsWith('file:')) {
        const file = resolve(dirname(path), resolved.slice('file:'.length));
        if (!/\.t(?:ar\.)?gz$/.test(file)) throw new Unavailable('local-source', { target, resolved });
        return {
          ecosystem: 'npm',
          filename: `${name}.tgz`,
          bytes: await readFile(file),
          ...(integrity !== undefined && { expectedIntegrity: integrity }),
        };
      }
      const input = await fetchTarball(flat, name, version, resolved, integrity);
      return { ...input, firstPublished: () => nameDate(name) };
    });
  }
}

interface LockEntry {
  readonly name: string;
  readonly version: string;
  readonly resolved: string | undefined;
  readonly integrity: string | undefined;
}

function* lockEntries(lock: Record<string, unknown>): Generator<LockEntry> {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const seen = new Set<string>();
  const fresh = (entry: LockEntry) => {
    const key = JSON.stringify([entry.name, entry.version, entry.resolved, entry.integrity]);
    return seen.has(key) ? false : seen.add(key) && true;
  };
  if (typeof lock.packages === 'object' && lock.packages !== null) {
    for (const [path, raw] of Object.entries(lock.packages as Record<string, Record<string, unknown>>)) {
      const at = path.lastIndexOf('node_modules/');
      if (at === -1 || typeof raw !== 'object' || raw === null || raw.link === true || raw.inBundle === true)
        continue;
      const entry = {
        name: text(raw.name) ?? path.slice(at + 'node_modules/'.length),
        version: text(raw.version) ?? '',
        resolved: text(raw.resolved),
        integrity: text(raw.integrity),
      };
      if (fresh(entry)) yield entry;
    }
    return;
  }
  const stack = [lock.dependencies];
  while (stack.length > 0) {
    const dependencies = stack.pop();
    if (typeof dependencies !== 'object' || dependencies === null) continue;
    for (const [key, raw] of Object.entries(dependencies as Record<string, Record<string, unknown>>)) {
      if (typeof raw !== 'object' || raw === null) continue;
      stack.push(raw.dependencies);
      if (raw.bundled === true) continue;
      const version = text(raw.version) ?? '';
      const alias = /^npm:((?:@[^/]+\/)?[^@]+)@(.+)$/.exec(version);
      const address = /^(?:git|https?|file|github)[+:]/.test(version) ? version : undefined;
      const entry = {
        name: alias?.[1] ?? key,
        version: alias?.[2] ?? (address === undefined ? version : ''),
        resolved: text(raw.resolved) ?? address,
        integrity: text(raw.integrity),
      };
      if (fresh(entry)) yield entry;
    }
  }
}

/**
 * Through npm's own cache, from the address a lockfile names, as npm installs it: whatever a registry has under that name and version is another
 * package, if somebody wrote another address into the lockfile. Only where a strong hash says what the bytes must be may the registry stand in
 * for another host, and is asked first: a mirror that wrote the lockfile is often out of reach, and that takes minutes to learn.
 * With neither `resolved` nor a version there is nothing to fetch.
 */
async function fetchTarball(
  flat: Flat,
  name: string,
  version: string,
  resolved: string | undefined,
  integrity: string | undefined,
): Promise<ScanInput> {
  const [{ default: pacote }, { effectiveAddress }] = await Promise.all([
    import('pacote'),
    import('../npm/fetch.js'),
  ]);
  if (version === '' && resolved === undefined)
    throw new Unavailable('not-fetched', { target: name, why: 'no version' });
  const address =
    resolved !== undefined && /^https?:/.test(resolved)
      ? effectiveAddress(resolved, { flat: flat as NpmConfig['flat'] })
      : undefined;
  const tarball = (spec: string, at: string | undefined): Promise<Buffer> =>
    pacote.tarball(spec, {
      ...flat,
      allowRemote: 'all',
      _isRoot: true,
      ...(at !== undefined && { resolved: at }),
      ...(integrity !== undefined && { integrity }),
    } as never);
  const byName = () =>
    version === '' ? tarball(resolved!, resolved) : tarball(`${name}@${version}`, undefined);
  const byAddress = () => tarball(`${name}@${address}`, address);
  const bytes = await (address === undefined
    ? byName()
    : version === '' || !STRONG.test(integrity ?? '') || isBelow(address, flat.registry)
      ? byAddress()
      : byName().catch(byAddress));
  return {
    ecosystem: 'npm',
    filename: `${name.replace('/', '-')}-${version}.tgz`,
    bytes,
    ...(integrity !== undefined && { expectedIntegrity: integrity }),
    ...(resolved !== undefined && URL.canParse(resolved) && { registry: new URL(resolved).origin }),
  };
}

const STRONG = /\bsha(?:256|384|512)-/;

/** Whether an address is one of the registry's own. */
const isBelow = (address: string, registry: unknown): boolean =>
  typeof registry === 'string' && address.startsWith(registry);

const configurations = new WeakMap<TargetOptions, Promise<Flat>>();

/** Read once a run. */
function npmFlat(options: TargetOptions): Promise<Flat> {
  const flat = configurations.get(options) ?? readNpmConfig(options);
  configurations.set(options, flat);
  return flat;
}

/** The user's npm configuration of every level, flattened for pacote; git and folders run nothing here. */
async function readNpmConfig(options: TargetOptions): Promise<Flat> {
  const { default: Config } = (await import('@npmcli/config' as string)) as {
    default: new (o: unknown) => { load(): Promise<void>; flat: Flat };
  };
  const { definitions, shorthands, flatten, nerfDarts } = (
    (await import('@npmcli/config/lib/definitions/index.js' as string)) as {
      default: Record<string, unknown>;
    }
  ).default;
  const config = new Config({
    definitions,
    shorthands,
    flatten,
    nerfDarts,
    npmPath: join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm'),
    argv: [process.execPath, 'npm'],
    // load() writes npm_config_* into it.
    env: { ...(options.env ?? process.env) },
    execPath: process.execPath,
    cwd: options.cwd,
    warn: false,
  });
  await config.load();
  return { ...config.flat, ignoreScripts: true, allowGit: 'none', allowDirectory: 'none' };
}
