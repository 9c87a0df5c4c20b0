/**
 * One line on a terminal that says what is being done, rewritten in place and taken away before anything else is
 * printed. Absent without a terminal, in CI, when asked to be silent, and for work that is over at once.
 */
import process from 'node:process';
import { counted } from './messages.js';
import { cut, type Style, show, styleOf } from './style.js';

export interface Progress {
  /** `done` of `total` (unknown: undefined); `what` is the package at work. */
  readonly update: (stage: string, done: number, total: number | undefined, what?: string) => void;
  /** Takes the line away; it may come again with the next update. */
  readonly clear: () => void;
}

interface Terminal {
  readonly isTTY?: boolean;
  readonly write: (text: string) => unknown;
}

/** Shown only once work has lasted this long, and rewritten no more often than this, in milliseconds. */
const FIRST_AFTER = 400;
const EVERY = 80;

export function createProgress({
  silent,
  terminal = process.stderr,
  env = process.env,
  style = styleOf('stderr', env),
  now = () => performance.now(),
}: {
  readonly silent: boolean;
  readonly terminal?: Terminal;
  readonly env?: NodeJS.ProcessEnv;
  readonly style?: Style;
  readonly now?: () => number;
}): Progress {
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false' && env.CI !== '0';
  if (silent || ci || terminal.isTTY !== true || env.TERM === 'dumb') {
    return { update: () => {}, clear: () => {} };
  }
  const start = now();
  let last = Number.NEGATIVE_INFINITY;
  let visible = false;
  return {
    update: (stage, done, total, what = '') => {
      const time = now();
      if (time - start < FIRST_AFTER || time - last < EVERY) return;
      last = time;
      const count =
        total === undefined ? counted(done, 'package') : `${done} of ${counted(total, 'package')}`;
      const text = `safe-install: ${show(stage, style)} ${count} ${show(what, style)}`.trimEnd();
      // One column is left free: some terminals wrap when the last one is written.
      terminal.write(`\r\u001b[2K${style.paint.dim(cut(text, style.columns - 1, style))}`);
      visible = true;
    },
    clear: () => {
      if (visible) terminal.write('\r\u001b[2K');
      visible = false;
    },
  };
}
