/**
 * npm tarballs, laid out as pacote 21 does (`pacote/lib/fetcher.js`, `#tarxOptions`): node-tar's own parser,
 * one path component stripped whatever its name, links and folders dropped, the last duplicate wins,
 * `.gitignore` becomes `.npmignore` unless one was seen before. What npm would lay out differently on another
 * system or with another version of node-tar is `ambiguous`.
 */
import { Parser, type ReadEntry } from 'tar';
import { gunzip, magicOf } from './compression.js';
import { Layout } from './layout.js';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

const FILE_TYPES = new Set(['File', 'OldFile', 'ContiguousFile']);

export function readNpmTarball(bytes: Uint8Array): Layout {
  const magic = magicOf(bytes);
  if (magic === 'bzip2' || magic === 'xz' || magic === 'zstd' || magic === 'zip') {
    throw new Unreadable('unsupported-format', { format: magic });
  }
  const tar = magic === 'gzip' ? gunzip(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (tar.length > LIMITS.ratioFloorBytes && tar.length > bytes.length * LIMITS.ratio) {
    throw new Unreadable('too-large', { limit: 'ratio', max: LIMITS.ratio });
  }
  const inner = magicOf(tar);
  // node-tar's parser would unpack a second time what we hand it unpacked; npm would not.
  if (inner === 'gzip' || inner === 'zstd') throw new Unreadable('damaged', { why: 'not-a-tar' });

  checkPaxSizes(tar);

  const layout = new Layout('last-wins', bytes.length);
  const ignores = new Set<string>();
  let failure: Unreadable | undefined;
  let dropped = 0;
  const parser = new Parser({ maxMetaEntrySize: 1024 * 1024, filter: () => failure === undefined });
  const fail = (code: 'damaged' | 'ambiguous', why: string, file = '') => {
    failure ??= new Unreadable(code, file === '' ? { why } : { why, file });
  };
  parser.on('error', (error: Error) => fail('damaged', error.message));
  parser.on('warn', (code: string, message: string | Error) => {
    const text = String(message);
    // Comes last, after the warnings about each block that is no header.
    if (/^Unrecognized archive/.test(text)) failure = new Unreadable('damaged', { why: 'not-a-tar' });
    else if (code === 'TAR_BAD_ARCHIVE' || code === 'TAR_ABORT') {
      fail('damaged', text.startsWith('Truncated') ? 'truncated' : text);
    }
    // node-tar goes on at the next block; where that is differs between readers.
    else if (code === 'TAR_ENTRY_INVALID') fail('ambiguous', `tar header: ${text}`);
  });
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    if (entry.meta) fail('ambiguous', 'tar extended header too large', entry.path);
  });
  parser.on('entry', (entry: ReadEntry) => {
    if (++dropped > LIMITS.entries * 2)
      failure ??= new Unreadable('too-large', { limit: 'entries', max: LIMITS.entries });
    if (failure !== undefined || !FILE_TYPES.has(entry.type)) return void entry.resume();
    // A path for all files is read by some and not by others.
    if (entry.globalExtended?.path !== undefined || entry.globalExtended?.size !== undefined) {
      fail('ambiguous', 'global tar path or size', entry.path);
    }
    let path = entry.path;
    const base = path.slice(path.lastIndexOf('/') + 1);
    if (base === '.npmignore') ignores.add(path);
    else if (base === '.gitignore') {
      path = path.replace(/\.gitignore$/, '.npmignore');
      if (ignores.has(path)) return void entry.resume();
    }
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    entry.on('end', () => {
      if (failure !== undefined) return;
      try {
        // A file beside the folder would be the package folder itself: node-tar leaves it out.
        const stripped = path.slice(path.indexOf('/') + 1);
        if (!path.includes('/') || stripped.replaceAll('/', '') === '') return;
        const content = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
        layout.add(stripped, content, ((entry.mode ?? 0) & 0o111) !== 0);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        failure ??= error;
      }
    });
  });
  parser.end(tar);
  if (failure !== undefined) throw failure;
  return layout;
}

/**
 * A PAX size that differs from the header's own: which of them counts, and for which of the headers that
 * follow, changed within node-tar 7, so that two versions of npm would see two archives.
 */
function checkPaxSizes(tar: Buffer): void {
  let pending: number | undefined;
  for (let at = 0; at + 512 <= tar.length; ) {
    const type = tar[at + 156]!;
    const stored = Number.parseInt(tar.toString('latin1', at + 124, at + 136).replace(/\0.*$/, ''), 8);
    // Base-256 sizes, end marks and damage: the parser says what they are.
    if (Number.isNaN(stored) || stored < 0) return;
    let size = stored;
    if (type === 0x78 /* x */) {
      const body = tar.toString('latin1', at + 512, at + 512 + Math.min(stored, 1024 * 1024));
      const record = /(?:^|\n)\d+ size=(\d+)\n/.exec(body)?.[1];
      if (record !== undefined) pending = Number(record);
    } else if (pending !== undefined) {
      if (pending !== stored) throw new Unreadable('ambiguous', { why: 'tar size given twice' });
      size = pending;
      pending = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
