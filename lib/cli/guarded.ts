/** What the npm and pip commands share: services around a guard, its outcome, the record of the run. */
import process from 'node:process';
import type { Outcome } from './exit.js';
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
