/** npm tarballs made in memory from a manifest and files. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

export function makeTarball(files: Readonly<Record<string, string | Uint8Array>>, root = 'package'): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const body = Buffer.from(content);
    const block = Buffer.alloc(512);
    const executable = body.subarray(0, 2).toString('latin1') === '#!';
    new Header({
      path: `${root}/${name}`,
      mode: executable ? 0o755 : 0o644,
      size: body.length,
      mtime: new Date(499162500000),
      type: 'File',
    }).encode(block);
    blocks.push(block, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  blocks.push(Buffer.alloc(1024));
  return gzipSync(Buffer.concat(blocks));
}

export function packageTarball(
  manifest: Record<string, unknown>,
  files: Record<string, string> = {},
): Buffer {
  return makeTarball({ 'package.json': JSON.stringify(manifest, null, 2), 'index.js': '', ...files });
}

export function sha512(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
