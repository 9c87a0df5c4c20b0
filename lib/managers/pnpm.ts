/**
 * pnpm: resolve into the lockfile; fetch all the lockfile names into a store and a folder of their own; then the real
 * run, from the user's own store. That store keeps packages by the integrity the lockfile pins, so what it gives is
 * what was read, and it need not be fetched again.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KnownError } from '../errors.js';
import { expandTargets } from '../scan/targets.js';
import type { ManagerRun } from './guard.js';
import { lockfiles } from './project.js';
import type { Session } from './session.js';

/** Commands that can stop at the lockfile. All others change no version of a registry's package. */
const RESOLVING =
  /^(?:install|i|ci|clean-install|ic|install-clean|it|install-test|add|update|up|upgrade|remove|rm|uninstall|un|uni|dedupe)$/;
const INSTALLING = /^(?:i|ci|clean-install|ic|install-clean|it|install-test)$/;
const FROZEN = /^(?:ci|clean-install|ic|install-clean)$/;

export async function runPnpm(run: ManagerRun): Promise<number> {
  const { session, invocation, argv, cwd, root, restore } = run;
  if (argv.some((word) => word === '-i' || word === '--interactive')) {
    throw new KnownError(
      'interactive',
      'pnpm update --interactive is not guarded: name the packages to update',
      2,
    );
  }
  const metadata = both('cache_dir', path.join(session.folder, 'metadata'));
  if (invocation.global) {
    await fetchNamed(run, metadata);
    session.judged = true;
    return session.run(argv, { cwd: session.options.cwd, env: metadata });
  }
  if (RESOLVING.test(invocation.command)) {
    await session.run(resolving(run), {
      cwd: session.options.cwd,
      env: { ...metadata, ...both('lockfile_only', 'true'), ...off, ...emptyStore(session) },
      quiet: true,
    });
  }
  const named = integrities(root);
  const files = lockfiles(root, 'pnpm-lock.yaml');
  if (files.length === 0 && RESOLVING.test(invocation.command)) {
    throw new KnownError(
      'no-lockfile',
      `pnpm keeps no lockfile in ${root}, so what it would install cannot be read first: leave out lockfile=false`,
      2,
    );
  }
  for (const file of files) await fetchLocked(run, file, metadata);
  restore();
  session.judged = true;
  const exitCode = await session.run(argv, { cwd: session.options.cwd, env: metadata });
  const extra = [...integrities(root)].filter((integrity) => !named.has(integrity));
  if (exitCode === 0 && extra.length > 0 && RESOLVING.test(invocation.command)) {
    throw new KnownError(
      'tree-changed',
      `pnpm resolved otherwise than before: ${extra.length} packages in ${cwd} were not read; delete node_modules and try again`,
    );
  }
  return exitCode;
}

/** What packages of configuration bring is run while pnpm resolves: it too must come through the gate. */
const emptyStore = ({ folder }: Session): Record<string, string> =>
  both('store_dir', path.join(folder, 'store'));

const off = both('ignore_scripts', 'true');

/** pnpm 9 and 10 read `npm_config_*`, later ones `pnpm_config_*`. */
function both(key: string, value: string): Record<string, string> {
  return { [`npm_config_${key}`]: value, [`pnpm_config_${key}`]: value };
}

function resolving({ argv, invocation: { command, commandAt } }: ManagerRun): string[] {
  const word = INSTALLING.test(command) ? 'install' : command;
  const end = argv.indexOf('--');
  const rest = argv.slice(commandAt + 1, end === -1 ? undefined : end);
  return [
    ...argv.slice(0, commandAt),
    word,
    ...rest,
    ...(command === 'dedupe' ? [] : ['--lockfile-only']),
    ...(FROZEN.test(command) && !rest.includes('--frozen-lockfile') ? ['--frozen-lockfile'] : []),
    ...(end === -1 ? [] : argv.slice(end)),
  ];
}

/** Files beside a lockfile that say where its packages come from and how they are unpacked. */
const BESIDE = ['.npmrc', 'pnpm-workspace.yaml', 'package.json'];

async function fetchLocked(run: ManagerRun, lockfile: string, env: NodeJS.ProcessEnv): Promise<void> {
  const from = path.dirname(lockfile);
  // Deep enough for the `../` of local archives.
  const to = path.join(run.session.folder, 'fetched', String(fetched++), 'a/b/c/d/e');
  mkdirSync(to, { recursive: true });
  const text = readFileSync(lockfile, 'utf8');
  writeFileSync(path.join(to, 'pnpm-lock.yaml'), text);
  const patches = [...text.matchAll(/^\s+(?:path:\s+)?['"]?([^\s'":]+\.patch)['"]?\s*$/gm)].map(
    ([, name]) => name!,
  );
  const archives = [...text.matchAll(/tarball: ['"]?file:([^'"\s,}]+)/g)].map(([, name]) => name!);
  for (const name of [...BESIDE, ...patches, ...archives]) {
    const source = path.resolve(from, name);
    const target = path.resolve(to, name);
    if (!existsSync(source) || !target.startsWith(run.session.folder)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(source, target);
  }
  await fetchInto(run, to, ['fetch'], env);
}
let fetched = 0;

/** Packages installed for the user are added to an empty project first. */
async function fetchNamed(run: ManagerRun, env: NodeJS.ProcessEnv): Promise<void> {
  const { command, args } = run.invocation;
  if (/^(?:remove|rm|uninstall|un|uni)$/.test(command)) return;
  if (!/^(?:add|install|i)$/.test(command) || args.length === 0) {
    throw new KnownError(
      'not-guarded',
      `pnpm ${command} -g is not guarded: use 'pnpm add -g NAME@latest'`,
      2,
    );
  }
  const to = path.join(run.session.folder, 'global');
  mkdirSync(to, { recursive: true });
  writeFileSync(path.join(to, 'package.json'), '{"private":true}\n');
  await fetchInto(run, to, ['add', ...args, '--ignore-scripts'], env);
}

/** @throws KnownError when something came in that the gate did not see. */
async function fetchInto(
  run: ManagerRun,
  to: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { session } = run;
  await session.run(argv, {
    cwd: to,
    env: {
      ...env,
      ...off,
      ...emptyStore(session),
      ...both('enable_global_virtual_store', 'false'),
      ...both('offline', 'false'),
    },
    quiet: true,
  });
  const read = new Set(session.results.map(({ target }) => target));
  const modules = path.join(to, 'node_modules');
  if (!existsSync(modules)) return;
  for await (const { name, version } of expandTargets([modules], { cwd: to, env: session.options.env })) {
    if (name === '' || read.has(`${name}@${version}`)) continue;
    // A nested package.json without a version is part of a package; bundled packages were read with their bundle.
    if (version === '') continue;
    throw new KnownError(
      'past-the-gate',
      `pnpm fetched ${name}@${version} past the gate; nothing was installed: please report this`,
    );
  }
}

function integrities(root: string): Set<string> {
  const found = new Set<string>();
  for (const file of lockfiles(root, 'pnpm-lock.yaml')) {
    for (const [, integrity] of readFileSync(file, 'utf8').matchAll(/integrity: (sha\d+-[\w+/=]+)/g))
      found.add(integrity!);
  }
  return found;
}
