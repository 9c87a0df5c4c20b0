/** `safe-install init`: hook plain npm in this project. */
import process from 'node:process';
import { initProject, removeProjectHook } from '../setup/project.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say } from './exit.js';

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(
    argv,
    {
      usage: 'init [--strict] | init --remove',
      description:
        'Makes plain npm install and npm ci in this project refuse flagged packages, for everyone who works on it.',
      examples: [
        ['safe-install init', 'a script in package.json, script-shell in .npmrc'],
        ['safe-install init --strict', 'and no registry for plain npm: only safe-install installs'],
        ['safe-install init --remove', 'every byte as before'],
      ],
    },
    (yargs) =>
      yargs
        .option('strict', { type: 'boolean', default: false, describe: 'leave plain npm no registry at all' })
        .option('remove', { type: 'boolean', default: false, describe: 'take the hook out again' }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'init');
  const folder = process.cwd();
  if (parsed.remove) {
    const changed = removeProjectHook(folder);
    say(changed.length === 0 ? 'no hook in this project' : `hook removed from ${changed.join(' and ')}`);
    return done;
  }
  const changed = initProject(folder, { strict: parsed.strict });
  say(
    changed.length === 0
      ? 'this project is hooked already'
      : `hooked: changed ${changed.join(' and ')}; commit them`,
  );
  for (const line of parsed.strict ? STRICT_REACH : REACH) say(line);
  return done;
}

/** How far the levers reach (README, "The project hook"); the words must stay true to test/bench/levers.ts. */
const REACH = [
  'plain npm install, ci and install NAME now wait for the guard before the first install script; what is flagged is not run',
  'not stopped in time: a package without install scripts added by npm install NAME; a package that brings its own',
  `program of the guard's name; with npm before 12, optional packages are left out without an error. --strict closes these`,
];
const STRICT_REACH = [
  'plain npm reaches no registry here, so it installs nothing new; npm view, publish and audit need --registry',
  'not stopped: npm ci when every tarball is in the npm cache already; its install scripts still wait for the guard',
];
