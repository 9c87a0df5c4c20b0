/** pyproject.toml; undefined when absent or not TOML (the build tool would refuse it, the rest is still read). */
import { parse } from 'smol-toml';
import { LIMITS } from './limits.js';
import type { Files, Manifest } from './manifest-npm.js';

export function readToml(files: Files, path: string): Manifest | undefined {
  const file = files.get(path);
  if (file === undefined || file.bytes.length > LIMITS.manifestBytes) return undefined;
  try {
    return parse(Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length).toString('utf8'));
  } catch {
    return undefined;
  }
}
