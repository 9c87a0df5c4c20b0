/** Targets on disk: archives, unpacked packages, projects with `node_modules`. Read, never followed outside. */
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { guessEcosystem } from '../artifact/guess.js';
import { LIMITS } from '../artifact/limits.js';
import type { Ecosystem, ScanInput } from '../types.js';
import { isFolder, readFolder } from './folder-files.js';
import { installedDistributions, isOwnPackage, sitePackagesOf } from './site-packages.js';
import { item, type TargetItem, type TargetOptions, Unavailable } from './targets.js';

export async function archive(target: string, path: string, options: TargetOptions): Promise<TargetItem> {
  const named = /\.whl$/i.test(path) ? 'pypi' : /\.tgz$/i.test(path) ? 'npm' : undefined;
  let ecosystem = options.ecosystem ?? named;
  if (ecosystem === undefined)
    ecosystem = await guessEcosystem(basename(path), await readLimited(target, path));
  const known = ecosystem;
  return item({ target, ecosystem: known, name: '', version: '' }, async () => ({
    ecosystem: known,
    filename: basename(path),
    bytes: await readLimited(target, path),
  }));
}

async function readLimited(target: string, path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > LIMITS.compressedBytes) {
    throw new Unavailable('too-large', { limit: 'compressed', max: LIMITS.compressedBytes, size, target });
  }
  return readFile(path);
}

/**
 * A project with `node_modules` or a virtual environment in it, such an environment or its `site-packages`: every package in
 * it. Any other folder: one unpacked package.
 */
export async function* folder(
  target: string,
  given: string,
  options: TargetOptions,
): AsyncGenerator<TargetItem> {
  const root = await realpath(given);
  if (!(await stat(root)).isDirectory()) {
    yield await archive(target, root, options);
    return;
  }
  const names = new Set(await readdir(root));
  const sites = await sitePackagesOf(root, names);
  for (const site of sites) yield* installedDistributions(target, site);
  const environments = await environmentsIn(root, names);
  for (const { sites: own } of environments)
    for (const site of own) yield* installedDistributions(target, site);
  // All may stand in one folder; none hides another.
  const modules = basename(root) === 'node_modules' ? root : join(root, 'node_modules');
  const hasModules = await isFolder(modules);
  if (hasModules) yield* installedPackages(target, modules);
  if (hasModules || (sites.length > 0 && !isOwnPackage(names))) return;
  const python = ['setup.py', 'pyproject.toml', 'PKG-INFO', 'setup.cfg'].some((name) => names.has(name));
  const wheel = [...names].some((name) => name.endsWith('.dist-info'));
  const ecosystem: Ecosystem =
    options.ecosystem ?? (names.has('package.json') ? 'npm' : python || wheel ? 'pypi' : 'npm');
  // An environment of this machine is read by now; its links lead out to the interpreter.
  const read = environments.filter(({ made }) => made).map(({ name }) => name);
  yield folderItem(target, root, ecosystem, await nameOf(root), new Set(read));
}

interface Environment {
  readonly name: string;
  readonly sites: readonly string[];
  /** Made on this machine: its interpreter is a link, as no archive brings one. */
  readonly made: boolean;
}

/** Virtual environments of a project, under the names that tools give them. */
async function environmentsIn(root: string, names: ReadonlySet<string>): Promise<Environment[]> {
  const found: Environment[] = [];
  for (const name of ['.venv', 'venv'].filter((each) => names.has(each))) {
    const folder = join(root, name);
    if (!(await isFolder(folder))) continue;
    const sites = await sitePackagesOf(folder, new Set(await readdir(folder)));
    const python = await lstat(join(folder, 'bin', 'python')).catch(() => undefined);
    if (sites.length > 0) found.push({ name, sites, made: python?.isSymbolicLink() === true });
  }
  return found;
}

/** Packages in a `node_modules`, in every layout that has them as real folders (npm, pnpm's store). */
async function* installedPackages(target: string, modules: string): AsyncGenerator<TargetItem> {
  const entries = (await readdir(modules, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  for (const entry of entries) {
    // Links lead to the user's own workspaces, or to pnpm's store, which is walked itself.
    if (!entry.isDirectory() || entry.name === '.bin' || entry.name === '.cache') continue;
    const path = join(modules, entry.name);
    if (entry.name.startsWith('@')) {
      yield* installedPackages(target, path);
    } else if (entry.name === '.pnpm') {
      for (const store of (await readdir(path)).sort()) {
        const below = join(path, store, 'node_modules');
        if (await isFolder(below)) yield* installedPackages(target, below);
      }
    } else if (!entry.name.startsWith('.')) {
      yield folderItem(target, path, 'npm', await nameOf(path));
      const nested = join(path, 'node_modules');
      if (await isFolder(nested)) yield* installedPackages(target, nested);
    }
  }
}

function folderItem(
  target: string,
  root: string,
  ecosystem: Ecosystem,
  known: { name: string; version: string },
  except: ReadonlySet<string> = new Set(),
): TargetItem {
  return item({ target, ecosystem, ...known }, async (): Promise<ScanInput> => {
    const files = await readFolder(root, target, except);
    return { ecosystem, filename: basename(root), bytes: new Uint8Array(), files };
  });
}

async function nameOf(root: string): Promise<{ name: string; version: string }> {
  try {
    const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return {
      name: typeof name === 'string' ? name : '',
      version: typeof version === 'string' ? version : '',
    };
  } catch {
    return { name: '', version: '' };
  }
}
