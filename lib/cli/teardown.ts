/** `safe-install teardown`: removes what `setup` wrote. */
import { teardown } from '../setup/setup.js';
import { releaseVenv } from '../setup/venv.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say } from './exit.js';

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(
    argv,
    {
      usage: 'teardown [--venv FOLDER]',
      description: 'Removes shims and the lines in shell start-up files; every other byte stays.',
      examples: [
        ['safe-install teardown', 'npm and pip are as before in the next shell'],
        ['safe-install teardown --venv .venv', 'takes the hook out of a virtual environment'],
      ],
    },
    (yargs) =>
      yargs.option('venv', { type: 'string', requiresArg: true, describe: 'virtual environment to release' }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'teardown');
  const removed = parsed.venv !== undefined ? releaseVenv(parsed.venv) : teardown();
  say(removed.length === 0 ? 'nothing was set up' : `removed or restored: ${removed.join(', ')}`);
  return done;
}
