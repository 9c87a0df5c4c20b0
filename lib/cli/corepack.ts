/** `safe-install corepack …`. */
import process from 'node:process';
import { Child } from '../child.js';
import { corepackManager, corepackNpm, findCorepack, parseCorepackArgv } from '../managers/corepack.js';
import type { Outcome } from './exit.js';
import { runManager } from './managers.js';
import { runNpmOf } from './npm.js';

export async function run(argv: readonly string[]): Promise<Outcome> {
  const { env } = process;
  const cwd = process.cwd();
  const request = parseCorepackArgv(argv);
  const corepack = findCorepack(env);
  if (request === undefined) {
    const { ended } = new Child({ command: [corepack, ...argv], cwd, env, stdio: 'inherit' });
    return { outcome: 'passed', exitCode: await ended };
  }
  const { manager } = request;
  return manager === 'npm' || manager === 'npx'
    ? runNpmOf(manager, request.argv, corepackNpm(corepack, request, cwd, env))
    : runManager(manager, corepackManager(corepack, request, cwd, env))(request.argv);
}
