/** `safe-install pnpm …`, `yarn …`, `bun …`. `command`: how the manager is started; by default the one on PATH. */
import process from 'node:process';
import type { ManagerName } from '../managers/argv.js';
import type { ManagerResult } from '../managers/guard.js';
import { escapeText } from '../report/escape.js';
import { userFolders } from '../verdict/folders.js';
import { type Outcome, say } from './exit.js';
import { guarded } from './guarded.js';

export const runManager =
  (manager: ManagerName, command?: readonly string[]) =>
  (argv: readonly string[]): Promise<Outcome> =>
    guarded(manager, argv.includes('--silent') || argv.includes('-s'), async (services, cwd) => {
      const [{ guardManager }, { loadPolicy }] = await Promise.all([
        import('../managers/guard.js'),
        import('../verdict/policy.js'),
      ]);
      const { exitCode, results, kind, notes } = await guardManager({
        manager,
        ...(command === undefined ? {} : { command }),
        argv,
        cwd,
        env: process.env,
        stdio: 'inherit',
        scan: services.scan,
        needsDates: loadPolicy(cwd).minimumReleaseAge > 0,
        keepFolder: userFolders().cache,
        judgeOwn: async (own) => {
          const { judgeOwn } = await import('./own-scripts.js');
          return judgeOwn(own, services.scan, services.accept);
        },
        onProjectSettings: async (settings) => {
          await services.announce();
          for (const { key, value } of settings) {
            say(escapeText(`this project's ${key}=${value}: ${manager} will run this, and it is not judged`));
          }
        },
      });
      if (results.length > 0) await services.report(results);
      for (const note of notes) say(escapeText(note));
      return { outcome: OUTCOMES[kind], exitCode };
    });

const OUTCOMES: Readonly<Record<ManagerResult['kind'], Outcome['outcome']>> = {
  ran: 'allowed',
  passed: 'passed',
  refused: 'refused',
  blocked: 'blocked',
  unverified: 'unverified',
};
