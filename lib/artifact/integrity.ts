/** SHA-512 of what was read, and whether it is what the registry promised. */
import { createHash } from 'node:crypto';
import ssri from 'ssri';
import type { ScanInput, UnverifiedReason } from '../types.js';

/** SHA-512 SRI of the archive; for a folder of its sorted paths, lengths and contents. */
export function integrityOf(input: Pick<ScanInput, 'bytes' | 'files'>): string {
  const hash = createHash('sha512');
  if (input.files === undefined) hash.update(input.bytes);
  else {
    const sorted = [...input.files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    for (const file of sorted) hash.update(`${file.path}\0${file.bytes.length}\0`).update(file.bytes);
  }
  return `sha512-${hash.digest('base64')}`;
}

/** `computed` is the SHA-512 SRI of the input. A promise that cannot be understood is not kept either. */
export function integrityProblem(input: ScanInput, computed: string): UnverifiedReason | undefined {
  const expected = input.expectedIntegrity;
  if (expected === undefined || expected === '' || expected === computed) return undefined;
  const mismatch: UnverifiedReason = {
    code: 'integrity-mismatch',
    args: { expected: expected.slice(0, 500), actual: computed },
  };
  if (input.files !== undefined) return mismatch;
  const promised = understood(expected);
  if (promised === null) return mismatch;
  const { buffer, byteOffset, length } = input.bytes;
  return ssri.checkData(Buffer.from(buffer, byteOffset, length), promised) ? undefined : mismatch;
}

/**
 * The hashes of a promise. Lockfiles first written by npm 5 and earlier, and packuments as old, have SHA-1 alone: a promise all the same, though what
 * is installed is held to the SHA-512 of what was read. Beside a stronger hash SHA-1 counts for nothing.
 */
function understood(expected: string): ReturnType<typeof ssri.parse> | null {
  const strong = ssri.parse(expected, { strict: true });
  if (strong !== null && Object.keys(strong).length > 0) return strong;
  const old = expected.split(/\s+/).filter((hash) => /^sha1-[A-Za-z0-9+/]{27}=(?:\?|$)/.test(hash));
  return old.length === 0 ? null : ssri.parse(old.join(' '));
}
