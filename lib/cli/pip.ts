/** `safe-install pip …`. */
import { join } from 'node:path';
import process from 'node:process';
import { outcomeOf } from '../guard.js';
import { escapeText } from '../report/escape.js';
import { userFolders } from '../verdict/folders.js';
import { type Outcome, say } from './exit.js';
import { guarded } from './guarded.js';

export function run(argv: readonly string[]): Promise<Outcome> {
  const silent = argv.some((word) => /^(?:-q+|--quiet)$/.test(word));
  return guarded('pip', silent, async (services, cwd) => {
    const [{ guardPip }, { findPip }] = await Promise.all([
      import('../pip/guard.js'),
      import('../pip/tool.js'),
    ]);
    const result = await guardPip({
      pip: findPip(process.env),
      argv,
      cwd,
      env: process.env,
      stdio: 'inherit',
      scan: services.scan,
      cacheFolder: join(userFolders().cache, 'pip'),
    });
    if (result.results.length > 0) await services.report(result.results);
    for (const note of result.notes) say(escapeText(note));
    const kind = outcomeOf(result.results.map(({ verdict }) => verdict));
    return { outcome: result.guarded ? kind : 'passed', exitCode: result.exitCode };
  });
}
