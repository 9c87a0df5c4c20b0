/** `safe-install pip …`. */
import { join } from 'node:path';
import process from 'node:process';
import { outcomeOf } from '../guard.js';
import type { GuardResult } from '../pip/gated-run.js';
import type { OtherTool } from '../pip/other-tools.js';
import { escapeText } from '../report/escape.js';
import type { OwnScripts } from '../scan/own-scripts.js';
import { userFolders } from '../verdict/folders.js';
import { type Outcome, say } from './exit.js';
import { guarded } from './guarded.js';
import type { Services } from './services.js';

/** `safe-install uv …`, `safe-install pipx …`. */
export const runOther =
  (tool: OtherTool) =>
  (argv: readonly string[]): Promise<Outcome> =>
    guarded(
      tool,
      argv.some((word) => /^(?:-q+|--quiet)$/.test(word)),
      async (services, cwd) => {
        const { guardOther } = await import('../pip/other-tools.js');
        return tell(services, await guardOther({ ...common(services, cwd), tool, argv }));
      },
    );

export function run(argv: readonly string[]): Promise<Outcome> {
  const silent = argv.some((word) => /^(?:-q+|--quiet)$/.test(word));
  return guarded('pip', silent, async (services, cwd) => {
    const [{ guardPip }, { findPip }] = await Promise.all([
      import('../pip/guard.js'),
      import('../pip/tool.js'),
    ]);
    const options = { ...common(services, cwd), pip: findPip(process.env), argv };
    return tell(services, await guardPip({ ...options, cacheIdentity: services.identity }));
  });
}

const common = (services: Services, cwd: string) => ({
  cwd,
  env: process.env,
  stdio: 'inherit' as const,
  scan: services.scan,
  accept: services.accept,
  judgeOwn: async (own: OwnScripts) => {
    const { judgeOwn } = await import('./own-scripts.js');
    return judgeOwn(own, services.scan, services.accept);
  },
  cacheFolder: join(userFolders().cache, 'pip'),
});

async function tell(services: Services, result: GuardResult): Promise<Outcome> {
  if (result.results.length > 0) await services.report(result.results);
  for (const note of result.notes) say(escapeText(note));
  const kind = outcomeOf(result.results.map(({ verdict }) => verdict));
  return { outcome: result.guarded ? kind : 'passed', exitCode: result.exitCode };
}
