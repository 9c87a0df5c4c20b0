/** What the npm and pip commands share: services around a guard, its outcome, the record of the run. */
import process from 'node:process';
import { hookSwitches } from '../tools.js';
import { type Outcome, say } from './exit.js';
import { createServices, type Services } from './services.js';

/**
 * Runs a guard between opening and closing of its services. `command` is what the record calls it, without
 * arguments: those may hold secrets.
 */
export async function guarded(
  command: string,
  silent: boolean,
  guard: (services: Services, cwd: string) => Promise<Outcome>,
): Promise<Outcome> {
  const cwd = process.cwd();
  for (const name of hookSwitches(process.env)) {
    say(`${name} is set in your environment: project hooks and hooked environments let everything pass`);
  }
  const services = createServices({ cwd, silent });
  let outcome: Outcome;
  try {
    outcome = await guard(services, cwd);
  } finally {
    await services.close();
  }
  const run = services.run();
  if (run !== undefined) {
    const { recordRun } = await import('./record.js');
    recordRun({ command, outcome: outcome.outcome, exitCode: outcome.exitCode, run, cwd });
  }
  return outcome;
}
