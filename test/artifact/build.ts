/** Archives written byte by byte, so that tests can say what no packer would write. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly name: string;
  readonly body?: string | Uint8Array;
  /** Type flag; default `0`, a regular file. */
  readonly type?: string;
  readonly linkname?: string;
  readonly mode?: number;
  /** Size field when it must lie. */
  readonly size?: number;
  readonly prefix?: string;
  readonly badChecksum?: boolean;
}

export function tar(entries: readonly TarEntry[], options: { end?: boolean } = {}): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const body = Buffer.from(entry.body ?? '');
    const header = Buffer.alloc(512);
    header.write(entry.name, 0, 100);
    header.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, '0')}\0`, 100);
    header.write('0000000\x000000000\0', 108);
    header.write(`${(entry.size ?? body.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(entry.type ?? '0', 156);
    header.write(entry.linkname ?? '', 157, 100);
    header.write('ustar\x0000', 257);
    header.write(entry.prefix ?? '', 345, 155);
    let sum = 0;
    for (const byte of header) sum += byte;
    if (entry.badChecksum) sum += 7;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  if (options.end ?? true) blocks.push(Buffer.alloc(1024));
  return Buffer.concat(blocks);
}

export const tgz = (entries: readonly TarEntry[]): Buffer => gzipSync(tar(entries));

/** A PAX extended header (`x`) or global one (`g`) with these records. */
export function pax(records: Readonly<Record<string, string>>, type = 'x'): TarEntry {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (`${length}`.length + Buffer.byteLength(rest) !== length) length++;
    return `${length}${rest}`;
  });
  return { name: 'PaxHeader', type, body: body.join('') };
}

export const longName = (name: string): TarEntry => ({ name: '././@LongLink', type: 'L', body: `${name}\0` });

/** An npm package: files below `package/`. */
export function npmPackage(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return tgz(Object.entries(files).map(([name, body]) => ({ name: `package/${name}`, body })));
}

export function sdist(files: Readonly<Record<string, string | Uint8Array>>, root = 'demo-1.0'): Buffer {
  return tgz(Object.entries(files).map(([name, body]) => ({ name: `${root}/${name}`, body })));
}

export interface ZipEntry {
  readonly name: string;
  readonly body?: string | Uint8Array;
  /** 0 stored, 8 deflated (default). */
  readonly method?: number;
  readonly flags?: number;
  /** Name in the local header when it differs. */
  readonly localName?: string;
  readonly mode?: number;
  readonly crc?: number;
  /** Uncompressed size in the directory when it must lie. */
  readonly size?: number;
  /** Left out of the directory. */
  readonly hidden?: boolean;
  readonly extra?: Uint8Array;
}

export function zip(
  entries: readonly ZipEntry[],
  options: { comment?: string; before?: Uint8Array } = {},
): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  const before = Buffer.from(options.before ?? []);
  let offset = before.length;
  let count = 0;
  for (const entry of entries) {
    const body = Buffer.from(entry.body ?? '');
    const method = entry.method ?? 8;
    const data = method === 8 ? deflateRawSync(body) : body;
    const name = Buffer.from(entry.name);
    const localName = Buffer.from(entry.localName ?? entry.name);
    const extra = Buffer.from(entry.extra ?? []);
    const flags = entry.flags ?? 0x800;
    const fields = (at: Buffer, from: number) => {
      at.writeUInt16LE(20, from);
      at.writeUInt16LE(flags, from + 2);
      at.writeUInt16LE(method, from + 4);
      at.writeUInt32LE(entry.crc ?? crc32(body), from + 10);
      at.writeUInt32LE(data.length, from + 14);
      at.writeUInt32LE(entry.size ?? body.length, from + 18);
    };
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    fields(local, 4);
    local.writeUInt16LE(localName.length, 26);
    locals.push(local, localName, data);
    if (!entry.hidden) {
      const central = Buffer.alloc(46);
      central.writeUInt32LE(0x02014b50, 0);
      central.writeUInt16LE(0x0314, 4);
      fields(central, 6);
      central.writeUInt16LE(name.length, 28);
      central.writeUInt16LE(extra.length, 30);
      central.writeUInt32LE((((entry.mode ?? 0o100644) << 16) >>> 0) as number, 38);
      central.writeUInt32LE(offset, 42);
      directory.push(central, name, extra);
      count++;
    }
    offset += 30 + localName.length + data.length;
  }
  const central = Buffer.concat(directory);
  const comment = Buffer.from(options.comment ?? '');
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([before, ...locals, central, end, comment]);
}

/** A wheel of the project `demo` with these files and its `.dist-info`. */
export function wheel(
  files: Readonly<Record<string, string | Uint8Array>>,
  extra: readonly ZipEntry[] = [],
  before?: Uint8Array,
): Buffer {
  const entries: ZipEntry[] = [
    ...Object.entries(files).map(([name, body]) => ({ name, body })),
    { name: 'demo-1.0.dist-info/METADATA', body: 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n' },
    { name: 'demo-1.0.dist-info/WHEEL', body: 'Wheel-Version: 1.0\n' },
    ...extra,
  ];
  return zip(entries, before === undefined ? {} : { before });
}
