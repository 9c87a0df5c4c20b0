/** Magic bytes, and gzip in memory with a bound on what comes out. */
import { gunzipSync } from 'node:zlib';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

export type Magic = 'gzip' | 'zip' | 'bzip2' | 'xz' | 'zstd' | 'tar' | 'unknown';

export function magicOf(bytes: Uint8Array): Magic {
  const at = (...want: number[]) => want.every((byte, i) => bytes[i] === byte);
  if (at(0x1f, 0x8b)) return 'gzip';
  if (at(0x50, 0x4b, 0x03, 0x04) || at(0x50, 0x4b, 0x05, 0x06)) return 'zip';
  if (at(0x42, 0x5a, 0x68)) return 'bzip2';
  if (at(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  if (at(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (bytes.length >= 512 && looksLikeTarHeader(bytes)) return 'tar';
  return 'unknown';
}

function looksLikeTarHeader(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, 512);
  if (view.toString('latin1', 257, 262) === 'ustar') return true;
  const stored = Number.parseInt(view.toString('latin1', 148, 156).replace(/[\0 ]+$/, ''), 8);
  let sum = 8 * 0x20;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += view[i]!;
  return sum === stored;
}

/** All members of a gzip stream, one after the other. Bytes after the last member are ignored, as gzip does. */
export function gunzip(bytes: Uint8Array): Buffer {
  // The last four bytes hold the size of a single member: only a hint for the first buffer.
  const hint =
    bytes.length > 4 ? Buffer.from(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).readUInt32LE() : 0;
  try {
    return gunzipSync(bytes, {
      maxOutputLength: LIMITS.unpackedBytes,
      chunkSize: Math.min(Math.max(hint + 64, 64 * 1024), 32 * 1024 * 1024),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Unreadable('too-large', { limit: 'unpacked', max: LIMITS.unpackedBytes });
    }
    throw new Unreadable('damaged', { why: 'gzip', message: (error as Error).message });
  }
}
