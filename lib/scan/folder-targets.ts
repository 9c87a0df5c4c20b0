/** Targets on disk: archives, unpacked packages, projects with `node_modules`. Read, never followed outside. */
import { lstat, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { guessEcosystem } from '../artifact/guess.js';
import { LIMITS } from '../artifact/limits.js';
import type { ArtifactFile, Ecosystem, ScanInput } from '../types.js';
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

/** A project with `node_modules`: every package in it. Any other folder: one unpacked package. */
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
  const modules = basename(root) === 'node_modules' ? root : join(root, 'node_modules');
  if (await isFolder(modules)) {
    yield* installedPackages(target, modules);
    return;
  }
  const names = new Set(await readdir(root));
  const python = ['setup.py', 'pyproject.toml', 'PKG-INFO', 'setup.cfg'].some((name) => names.has(name));
  const wheel = [...names].some((name) => name.endsWith('.dist-info'));
  const ecosystem: Ecosystem =
    options.ecosystem ?? (names.has('package.json') ? 'npm' : python || wheel ? 'pypi' : 'npm');
  yield folderItem(target, root, ecosystem, await nameOf(root));
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
): TargetItem {
  return item({ target, ecosystem, ...known }, async (): Promise<ScanInput> => {
    const files = await readFolder(root, target);
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

/**
 * All regular files below a folder, without `node_modules` (packages of their own) and `.git`. A link to a file
 * inside is read as that file; one that leads outside makes the package `ambiguous`.
 */
async function readFolder(root: string, target: string): Promise<ArtifactFile[]> {
  const files: ArtifactFile[] = [];
  let total = 0;
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    if (depth > LIMITS.depth)
      throw new Unavailable('too-large', { limit: 'depth', max: LIMITS.depth, target });
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const name = prefix + entry.name;
      if (entry.isDirectory()) {
        if (entry.name === 'node_modules' || entry.name === '.git') continue;
        await walk(path, `${name}/`, depth + 1);
        continue;
      }
      let real = path;
      if (entry.isSymbolicLink()) {
        real = await realpath(path).catch(() => '');
        if (real === '') continue; // dangling: there is nothing to run
        if (!real.startsWith(root + sep))
          throw new Unavailable('ambiguous', { why: 'link-outside', file: name, target });
        if ((await lstat(real)).isDirectory()) continue; // its files are read where they stand
      } else if (!entry.isFile()) continue;
      const { size, mode } = await stat(real);
      total += Math.min(size, LIMITS.wholeFileBytes);
      if (total > LIMITS.unpackedBytes) {
        throw new Unavailable('too-large', { limit: 'unpacked', max: LIMITS.unpackedBytes, target });
      }
      if (files.length >= LIMITS.entries)
        throw new Unavailable('too-large', { limit: 'entries', max: LIMITS.entries, target });
      files.push({ path: name, bytes: await readHead(real, size), executable: (mode & 0o111) !== 0 });
    }
  };
  await walk(root, '', 0);
  return files;
}

/** The whole file, or the head of one too large to be code. */
async function readHead(path: string, size: number): Promise<Uint8Array> {
  if (size <= LIMITS.wholeFileBytes) return readFile(path);
  const file = await open(path);
  try {
    const head = Buffer.alloc(LIMITS.headBytes);
    await file.read(head, 0, head.length, 0);
    return head;
  } finally {
    await file.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
