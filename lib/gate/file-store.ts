/**
 * Archives the gate has fetched, by SHA-256, so that a warm run fetches nothing twice. Holds bytes, never verdicts:
 * what comes out is hashed and judged again. Losing it costs time only, so no failure here ends an install.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

export class FileStore {
  private added = 0;

  constructor(
    private readonly folder: string,
    /** Bytes kept; the files used least lately go first. */
    private readonly maxBytes: number = 2 * 1024 * 1024 * 1024,
  ) {}

  /** The file with that hash (hex), or undefined. */
  async get(sha256: string): Promise<Buffer | undefined> {
    const file = this.place(sha256);
    if (file === undefined) return undefined;
    try {
      const bytes = await readFile(file);
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
        await rm(file, { force: true });
        return undefined;
      }
      const now = new Date();
      await utimes(file, now, now).catch(() => undefined);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** Hashes of all files there are. */
  async hashes(): Promise<ReadonlySet<string>> {
    try {
      const names = await readdir(this.folder, { recursive: true });
      return new Set(names.map((name) => basename(name)));
    } catch {
      return new Set();
    }
  }

  /** Whether a file of that size is kept at all: one must not push out all others. */
  takes(bytes: number): boolean {
    return bytes <= this.maxBytes / 4;
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    const file = this.place(sha256);
    if (file === undefined || !this.takes(bytes.length)) return;
    const partial = `${file}.${randomBytes(6).toString('hex')}.part`;
    try {
      await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
      await writeFile(partial, bytes, { mode: 0o600, flag: 'wx' });
      await rename(partial, file);
      this.added += bytes.length;
    } catch {
      await rm(partial, { force: true }).catch(() => undefined);
    }
  }

  /** Removes what is over the bound; called once at the end of a run, and only does work when something was added. */
  async prune(): Promise<void> {
    if (this.added === 0) return;
    try {
      const files = await this.list();
      let total = files.reduce((sum, file) => sum + file.size, 0);
      for (const file of files.sort((a, b) => a.used - b.used)) {
        if (total <= this.maxBytes) return;
        await rm(file.path, { force: true });
        total -= file.size;
      }
    } catch {
      // A folder another run is pruning; the next run tries again.
    }
  }

  private async list(): Promise<{ path: string; size: number; used: number }[]> {
    const names = await readdir(this.folder, { recursive: true });
    const files: { path: string; size: number; used: number }[] = [];
    for (const name of names) {
      const path = join(this.folder, name);
      const info = await stat(path).catch(() => undefined);
      if (info?.isFile()) files.push({ path, size: info.size, used: info.mtimeMs });
    }
    return files;
  }

  private place(sha256: string): string | undefined {
    return /^[0-9a-f]{64}$/.test(sha256) ? join(this.folder, sha256.slice(0, 2), sha256) : undefined;
  }
}
