/**
 * Whether bytes could be taken for an archive by any installer. What cannot is let through as text; all else must be
 * scanned, whatever address, name or content type it came under.
 */

const ARCHIVE_NAME = /\.(?:whl|zip|egg|tar|tgz|tbz|tbz2|txz|tlz|tar\.(?:gz|bz2|xz|lz|lzma|zst)|tar\.z)$/i;

export function isArchiveName(path: string): boolean {
  return ARCHIVE_NAME.test(path);
}

/** Text without control characters in which neither Python's `zipfile` nor its `tarfile` would find an archive. */
export function isPlainText(body: Buffer): boolean {
  if (body.includes('PK\x05\x06', 0, 'latin1') || hasTarHeader(body)) return false;
  if (COMPRESSED.some((magic) => body.subarray(0, magic.length).equals(magic))) return false;
  // Pages are megabytes: a function called for every byte would take ten times as long.
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) return false;
  }
  return true;
}

/** Those that begin like text: bzip2, zstd; gzip, xz and lzma begin with or hold control characters. */
const COMPRESSED = [Buffer.from('BZh'), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

/** A first tar header is known by its checksum alone: old formats have no magic, and every field may be text. */
function hasTarHeader(body: Buffer): boolean {
  if (body.length < 512) return false;
  const stated = Number.parseInt(
    body
      .toString('latin1', 148, 156)
      .replace(/[\0 ]+/g, ' ')
      .trim(),
    8,
  );
  if (Number.isNaN(stated)) return false;
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < 512; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : body[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stated === unsigned || stated === signed;
}
