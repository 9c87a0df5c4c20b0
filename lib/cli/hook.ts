/**
 * `safe-install hook`: what a project's hook calls (hooks/script-shell.sh and the root preinstall). Scans the packages
 * that stand in node_modules, before npm runs the first script of an install; refuses when one is flagged.
 * Says nothing when all is well: npm's output is the project's.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { EXIT } from '../errors.js';
import { outcomeOf } from '../guard.js';
import { userFolders } from '../verdict/folders.js';
import { done, type Outcome, say } from './exit.js';

export async function run(): Promise<Outcome> {
  // A guarded npm has had its whole tree judged before it started.
  if (process.env.SAFE_INSTALL_GUARDED_NPM) return done;
  const project = process.env.npm_config_local_prefix ?? process.cwd();
  const target = installed(project);
  if (target === undefined) return done;
  const marker = runMarker();
  if (marker !== undefined && existsSync(marker)) return done;
  const { scanTargets } = await import('./scan.js');
  const result = await scanTargets([target], { cwd: project, silent: true, sequences: false });
  const outcome = outcomeOf(result.packages.map(({ verdict }) => verdict));
  if (outcome === 'allowed') {
    if (marker !== undefined) remember(marker);
    return done;
  }
  const { renderText } = await import('../report/text.js');
  const { styleOf } = await import('../report/style.js');
  process.stderr.write(renderText(result, styleOf('stderr'), 'scan'));
  say(
    "no install script was run. What npm leaves in node_modules is not safe to import: delete it, then run 'safe-install' in place of 'npm install'",
  );
  return { outcome, exitCode: outcome === 'blocked' ? EXIT.blocked : EXIT.unverified };
}

/**
 * What npm is about to run code of: the packages in node_modules. From npm 12 on a root preinstall runs before anything is
 * there; then it is what the lockfile names. Undefined when there is neither.
 */
function installed(project: string): string | undefined {
  const major = Number(process.env.npm_config_user_agent?.match(/\bnpm\/(\d+)/)?.[1] ?? 0);
  const lockfile = path.join(project, 'package-lock.json');
  if (major >= 12 && process.env.npm_lifecycle_event === 'preinstall' && existsSync(lockfile))
    return lockfile;
  return existsSync(path.join(project, 'node_modules')) ? project : undefined;
}

/**
 * One scan an npm process: npm has extracted everything before its first script. The file's name is npm's process id with
 * its start time, as ids are used again. Undefined, and so scanned again, where that cannot be told.
 */
function runMarker(): string | undefined {
  const pid = process.env.SAFE_INSTALL_HOOK_NPM;
  if (pid === undefined || !/^\d+$/.test(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22, counted after the command name, which may hold spaces and brackets itself.
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    if (started === undefined) return undefined;
    return path.join(userFolders().state, 'hook', `${pid}-${started}`);
  } catch {
    return undefined;
  }
}

const A_DAY = 86_400_000;

function remember(marker: string): void {
  const folder = path.dirname(marker);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      const file = path.join(folder, name);
      if (Date.now() - statSync(file).mtimeMs > A_DAY) rmSync(file, { force: true });
    }
    writeFileSync(marker, '');
  } catch {
    // Without the marker the next script's hook scans again: slower, not weaker.
  }
}
