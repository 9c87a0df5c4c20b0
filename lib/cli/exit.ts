/** How every command ends: its exit code, its one line when it fails, and the status file. */
import process from 'node:process';
import { type ErrorCode, EXIT, KnownError } from '../errors.js';
import { escapeText } from '../report/escape.js';

/**
 * What a command came to. `allowed`: everything was allowed and the tool ran (its exit code may still tell of a failure
 * of its own); `passed`: the command installs nothing and the tool ran as it is; `refused`: the tool could not meet the
 * request and said so itself; `done`: a command that guards nothing.
 */
export interface Outcome {
  readonly outcome: 'allowed' | 'passed' | 'refused' | 'blocked' | 'unverified' | 'done' | 'usage' | 'failed';
  readonly exitCode: number;
  /** Code of the error, when it failed. */
  readonly error?: ErrorCode;
}

export const done: Outcome = { outcome: 'done', exitCode: EXIT.ok };

/** Own words, on stderr, marked as ours. */
export function say(text: string): void {
  process.stderr.write(`safe-install: ${text}\n`);
}

/** Prints what went wrong, and its code: one line for what is known, with the stack for what is a fault of ours. */
export function failed(error: unknown): Outcome {
  if (error instanceof KnownError) {
    say(`${escapeText(error.message)} [${error.code}]`);
    const outcome = error.exitCode === EXIT.usage ? 'usage' : 'failed';
    return { outcome, exitCode: error.exitCode, error: error.code };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say('failed by a fault of its own; nothing was installed. Please report this [internal]:');
  process.stderr.write(
    `${stack
      .split('\n')
      .map((line) => `  ${escapeText(line)}`)
      .join('\n')}\n`,
  );
  return { outcome: 'failed', exitCode: EXIT.failed, error: 'internal' };
}

/** A usage error: exit 2. */
export const usage = (message: string): KnownError => new KnownError('usage', message, EXIT.usage);

/** The outcome as JSON for programs that cannot tell our exit code from that of a tool we ran. */
export async function writeStatus(path: string, outcome: Outcome): Promise<void> {
  const { writeWhole } = await import('../report/output.js');
  writeWhole(path, `${JSON.stringify({ schema: 1, ...outcome })}\n`);
}
