/** Errors with a place in the exit-code table; anything else is a bug and also ends in 102. */

export const EXIT = { ok: 0, usage: 2, blocked: 100, unverified: 101, failed: 102 } as const;

/** One clear line naming the thing and the way out; shown without a stack. */
export class KnownError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: number = EXIT.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'KnownError';
  }
}
