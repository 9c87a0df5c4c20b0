/**
 * Collects the files of one archive the way a disk would: checks paths and limits, decides what a second
 * entry of the same path means, and notices names that are one file on some disks and two on others.
 */
import type { ArtifactFile, Finding } from '../types.js';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

/** What a second entry of the same path with other bytes means to the installer. */
export type DuplicateRule = 'last-wins' | 'ambiguous';

const CODE_SUFFIX =
  /\.(?:[cm]?[jt]sx?|json|py[wi3]?|pth|sh|bash|zsh|ps1|bat|cmd|vbs|gypi?|node|so|pyd|dll)$/i;

export class Layout {
  readonly #files = new Map<string, ArtifactFile>();
  /** Folders that exist because a file stands below them. */
  readonly #folders = new Set<string>();
  readonly findings: Finding[] = [];
  #bytes = 0;
  #entries = 0;

  constructor(
    readonly duplicates: DuplicateRule,
    readonly archiveBytes: number,
  ) {}

  /**
   * Adds a regular file. `path` is already what the installer makes of the entry's name, except that
   * `.` and empty segments may remain. Throws Unreadable on anything an honest packer does not write.
   */
  add(path: string, bytes: Uint8Array, executable: boolean, size = bytes.length): void {
    const clean = cleanPath(path);
    if (++this.#entries > LIMITS.entries) {
      throw new Unreadable('too-large', { limit: 'entries', max: LIMITS.entries });
    }
    this.count(size);
    const before = this.#files.get(clean);
    if (before !== undefined && this.duplicates === 'ambiguous' && !sameBytes(before.bytes, bytes)) {
      throw new Unreadable('ambiguous', { why: 'duplicate-entry', file: clean });
    }
    if (before === undefined) this.#claim(clean);
    this.#files.set(clean, { path: clean, bytes, executable });
  }

  get(path: string): ArtifactFile | undefined {
    return this.#files.get(path);
  }

  paths(): IterableIterator<string> {
    return this.#files.keys();
  }

  /** Counts unpacked bytes against the limits; also for entries that are not kept whole. */
  count(size: number): void {
    this.#bytes += size;
    if (this.#bytes > LIMITS.unpackedBytes) {
      throw new Unreadable('too-large', { limit: 'unpacked', max: LIMITS.unpackedBytes });
    }
    if (this.#bytes > LIMITS.ratioFloorBytes && this.#bytes > this.archiveBytes * LIMITS.ratio) {
      throw new Unreadable('too-large', { limit: 'ratio', max: LIMITS.ratio });
    }
  }

  /** Files sorted by path (code unit order, the same on every machine). */
  finish(): Map<string, ArtifactFile> {
    const sorted = [...this.#files.keys()].sort();
    const twins = new Map<string, string>();
    for (const path of sorted) {
      const key = path.normalize('NFKC').toLowerCase();
      const other = twins.get(key);
      if (other === undefined) twins.set(key, path);
      else if (!sameBytes(this.#files.get(other)!.bytes, this.#files.get(path)!.bytes)) {
        if (CODE_SUFFIX.test(path) || !/\.[^/]+$/.test(path)) {
          this.findings.push({
            code: 'name-collision',
            phase: 'install',
            file: path,
            line: 1,
            args: { other },
          });
        }
      }
    }
    return new Map(sorted.map((path) => [path, this.#files.get(path)!]));
  }

  #claim(path: string): void {
    if (this.#folders.has(path)) throw new Unreadable('ambiguous', { why: 'file-and-folder', file: path });
    let end = path.lastIndexOf('/');
    while (end > 0) {
      const folder = path.slice(0, end);
      if (this.#folders.has(folder)) break;
      if (this.#files.has(folder)) {
        throw new Unreadable('ambiguous', { why: 'file-and-folder', file: folder });
      }
      this.#folders.add(folder);
      end = folder.lastIndexOf('/');
    }
  }
}

/** Removes `.` and empty segments; throws on `..`, drive letters, NUL, backslashes and over-long names. */
export function cleanPath(path: string): string {
  if (path.length > LIMITS.pathBytes) throw tooLong(path);
  if (path.includes('\0')) throw new Unreadable('ambiguous', { why: 'nul-in-path', file: path });
  // A separator on Windows, a letter elsewhere: two different trees.
  if (path.includes('\\')) throw new Unreadable('ambiguous', { why: 'backslash-in-path', file: path });
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') throw new Unreadable('ambiguous', { why: 'path-escapes', file: path });
    if (part.length * 3 > LIMITS.segmentBytes && Buffer.byteLength(part) > LIMITS.segmentBytes) {
      throw tooLong(path);
    }
    parts.push(part);
  }
  if (parts.length === 0) throw new Unreadable('ambiguous', { why: 'empty-path', file: path });
  if (/^[a-zA-Z]:/.test(parts[0]!)) throw new Unreadable('ambiguous', { why: 'drive-letter', file: path });
  if (parts.length > LIMITS.depth) {
    throw new Unreadable('too-large', { limit: 'depth', max: LIMITS.depth, file: path.slice(0, 200) });
  }
  return parts.join('/');
}

function tooLong(path: string): Unreadable {
  return new Unreadable('too-large', {
    limit: 'path',
    max: LIMITS.pathBytes,
    file: `${path.slice(0, 100)}…`,
  });
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
