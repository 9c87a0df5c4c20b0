/** `safe-install pip …`. */
import { type Outcome, usage } from './exit.js';

export async function run(_argv: readonly string[]): Promise<Outcome> {
  throw usage('pip is not guarded yet in this version; nothing was run');
}
