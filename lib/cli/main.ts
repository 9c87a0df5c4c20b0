/**
 * argv → command → exit code. The first word decides; nothing that costs time (yargs, the model, parsers, npm's
 * libraries) is loaded before it has.
 */
import process from 'node:process';
import { failed, type Outcome, usage, writeStatus } from './exit.js';

/** The commands of safe-install itself; everything else is npm's arguments. */
const COMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<Outcome>>> = {
  scan: async (argv) => (await import('./scan.js')).run(argv),
  npm: async (argv) => (await import('./npm.js')).runNpm(argv),
  npx: async (argv) => (await import('./npm.js')).runNpx(argv),
  pip: async (argv) => (await import('./pip.js')).run(argv),
  uv: async (argv) => (await import('./pip.js')).runOther('uv')(argv),
  uvx: async (argv) => (await import('./pip.js')).runOther('uvx')(argv),
  pipx: async (argv) => (await import('./pip.js')).runOther('pipx')(argv),
  pnpm: async (argv) => (await import('./managers.js')).runManager('pnpm')(argv),
  yarn: async (argv) => (await import('./managers.js')).runManager('yarn')(argv),
  bun: async (argv) => (await import('./managers.js')).runManager('bun')(argv),
  corepack: async (argv) => (await import('./corepack.js')).run(argv),
  allow: async (argv) => (await import('./allow.js')).run(argv),
  trust: async (argv) => (await import('./trust.js')).run(argv),
  watch: async (argv) => (await import('./watch.js')).run(argv),
  worker: async (argv) => (await import('./worker.js')).run(argv),
  log: async (argv) => (await import('./log.js')).run(argv),
  init: async (argv) => (await import('./init.js')).run(argv),
  setup: async (argv) => (await import('./setup.js')).run(argv),
  teardown: async (argv) => (await import('./teardown.js')).run(argv),
  doctor: async (argv) => (await import('./doctor.js')).run(argv),
  completion: async (argv) => (await import('./completion.js')).run(argv),
  hook: async () => (await import('./hook.js')).run(),
  '--help': async () => (await import('./help.js')).run(),
  '-h': async () => (await import('./help.js')).run(),
  help: async () => (await import('./help.js')).run(),
  '--version': async () => (await import('./help.js')).version(),
  '-v': async () => (await import('./help.js')).version(),
};

/** Runs a command line (without node and script) and sets `process.exitCode`. Never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whatever escapes below, nothing ends in 0 by accident.
  process.exitCode = 102;
  // A reader that has seen enough (`| head`) is no failure of ours; the outcome stands.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  let statusFile = process.env.SAFE_INSTALL_STATUS_FILE;
  // A guarded tool may run safe-install again; the outer run's file is not its to write.
  delete process.env.SAFE_INSTALL_STATUS_FILE;
  let outcome: Outcome;
  try {
    const options = leadingOptions(argv);
    statusFile = options.statusFile ?? statusFile;
    outcome = await route(options.rest);
  } catch (error) {
    outcome = failed(error);
  }
  try {
    if (statusFile !== undefined && statusFile !== '') await writeStatus(statusFile, outcome);
  } catch (error) {
    // The outcome stands; a caller that reads the file finds none and must take that for a failure.
    failed(error);
    if (outcome.exitCode === 0) outcome = { outcome: 'failed', exitCode: 102 };
  }
  process.exitCode = outcome.exitCode;
}

async function route(argv: readonly string[]): Promise<Outcome> {
  const [first, ...rest] = argv;
  const command = first !== undefined && Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (command !== undefined) return command(rest);
  return (await import('./npm.js')).runInstall(argv);
}

/** safe-install's own options stand before the command, so that they cannot be taken for the tool's. */
function leadingOptions(argv: readonly string[]): { statusFile?: string; rest: readonly string[] } {
  const [first, second] = argv;
  if (first?.startsWith('--status-file=')) {
    return { statusFile: first.slice('--status-file='.length), rest: argv.slice(1) };
  }
  if (first !== '--status-file') return { rest: argv };
  if (second === undefined || second === '') throw usage('--status-file needs a file');
  return { statusFile: second, rest: argv.slice(2) };
}
