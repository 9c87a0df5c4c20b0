/** `safe-install pip …`. */
import { EXIT, KnownError } from '../errors.js';
import type { Outcome } from './exit.js';
import { type Guard, runGuard } from './guarded.js';

const guard = async (): Promise<Guard> => {
  throw new KnownError('not-built', 'pip is not guarded yet in this version; nothing was run', EXIT.usage);
};

export const run = (argv: readonly string[]): Promise<Outcome> =>
  runGuard('pip', guard, argv, argv.includes('-q') || argv.includes('--quiet'));
