/** What the npm and pip commands share: services around a guard, its outcome, the record of the run. */
import process from 'node:process';
import type { GuardResult, GuardServices } from '../guard.js';
import type { Outcome } from './exit.js';
import { createServices } from './services.js';

export type Guard = (argv: readonly string[], services: GuardServices) => Promise<GuardResult>;

/** Runs a guard. `command` is what the record calls it, without arguments: those may hold secrets. */
export async function runGuard(
  command: string,
  guard: () => Promise<Guard>,
  argv: readonly string[],
  silent: boolean,
): Promise<Outcome> {
  const services = createServices({ cwd: process.cwd(), silent });
  let result: GuardResult;
  try {
    result = await (await guard())(argv, services);
  } finally {
    await services.close();
  }
  const run = services.run();
  if (run !== undefined) {
    const { recordRun } = await import('./record.js');
    recordRun({ command, outcome: result.outcome, exitCode: result.exitCode, run, cwd: services.cwd });
  }
  return result;
}
