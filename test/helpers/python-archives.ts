/** Wheels and sdists built in memory from literal sources: no build tools, the same bytes every time. */
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

export type Sources = Readonly<Record<string, string | Uint8Array>>;

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly requires?: readonly string[];
  readonly files: Sources;
}

export function wheelName({ name, version }: Package): string {
  return `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
}

export function sdistName({ name, version }: Package): string {
  return `${name.replaceAll('-', '_')}-${version}.tar.gz`;
}

export function metadataOf({ name, version, requires = [] }: Package): string {
  const lines = ['Metadata-Version: 2.1', `Name: ${name}`, `Version: ${version}`];
  return [...lines, ...requires.map((line) => `Requires-Dist: ${line}`), '', ''].join('\n');
}

/** A wheel whose files land in site-packages as given, with a RECORD pip accepts. */
export function buildWheel(pkg: Package, extra: Sources = {}): Buffer {
  const info = `${pkg.name.replaceAll('-', '_')}-${pkg.version}.dist-info`;
  const files: Record<string, Buffer> = {};
  for (const [path, content] of Object.entries(pkg.files)) files[path] = Buffer.from(content);
  files[`${info}/METADATA`] = Buffer.from(metadataOf(pkg));
  files[`${info}/WHEEL`] = Buffer.from(
    'Wheel-Version: 1.0\nGenerator: fixture\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  );
  for (const [path, content] of Object.entries(extra)) files[`${info}/${path}`] = Buffer.from(content);
  const record = Object.entries(files).map(([path, bytes]) => {
    const hash = createHash('sha256').update(bytes).digest('base64url');
    return `${path},sha256=${hash},${bytes.length}`;
  });
  files[`${info}/RECORD`] = Buffer.from([...record, `${info}/RECORD,,`, ''].join('\n'));
  return zip(files);
}

export function buildSdist(pkg: Package): Buffer {
  const top = `${pkg.name.replaceAll('-', '_')}-${pkg.version}`;
  const files: Record<string, Buffer> = { [`${top}/PKG-INFO`]: Buffer.from(metadataOf(pkg)) };
  for (const [path, content] of Object.entries(pkg.files)) files[`${top}/${path}`] = Buffer.from(content);
  return gzipSync(tar(files));
}

export function zip(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, bytes] of Object.entries(files)) {
    const name = Buffer.from(path);
    const data = deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(0x0800, 2); // names are UTF-8
    common.writeUInt16LE(8, 4); // deflate
    common.writeUInt16LE(0x21, 8); // 1980-01-01
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02', 'latin1'), Buffer.from([20, 3]), common, tail, name);
    offset += 4 + common.length + name.length + data.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  const count = Object.keys(files).length;
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

export function tar(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  for (const [path, bytes] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write('0', 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(header, Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
