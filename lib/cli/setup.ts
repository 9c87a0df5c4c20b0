/** `safe-install setup`: shims on PATH, for a user, a CI job or a virtual environment. */
import process from 'node:process';
import { CI_SYSTEMS, type CiSystem, SHELLS, setup, setupCi, usersShell } from '../setup/setup.js';
import type { Shell } from '../setup/shells.js';
import { shimNames } from '../setup/shims.js';
import { guardVenv } from '../setup/venv.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say } from './exit.js';

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(
    argv,
    {
      usage: 'setup [--shell NAME…] | setup --ci SYSTEM | setup --venv FOLDER',
      description:
        'Puts the guard in front of npm, npx, pip, pip3 and python -m pip, and of pnpm, Yarn, Bun and Corepack where they are on PATH.',
      examples: [
        ['safe-install setup', 'for your shell, in its start-up files'],
        ['safe-install setup --shell bash --shell fish', 'for these shells'],
        ['safe-install setup --ci github', 'for the rest of a CI job'],
        ['eval "$(safe-install setup --ci gitlab)"', 'where a job has only a shell'],
        ['safe-install setup --venv .venv', 'also for .venv/bin/pip and IDEs'],
      ],
    },
    (yargs) =>
      yargs
        .option('shell', {
          type: 'array',
          string: true,
          choices: SHELLS,
          describe: 'shells to set up (default: yours)',
        })
        .option('ci', { type: 'string', choices: CI_SYSTEMS, describe: 'the CI system this job runs in' })
        .option('venv', { type: 'string', requiresArg: true, describe: 'virtual environment to hook' })
        .conflicts('ci', ['shell', 'venv'])
        .conflicts('venv', 'shell'),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'setup');
  if (parsed.venv !== undefined) {
    guardVenv(parsed.venv);
    say(
      `pip of ${parsed.venv} is handed to the guard, however it is started; undo: safe-install teardown --venv ${parsed.venv}`,
    );
    return done;
  }
  if (parsed.ci !== undefined) {
    const { shims, changed, output } = setupCi(parsed.ci as CiSystem);
    for (const line of output) process.stdout.write(`${line}\n`);
    say(changed.length > 0 ? `${shims} is first on PATH from the next step on` : `shims are in ${shims}`);
    return done;
  }
  const shells = (parsed.shell as Shell[] | undefined) ?? [usersShell()];
  const { shims, changed } = setup(shells);
  say(`guarded by the shims in ${shims}: ${shimNames(process.env).join(', ')} (of python: python -m pip)`);
  say(
    changed.length > 0
      ? `changed ${changed.join(', ')}; open a new shell`
      : `${shells.join(', ')} had it already; shims renewed`,
  );
  say(
    "outside stay: tools called by an absolute path, and virtual environments not set up with 'safe-install setup --venv'",
  );
  return done;
}
