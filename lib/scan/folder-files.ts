/** Files of an unpacked package, read under the limits of an archive and never followed outside. */
import { lstat, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { LIMITS } from '../artifact/limits.js';
import type { ArtifactFile } from '../types.js';
import { Unavailable } from './targets.js';

/**
 * All regular files below a folder, without `node_modules` (packages of their own), `.git` and the entries `except` right
 * in it. A link to a file inside is read as that file; one that leads outside makes the package `ambiguous`.
 */
export async function readFolder(
  root: string,
  target: string,
  except: ReadonlySet<string> = new Set(),
): Promise<ArtifactFile[]> {
  const reader = new Reader(root, target);
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    if (depth > LIMITS.depth)
      throw new Unavailable('too-large', { limit: 'depth', max: LIMITS.depth, target });
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const name = prefix + entry.name;
      if (entry.isDirectory()) {
        if (entry.name === 'node_modules' || entry.name === '.git' || except.has(name)) continue;
        await walk(path, `${name}/`, depth + 1);
      } else await reader.add(name, path);
    }
  };
  await walk(root, '', 0);
  return reader.files;
}

/** The files of a list, path in the package → path below `base`; what is not there any more is left out. */
export async function folderFiles(
  root: string,
  base: string,
  paths: ReadonlyMap<string, string>,
  target: string,
): Promise<ArtifactFile[]> {
  const reader = new Reader(root, target);
  for (const [name, path] of paths) await reader.add(name, join(base, path));
  return reader.files;
}

class Reader {
  readonly files: ArtifactFile[] = [];
  #total = 0;

  constructor(
    private readonly root: string,
    private readonly target: string,
  ) {}

  async add(name: string, path: string): Promise<void> {
    const { target } = this;
    const found = await lstat(path).catch(() => undefined);
    let real = path;
    if (found?.isSymbolicLink()) {
      real = await realpath(path).catch(() => '');
      if (real === '') return; // dangling: there is nothing to run
      if (!real.startsWith(this.root + sep))
        throw new Unavailable('ambiguous', { why: 'link-outside', file: name, target });
      if ((await lstat(real)).isDirectory()) return; // its files are read where they stand
    } else if (!found?.isFile()) return;
    const { size, mode } = await stat(real);
    this.#total += Math.min(size, LIMITS.wholeFileBytes);
    if (this.#total > LIMITS.unpackedBytes) {
      throw new Unavailable('too-large', { limit: 'unpacked', max: LIMITS.unpackedBytes, target });
    }
    if (this.files.length >= LIMITS.entries)
      throw new Unavailable('too-large', { limit: 'entries', max: LIMITS.entries, target });
    this.files.push({ path: name, bytes: await readHead(real, size), executable: (mode & 0o111) !== 0 });
  }
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

export async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
