/** Magic bytes, and gzip in memory with a bound on what comes out. */
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
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

/** All members of a gzip stream, one after the other; zero bytes may follow, anything else is damage, as for npm. */
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

/**
 * The same as Python's tarfile gets it: it stops reading at the archive's end mark, so whatever follows the
 * members is never looked at. `rest`: bytes after them.
 */
export function gunzipLoose(bytes: Uint8Array): { data: Buffer; rest: number } {
  try {
    return { data: gunzip(bytes), rest: 0 };
  } catch (error) {
    if (!(error instanceof Unreadable) || error.reason.code !== 'damaged') throw error;
    const members = gunzipMembers(bytes);
    if (members === undefined) throw error;
    return members;
  }
}

/** Undefined when not even one member is sound. */
function gunzipMembers(bytes: Uint8Array): { data: Buffer; rest: number } | undefined {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Buffer[] = [];
  let at = 0;
  let total = 0;
  while (at < input.length) {
    const start = memberData(input, at);
    if (start === undefined) break;
    try {
      const { buffer, engine } = inflateRawSync(input.subarray(start), {
        maxOutputLength: LIMITS.unpackedBytes - total,
        info: true,
      } as never) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
      const end = start + engine.bytesWritten;
      if (end + 8 > input.length || input.readUInt32LE(end) !== crc32(buffer)) break;
      parts.push(buffer);
      total += buffer.length;
      at = end + 8;
    } catch {
      break;
    }
  }
  return parts.length === 0 ? undefined : { data: Buffer.concat(parts), rest: input.length - at };
}

/** Where a member's deflate data begins (RFC 1952); undefined when there is no member here. */
function memberData(input: Buffer, at: number): number | undefined {
  if (input.length - at < 18 || input.readUInt16BE(at) !== 0x1f8b || input[at + 2] !== 8) return undefined;
  const flags = input[at + 3]!;
  let next = at + 10;
  if (flags & 4) next += 2 + input.readUInt16LE(next);
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = input.indexOf(0, next);
    if (end === -1) return undefined;
    next = end + 1;
  }
  if (flags & 2) next += 2;
  return next < input.length ? next : undefined;
}
