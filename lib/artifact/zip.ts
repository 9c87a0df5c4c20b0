/**
 * Zip archives as Python's `zipfile` reads them: by the central directory. Everything in which a reader that
 * streams the local headers (uv, busybox) could see other files is `ambiguous`.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import yauzl from 'yauzl';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

export interface ZipMember {
  readonly name: string;
  readonly executable: boolean;
  /** Full size; `read()` may give only the head of a large member that is not code. */
  readonly size: number;
  read(): Uint8Array;
}

const LOCAL_HEADER = 0x04034b50;
const CODE_SUFFIX =
  /(?:\.(?:py[wi3]?|pth|[cm]?[jt]sx?|json|sh|ps1|bat|cmd|cfg|toml|txt|ini)|(?:^|\/)[^./]+)$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Python's `zipfile.is_zipfile` (up to 3.12): an end-of-directory record in the last 64 KiB. */
export function hasZipEnd(bytes: Uint8Array): boolean {
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(-(65_536 + 22));
  const at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  return at !== -1 && at + 22 <= tail.length;
}

export interface ZipContent {
  /** Files in the directory's order. */
  readonly members: readonly ZipMember[];
  /** Names of all entries, folders too: pip looks at them to find a common leading folder. */
  readonly names: readonly string[];
}

/** The files of a zip, in the directory's order; throws Unreadable. */
export async function readZip(bytes: Uint8Array): Promise<readonly ZipMember[]> {
  return (await readZipContent(bytes)).members;
}

/** Reads the directory; throws Unreadable. */
export async function readZipContent(bytes: Uint8Array): Promise<ZipContent> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries = await readDirectory(buffer);
  const members: ZipMember[] = [];
  const names: string[] = [];
  const spans: [start: number, end: number][] = [];
  for (const entry of entries) {
    const name = memberName(entry);
    names.push(name);
    if (entry.isEncrypted()) throw new Unreadable('encrypted', { file: name });
    const data = checkLocalHeader(buffer, entry, name);
    spans.push([entry.relativeOffsetOfLocalHeader, data + entry.compressedSize]);
    if (name.endsWith('/')) {
      if (entry.uncompressedSize > 0)
        throw new Unreadable('ambiguous', { why: 'folder-with-content', file: name });
      continue;
    }
    const mode = entry.externalFileAttributes >>> 16;
    if ((mode & 0o170000) === 0o120000) throw new Unreadable('ambiguous', { why: 'link-in-zip', file: name });
    members.push({
      name,
      executable: (mode & 0o170000) === 0o100000 && (mode & 0o111) !== 0,
      size: entry.uncompressedSize,
      read: () => readMember(buffer, entry, data, name),
    });
  }
  checkGaps(buffer, spans);
  return { members, names };
}

/**
 * The files the directory names, with no look at what else is in the archive: for one whose reading was refused and
 * that a policy accepts nevertheless. Throws Unreadable.
 */
export async function readZipDirectory(bytes: Uint8Array): Promise<readonly ZipMember[]> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return (await readDirectory(buffer)).map((entry) => {
    const name = (entry.fileName as unknown as Buffer).toString('utf8');
    return {
      name,
      executable: false,
      size: entry.uncompressedSize,
      read: () => {
        const at = entry.relativeOffsetOfLocalHeader;
        if (at + 30 > buffer.length) throw new Unreadable('damaged', { why: 'zip-local-header', file: name });
        return readMember(buffer, entry, contentAt(buffer, at), name);
      },
    };
  });
}

async function readDirectory(buffer: Buffer): Promise<yauzl.Entry[]> {
  const entries: yauzl.Entry[] = [];
  try {
    const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
      yauzl.fromBuffer(
        buffer,
        { lazyEntries: true, decodeStrings: false, validateEntrySizes: true },
        (error, file) => (error ? reject(error) : resolve(file!)),
      ),
    );
    if (zip.entryCount > LIMITS.entries) {
      throw new Unreadable('too-large', { limit: 'entries', max: LIMITS.entries });
    }
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: yauzl.Entry) => {
        entries.push(entry);
        zip.readEntry();
      });
      zip.on('end', resolve);
      zip.on('error', reject);
      zip.readEntry();
    });
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const message = (error as Error).message;
    if (/encrypt/.test(message)) throw new Unreadable('encrypted', { why: message });
    // Python takes such a file with fewer checks; other readers refuse it.
    if (/comment length/.test(message)) throw new Unreadable('ambiguous', { why: 'zip-trailing-data' });
    throw new Unreadable('damaged', { why: 'zip', message });
  }
  return entries;
}

function memberName(entry: yauzl.Entry): string {
  // decodeStrings: false hands the raw bytes over; the types do not know it.
  const raw = entry.fileName as unknown as Buffer;
  let name: string;
  if (isAscii(raw)) name = raw.toString('latin1');
  else if ((entry.generalPurposeBitFlag & 0x800) !== 0) {
    try {
      name = utf8.decode(raw);
    } catch {
      throw new Unreadable('damaged', { why: 'zip-name-encoding' });
    }
  } else name = yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, raw, [], true);
  const unicodePath = entry.extraFields.find((field) => field.id === 0x7075);
  if (unicodePath !== undefined && unicodePath.data.subarray(5).compare(raw) !== 0 && isAscii(raw)) {
    throw new Unreadable('ambiguous', { why: 'two-names', file: name });
  }
  if (name.length > LIMITS.pathBytes)
    throw new Unreadable('too-large', { limit: 'path', max: LIMITS.pathBytes });
  return name;
}

/** Behind a local header, its name and its extra fields. */
const contentAt = (buffer: Buffer, header: number): number =>
  header + 30 + buffer.readUInt16LE(header + 26) + buffer.readUInt16LE(header + 28);

/** Compares the local header with the directory; returns where the member's data begins. */
function checkLocalHeader(buffer: Buffer, entry: yauzl.Entry, name: string): number {
  const at = entry.relativeOffsetOfLocalHeader;
  if (at + 30 > buffer.length || buffer.readUInt32LE(at) !== LOCAL_HEADER) {
    throw new Unreadable('damaged', { why: 'zip-local-header', file: name });
  }
  const nameLength = buffer.readUInt16LE(at + 26);
  const data = contentAt(buffer, at);
  if (data + entry.compressedSize > buffer.length) {
    throw new Unreadable('damaged', { why: 'zip-truncated', file: name });
  }
  const localName = buffer.subarray(at + 30, at + 30 + nameLength);
  const flags = buffer.readUInt16LE(at + 6);
  const differs =
    localName.compare(entry.fileName as unknown as Buffer) !== 0 ||
    buffer.readUInt16LE(at + 8) !== entry.compressionMethod ||
    (flags & 1) !== (entry.generalPurposeBitFlag & 1);
  if (differs) throw new Unreadable('ambiguous', { why: 'zip-headers-differ', file: name });
  if ((flags & 8) === 0) {
    const size = buffer.readUInt32LE(at + 18);
    if (size !== 0xffffffff && size !== entry.compressedSize) {
      throw new Unreadable('ambiguous', { why: 'zip-headers-differ', file: name });
    }
  }
  return data;
}

/** Members that overlap, and local headers the directory does not name. */
function checkGaps(buffer: Buffer, spans: [number, number][]): void {
  spans.sort((a, b) => a[0] - b[0]);
  let end = 0;
  for (const [start, stop] of spans) {
    if (start < end) throw new Unreadable('ambiguous', { why: 'zip-members-overlap' });
    if (start > end && buffer.subarray(end, start).includes('PK\x03\x04', 0, 'latin1')) {
      throw new Unreadable('ambiguous', { why: 'zip-hidden-member' });
    }
    end = stop;
  }
  const after = buffer.subarray(end);
  const directory = after.indexOf('PK\x01\x02', 0, 'latin1');
  const hidden = after.indexOf('PK\x03\x04', 0, 'latin1');
  if (hidden !== -1 && (directory === -1 || hidden < directory)) {
    throw new Unreadable('ambiguous', { why: 'zip-hidden-member' });
  }
}

function readMember(buffer: Buffer, entry: yauzl.Entry, data: number, name: string): Uint8Array {
  const size = entry.uncompressedSize;
  const packed = buffer.subarray(data, data + entry.compressedSize);
  const large = size > LIMITS.wholeFileBytes;
  if (large && CODE_SUFFIX.test(name)) {
    throw new Unreadable('too-large', { limit: 'file', max: LIMITS.wholeFileBytes, file: name });
  }
  if (entry.compressionMethod === 0) return large ? packed.subarray(0, LIMITS.headBytes) : packed;
  if (entry.compressionMethod !== 8) {
    throw new Unreadable('unsupported-format', {
      format: `zip method ${entry.compressionMethod}`,
      file: name,
    });
  }
  try {
    if (large) return inflateHead(packed);
    const out = inflateRawSync(packed, {
      maxOutputLength: Math.max(size, 1),
      chunkSize: Math.max(size + 16, 64),
    });
    if (out.length !== size) throw new Error('size differs from the directory');
    if (crc32(out) !== entry.crc32) throw new Error('checksum differs');
    return out;
  } catch (error) {
    throw new Unreadable('damaged', { why: 'zip-data', file: name, message: (error as Error).message });
  }
}

/** First bytes of a large deflated member: whole output is bounded by the packed bytes handed in. */
function inflateHead(packed: Buffer): Uint8Array {
  const part = packed.subarray(0, 32 * 1024);
  const out = inflateRawSync(part, { finishFlush: 2 /* Z_SYNC_FLUSH: a cut-off stream is no error */ });
  return Uint8Array.prototype.slice.call(out, 0, LIMITS.headBytes);
}

function isAscii(raw: Buffer): boolean {
  return raw.every((byte) => byte < 0x80);
}
