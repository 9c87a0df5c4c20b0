/** Files that can run but cannot be read: native binaries, bytecode, WebAssembly, archives inside. */
import type { ArtifactFile } from '../types.js';

/** The `opaque-*` row of a file by its magic bytes, or undefined when it is text or harmless data. */
export function opaqueKind(_file: ArtifactFile): string | undefined {
  return undefined;
}
