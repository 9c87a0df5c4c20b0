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
    if (code === 'TAR_BAD_ARCHIVE' || code === 'TAR_ABORT') fail('damaged', String(message));
    // node-tar goes on at the next block; where that is differs between readers.
    else if (code === 'TAR_ENTRY_INVALID') fail('ambiguous', `tar header: ${String(message)}`);
  });
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    if (entry.meta) fail('ambiguous', 'tar extended header too large', entry.path);
  });
  parser.on('entry', (entry: ReadEntry) => {
    if (++dropped > LIMITS.entries * 2)
      failure ??= new Unreadable('too-large', { limit: 'entries', max: LIMITS.entries });
    if (failure !== undefined || !FILE_TYPES.has(entry.type)) return void entry.resume();
    // node-tar changed in 7.5 which of two sizes counts; a global path is read by some and not by others.
    if (entry.extended?.size !== undefined && entry.extended.size !== entry.header.size) {
      fail('ambiguous', 'tar size given twice', entry.path);
    }
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
