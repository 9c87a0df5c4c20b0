/**
 * Yarn, classic and modern: both fetch everything before they unpack anything. So the first run, with scripts off, ends
 * at the first archive that may not be used, with `node_modules` as before; the second is the one that was asked for.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readZip } from '../artifact/zip.js';
import { KnownError } from '../errors.js';
import { unreadNpm } from '../gate/registry-scan.js';
import type { ManagerRun } from './guard.js';
import { listFiles } from './project.js';
import type { Session } from './session.js';

export async function runYarn(run: ManagerRun): Promise<number> {
  const { session, argv, invocation, root, restore } = run;
  if (
    /interactive$/.test(invocation.command) ||
    argv.some((word) => word === '-i' || word === '--interactive')
  ) {
    throw new KnownError(
      'interactive',
      'a command of Yarn that asks is not guarded: name the packages to update',
      2,
    );
  }
  const { cwd } = session.options;
  const classic = session.tool.version.startsWith('1.');
  const env = classic ? classicCache(session) : modernCache(run);
  if (!classic) {
    const folder = await session.ask(['config', 'get', 'cacheFolder'], cwd, env);
    const folders = new Set([
      folder,
      path.join(root, '.yarn/cache'),
      path.join(env.YARN_GLOBAL_FOLDER!, 'cache'),
    ]);
    for (const each of folders) if (each !== '') await readZips(session, listFiles(each, /\.zip$/));
    if (session.registry.refused) return 0;
  }
  // `version` forgets what was to be bumped once it has done it, so what it would install is fetched by an install.
  const first =
    invocation.command === 'version'
      ? [...argv.slice(0, invocation.commandAt), 'install', ...(classic ? [] : ['--no-immutable'])]
      : argv;
  await session.run(classic ? withOption(first, '--ignore-scripts') : first, {
    cwd,
    env: classic ? env : { ...env, YARN_ENABLE_SCRIPTS: 'false' },
    quiet: true,
  });
  restore();
  session.judged = true;
  return session.run(argv, { cwd, env });
}

/** Classic unpacks from its cache without asking where that came from: it is given one of its own. */
function classicCache({ folder }: Session): NodeJS.ProcessEnv {
  const cache = path.join(folder, 'yarn-cache');
  return { YARN_CACHE_FOLDER: cache, yarn_cache_folder: undefined };
}

/**
 * Under Plug'n'Play a project runs from Yarn's cache, so that must stay: one a project, of the guard's own. What is in
 * it, or committed with the project, is read again before each run.
 */
function modernCache({ session, root }: ManagerRun): NodeJS.ProcessEnv {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 24);
  const folder = path.join(session.options.keepFolder, 'yarn', name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { YARN_GLOBAL_FOLDER: folder, YARN_CACHE_FOLDER: undefined };
}

async function readZips(session: Session, files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      const members = await readZip(readFileSync(file));
      // `node_modules/NAME/…` or `node_modules/@SCOPE/NAME/…`
      const inside = members.flatMap((member) => {
        const name = /^node_modules\/(?:@[^/]+\/)?[^/]+\/(.+)$/.exec(member.name)?.[1];
        return name === undefined
          ? []
          : [{ path: name, bytes: member.read(), executable: member.executable }];
      });
      const verdict = await session.options.scan({
        ecosystem: 'npm',
        filename: path.basename(file),
        bytes: new Uint8Array(),
        files: inside,
      });
      session.registry.record(verdict.name === '' ? file : `${verdict.name}@${verdict.version}`, verdict);
    } catch (error) {
      const args = { file: path.basename(file), why: (error as Error).message };
      session.registry.record(file, unreadNpm({ code: 'damaged', args }));
    }
  }
}

function withOption(argv: readonly string[], option: string): string[] {
  const end = argv.indexOf('--');
  return end === -1 ? [...argv, option] : [...argv.slice(0, end), option, ...argv.slice(end)];
}
