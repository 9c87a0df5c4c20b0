/** What everything that edits a user's or a project's file shares: the marks around our lines, and whole writes. */
import { chmodSync, existsSync, mkdirSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const OPEN = '# >>> safe-install >>>';
export const CLOSE = '# <<< safe-install <<<';
/** Stands in the block of a file that did not exist before, so that removal can delete it. */
export const CREATED = '# (safe-install made this file)';

/** Whole or not at all, with the mode kept; what a link points to is replaced, the link stays. Returns `file`. */
export function replaceFile(file: string, text: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  const target = existsSync(file) ? realpathSync(file) : file;
  const partial = `${target}.${process.pid}.part`;
  writeFileSync(partial, text);
  if (existsSync(target)) chmodSync(partial, statSync(target).mode);
  renameSync(partial, target);
  return file;
}
