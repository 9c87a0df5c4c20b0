/** Files that can run but cannot be read: native binaries, bytecode, WebAssembly, archives inside. */
import type { ArtifactFile } from '../types.js';

/** The `opaque-*` row of a file by its magic bytes, or undefined when it is text or harmless data. */
export function opaqueKind(file: ArtifactFile, files: ReadonlyMap<string, ArtifactFile>): string | undefined {
  const b = file.bytes;
  if (b.length < 4) return undefined;
  const magic = ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0;
  switch (magic) {
    case 0x7f454c46: // ELF
    case 0xfeedface: // Mach-O, both widths and byte orders
    case 0xfeedfacf:
    case 0xcefaedfe:
    case 0xcffaedfe:
      return 'opaque-native';
    case 0xcafebabe: // Mach-O for several architectures has a small count here, Java a version
      return (b[7] ?? 0) < 40 ? 'opaque-native' : 'opaque-bytecode';
    case 0x0061736d:
      return 'opaque-wasm';
    case 0x504b0304:
      return /\.(?:docx|xlsx|pptx|odt|ods|npz|epub|vsix|xpi)$/i.test(file.path) && !namesPython(b)
        ? undefined
        : 'opaque-archive';
    case 0x52617221: // RAR
    case 0x377abcaf: // 7z
    case 0xfd377a58: // xz
      return 'opaque-archive';
    default:
  }
  if (b[0] === 0x4d && b[1] === 0x5a && isPortableExecutable(b)) return 'opaque-native';
  if (b[0] === 0x1f && b[1] === 0x8b) {
    return /\.(?:nii|svgz|json|csv|txt|map|js|css|html|pkl|dat|fasta|vcf|tsv)\.?gz$|\.svgz$/i.test(file.path)
      ? undefined
      : 'opaque-archive';
  }
  if (magic >>> 8 === 0x425a68 && /\.(?:bz2|tbz)/i.test(file.path)) return 'opaque-archive';
  // Python runs a program or imports a module from a zip whatever its name and whatever stands before it.
  if (hasZipDirectory(b)) return 'opaque-archive';
  if (isPythonBytecode(file)) {
    // Bit 0 of the flags: not compared with the time of the source, so it need not be what the source says.
    const unbound = (b[4]! & 1) === 1 && b.length >= 16;
    return !unbound && sourceOf(file.path).some((path) => files.has(path)) ? undefined : 'opaque-bytecode';
  }
  if (/\.(?:jsc|bytenode)$/i.test(file.path)) return 'opaque-bytecode';
  return undefined;
}

/** Whether the directory at a zip's end names Python modules: then it can stand on `sys.path` under any name. */
function namesPython(b: Uint8Array): boolean {
  return Buffer.from(b.buffer, b.byteOffset, b.length).subarray(-65_536).includes('.py');
}

/** The record that ends a zip without a comment, at the very end. */
function hasZipDirectory(b: Uint8Array): boolean {
  const at = b.length - 22;
  return at >= 0 && b[at] === 0x50 && b[at + 1] === 0x4b && b[at + 2] === 5 && b[at + 3] === 6;
}

function isPortableExecutable(b: Uint8Array): boolean {
  if (b.length < 64) return false;
  const at = b[60]! | (b[61]! << 8) | (b[62]! << 16) | (b[63]! << 24);
  return at > 0 && at + 1 < b.length && b[at] === 0x50 && b[at + 1] === 0x45;
}

/** Every CPython magic ends in CR LF. */
function isPythonBytecode(file: ArtifactFile): boolean {
  return /\.py[co]$/i.test(file.path) && file.bytes[2] === 0x0d && file.bytes[3] === 0x0a;
}

/** Where the source of a bytecode file would stand: beside it, or above `__pycache__`. */
function sourceOf(path: string): string[] {
  const slash = path.lastIndexOf('/');
  const folder = slash < 0 ? '' : path.slice(0, slash + 1);
  const name = path.slice(slash + 1);
  const stem = name.slice(0, name.indexOf('.'));
  return [`${folder}${stem}.py`, `${folder.replace(/__pycache__\/$/, '')}${stem}.py`];
}
