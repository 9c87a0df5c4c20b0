/**
 * Bytes of tarballs that were read, kept on disk rather than in memory: in the user's npm cache, where npm puts what it
 * fetches, and in a folder of this run where that cache does not hold them. Both are only storage: what comes out is
 * hashed again, and is handed out only if it is what was read.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { CacacheLike } from './libraries.js';

/** Where a content cache of npm keeps bytes, by hash. */
const CONTENT = path.join('content-v2', 'sha512');

export class Tarballs {
  private folder: string | undefined;
  private readonly spooled = new Set<string>();
  private closed = false;

  /** @param cache folder of npm's content cache */
  constructor(
    private readonly cacache: CacacheLike,
    private readonly cache: string,
  ) {}

  /** Whether the tarball with that SHA-512 SRI can be read without a network. */
  async has(integrity: string): Promise<boolean> {
    if (this.spooled.has(integrity)) return true;
    return this.cacache.get.hasContent(this.cache, integrity).then(Boolean, () => false);
  }

  /** Makes sure that `get` will find these bytes. `integrity`: their SHA-512 SRI. Throws when the disk does. */
  async keep(integrity: string, bytes: Uint8Array): Promise<void> {
    // What still arrives when the command is over is for nobody.
    if ((await this.has(integrity)) || this.closed) return;
    this.folder ??= mkdtempSync(path.join(os.tmpdir(), 'safe-install-tarballs-'));
    await writeFile(this.place(integrity), bytes, { mode: 0o600 });
    this.spooled.add(integrity);
  }

  /** Undefined when they are gone or are not those bytes any more. */
  async get(integrity: string): Promise<Buffer | undefined> {
    const bytes = await this.stored(integrity).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    return found === integrity ? bytes : undefined;
  }

  /**
   * Links what lies here into another content cache, so that npm reads it from there as it reads its own, hash and all.
   * What cannot be linked npm has to ask for. `integrities`: SHA-512 SRIs.
   */
  lend(integrities: Iterable<string>, cache: string): void {
    for (const integrity of integrities) {
      const digest = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
      const place = path.join(CONTENT, digest.slice(0, 2), digest.slice(2, 4), digest.slice(4));
      const from = this.spooled.has(integrity) ? this.place(integrity) : path.join(this.cache, place);
      if (!existsSync(from)) continue;
      const to = path.join(cache, place);
      try {
        mkdirSync(path.dirname(to), { recursive: true });
        symlinkSync(path.resolve(from), to);
      } catch {
        return;
      }
    }
  }

  close(): void {
    this.closed = true;
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
    this.folder = undefined;
    this.spooled.clear();
  }

  private stored(integrity: string): Promise<Buffer> {
    if (this.spooled.has(integrity)) return readFile(this.place(integrity));
    // Its own memory of what it has read would grow with the tree.
    return this.cacache.get.byDigest(this.cache, integrity, { memoize: false });
  }

  private place(integrity: string): string {
    return path.join(this.folder!, createHash('sha256').update(integrity).digest('hex'));
  }
}
