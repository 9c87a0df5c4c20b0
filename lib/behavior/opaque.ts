/** Files that can run but cannot be read: native binaries, bytecode, WebAssembly, archives inside. */
import type { ArtifactFile } from '../types.js';

/** The `opaque-*` row of a file by its magic bytes, or undefined when it is text or harmless data. */
export function opaqueKind(file: ArtifactFile, files: ReadonlyMap<string, ArtifactFile>): string | undefined {
  const b = file.bytes;
  if (b.length < 4) return undefined;
  if (isHeadOfBytecode(b) && !/\.py[co]$/i.test(file.path)) return 'opaque-bytecode';
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
  if (isTar(b)) return 'opaque-archive';
  if (magic >>> 8 === 0x425a68 && /\.(?:bz2|tbz)/i.test(file.path)) return 'opaque-archive';
  // Python runs a program or imports a module from a zip whatever its name and whatever stands before it.
  if (hasZipDirectory(b)) return 'opaque-archive';
  if (isPythonBytecode(file)) {
    return sourceOf(file.path).some((path) => isCompiledAnew(b, files.get(path)))
      ? undefined
      : 'opaque-bytecode';
  }
  if (/\.(?:jsc|bytenode)$/i.test(file.path)) return 'opaque-bytecode';
  return undefined;
}

/** Whether the directory at a zip's end names Python modules: then it can stand on `sys.path` under any name. */
function namesPython(b: Uint8Array): boolean {
  return Buffer.from(b.buffer, b.byteOffset, b.length).subarray(-65_536).includes('.py');
}

/** The directory at the end of a zip, where Python looks for it: a comment, or anything else, may stand behind. */
function hasZipDirectory(b: Uint8Array): boolean {
  const tail = Buffer.from(b.buffer, b.byteOffset, b.length).subarray(-65_557);
  const at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (at === -1 || at + 22 > tail.length) return false;
  const start = b.length - tail.length + at - tail.readUInt32LE(at + 12);
  return tail.readUInt16LE(at + 10) === 0 || (start >= 0 && b[start] === 0x50 && b[start + 1] === 0x4b);
}

/**
 * Code that a machine wrote for itself: CPython's (PEP 552, or as `marshal` writes it, without a head), V8's code cache,
 * snapshots of Node.js.
 */
function isHeadOfBytecode(b: Uint8Array): boolean {
  if (b[2] === 0x0d && b[3] === 0x0a && b[1]! >= 0x0c && b[1]! <= 0x0f)
    return b.length >= 16 && b[4]! <= 3 && b[5] === 0 && b[6] === 0 && b[7] === 0;
  if (b[2] === 0xde && b[3] === 0xc0) return true;
  if (b[0] === 0x19 && b[1] === 0xda && b[2] === 0x43 && b[3] === 0x01) return true;
  return (b[0] === 0xe3 || b[0] === 0x63) && b.length > 20 && b.subarray(1, 13).every((byte) => byte === 0);
}

const isTar = (b: Uint8Array): boolean =>
  b.length >= 512 && Buffer.from(b.buffer, b.byteOffset + 257, 5).toString('latin1') === 'ustar';

function isPortableExecutable(b: Uint8Array): boolean {
  if (b.length < 64) return false;
  const at = b[60]! | (b[61]! << 8) | (b[62]! << 16) | (b[63]! << 24);
  return at > 0 && at + 1 < b.length && b[at] === 0x50 && b[at + 1] === 0x45;
}

/**
 * Whether Python would rather compile the source again: bytecode tells it by the length of the source and its time, which an
 * archive's author sets too, or by a hash, which says nothing of what the bytecode does.
 */
function isCompiledAnew(b: Uint8Array, source: ArtifactFile | undefined): boolean {
  if (source === undefined) return false;
  if (b.length < 16) return true;
  const view = Buffer.from(b.buffer, b.byteOffset, b.length);
  return (b[4]! & 1) === 0 && view.readUInt32LE(12) !== source.bytes.length;
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
