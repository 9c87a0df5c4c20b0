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
  const parsed = ssri.parse(expected, { strict: true });
  if (parsed === null || Object.keys(parsed).length === 0) return mismatch;
  const { buffer, byteOffset, length } = input.bytes;
  return ssri.checkData(Buffer.from(buffer, byteOffset, length), parsed) ? undefined : mismatch;
}
