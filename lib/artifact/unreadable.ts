/** Thrown inside this folder only; `openArtifact` turns it into `unverified`. */
import type { UnverifiedCode, UnverifiedReason } from '../types.js';

export class Unreadable extends Error {
  readonly reason: UnverifiedReason;
  constructor(code: UnverifiedCode, args: Readonly<Record<string, string | number>>) {
    super(`${code} ${JSON.stringify(args)}`);
    this.name = 'Unreadable';
    this.reason = { code, args };
  }
}
