/**
 * `safe-install pnpm …`, `yarn …`, `bun …`: the user's own manager, with its own arguments, behind the gate. It first
 * fetches everything with scripts off; only if all of it is allowed does it run as it was asked to.
 */
import type { StdioOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Child } from '../child.js';
import { EXIT, KnownError } from '../errors.js';
import { type JudgedTarball, unreadNpm } from '../gate/registry-scan.js';
import { judgeOwnScripts, type OwnRefusal, outcomeOf } from '../guard.js';
import type { ProjectSetting } from '../npm/project-settings.js';
import { type OwnScripts, ownScripts } from '../scan/own-scripts.js';
import { expandTargets } from '../scan/targets.js';
import type { Scan, Verdict } from '../types.js';
import { type ManagerInvocation, type ManagerName, NO_INSTALL_BEFORE_RUN, parseManagerArgv } from './argv.js';
import { runBun } from './bun.js';
import { runPnpm } from './pnpm.js';
import {
  localArchives,
  offlineMirror,
  packageFolders,
  projectRoot,
  readProjectSettings,
  readText,
  Snapshot,
} from './project.js';
import { Ended, Session } from './session.js';
import { findManager } from './tool.js';
import { runYarn } from './yarn.js';

export interface ManagerOptions {
  readonly manager: ManagerName;
  /** The manager's arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  readonly scan: Scan;
  /** How the manager is started; by default the one on PATH. */
  readonly command?: readonly string[];
  /** Whether the policy asks for release dates. */
  readonly needsDates?: boolean;
  /** A folder that stays, for what a project refers to after the run (Yarn's cache under Plug'n'Play). */
  readonly keepFolder: string;
  /** Called before anything is resolved, with what the project's files make the manager run. */
  readonly onProjectSettings?: (settings: readonly ProjectSetting[]) => void | Promise<void>;
  /** The verdict on scripts of the project itself, asked for before anything is resolved. */
  readonly judgeOwn?: (own: OwnScripts) => Promise<Verdict>;
}

export interface ManagerResult {
  /** The manager's own, or one of EXIT. */
  readonly exitCode: number;
  readonly results: readonly (JudgedTarball | OwnRefusal)[];
  /** `passed`: it installs nothing; `refused`: the manager could not meet the request and said so. */
  readonly kind: 'ran' | 'passed' | 'refused' | 'blocked' | 'unverified';
  /** One line each, not yet escaped. */
  readonly notes: readonly string[];
}

/** What one manager's way of running is given. */
export interface ManagerRun {
  readonly session: Session;
  readonly invocation: ManagerInvocation;
  readonly argv: readonly string[];
  /** Folder the manager works in, and the one of its lockfile. */
  readonly cwd: string;
  readonly root: string;
  /** Puts manifests and lockfiles back. */
  readonly restore: () => void;
}

const RUNS: Readonly<Record<ManagerName, (run: ManagerRun) => Promise<number>>> = {
  pnpm: runPnpm,
  yarn: runYarn,
  bun: runBun,
};

/** @throws KnownError: what cannot be guarded (exit 2), or safe-install's own failure (102). */
export async function guardManager(options: ManagerOptions): Promise<ManagerResult> {
  const { manager, argv, env, stdio } = options;
  const invocation = parseManagerArgv(manager, argv);
  refuse(manager, invocation);
  const cwd = path.resolve(options.cwd, invocation.directory ?? '.');
  const root = projectRoot(cwd);
  if (invocation.kind !== 'pass') {
    await options.onProjectSettings?.(readProjectSettings(root, cwd));
  }
  const tool = findManager(manager, options.cwd, env, options.command);
  const plain = (own: NodeJS.ProcessEnv = {}): Promise<number> =>
    new Child({ command: [...tool.command, ...argv], cwd: options.cwd, env: { ...env, ...own }, stdio })
      .ended;
  if (invocation.kind === 'pass') {
    return {
      exitCode: await plain(manager === 'pnpm' ? NO_INSTALL_BEFORE_RUN : {}),
      results: [],
      kind: 'passed',
      notes: [],
    };
  }
  if (options.judgeOwn !== undefined && !argv.includes('--ignore-scripts') && !invocation.global) {
    const results = await judgeOwnScripts(await ownScripts(packageFolders(root)), options.judgeOwn);
    const outcome = outcomeOf(results.map(({ verdict }) => verdict));
    if (outcome !== 'allowed') return { exitCode: EXIT[outcome], results, kind: outcome, notes: [] };
  }
  const session = await Session.open(options, tool, cwd);
  const snapshot = invocation.global ? undefined : new Snapshot(root);
  const restore = (): void => snapshot?.restore();
  const result = (kind: ManagerResult['kind'], exitCode: number): ManagerResult => {
    const notes =
      kind === 'ran'
        ? []
        : [...session.registry.failures].map((failure) => `could not fetch from ${failure}`);
    return { exitCode, kind, results: session.results, notes };
  };
  const refused = (): ManagerResult | undefined => {
    const outcome = outcomeOf(session.results.map(({ verdict }) => verdict));
    if (outcome === 'allowed') return undefined;
    return result(outcome, outcome === 'blocked' ? EXIT.blocked : EXIT.unverified);
  };
  let finished = false;
  try {
    if (invocation.kind === 'rebuild') {
      await readDisk(session, root);
      const end = refused() ?? result('ran', await plain());
      finished = true;
      return end;
    }
    nameGitSources(session, invocation, root, cwd);
    for (const file of [...localArchives(root, cwd, invocation.args), ...offlineMirror(root)]) {
      await session.judgeFile(file, readFileSync(file));
    }
    const early = refused();
    if (early !== undefined) return early;
    const exitCode = await RUNS[manager]({ session, invocation, argv, cwd, root, restore });
    finished = true;
    return refused() ?? result('ran', exitCode);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    return refused() ?? result('refused', error.exitCode);
  } finally {
    await session.close();
    if (!finished) restore();
  }
}

function refuse(manager: ManagerName, { kind, command, args }: ManagerInvocation): void {
  if (kind === 'execute') {
    throw new KnownError(
      'runs-program',
      `'${manager} ${command}' would fetch a program and run it inside the gate: use 'safe-install npx ${args[0] ?? 'NAME'}' instead`,
      EXIT.usage,
    );
  }
  if (kind === 'refuse') {
    throw new KnownError(
      'not-guarded',
      `'${manager} ${command}' fetches or runs packages in a way that is not guarded yet, so it was not run: if you trust what it fetches, run ${manager} itself`,
      EXIT.usage,
    );
  }
}

/** Scripts are about to run on what is in node_modules, so that is what is read. */
async function readDisk(session: Session, root: string): Promise<void> {
  if (!existsSync(path.join(root, 'node_modules'))) return;
  const { cwd, env, scan } = session.options;
  for await (const item of expandTargets([root], { cwd, env })) {
    const loaded = await item.load();
    const verdict =
      loaded.input === undefined
        ? unreadNpm(loaded.unverified, item.name, item.version)
        : await scan(loaded.input);
    session.registry.record(`${verdict.name || item.name}@${verdict.version || item.version}`, verdict);
  }
}

const GIT_SPEC = /^(?:git(?:\+\w+)?:|git@|github:|gitlab:|bitbucket:|gist:|(?:https?|ssh):.*\.git(?:#|$))/i;
const GITHUB_SHORTHAND = /^[\w.-]+\/[\w.-]+(?:#.*)?$/;

/** A git source would be cloned, and built with what it needs, before anything of it could be read. */
function nameGitSources(
  session: Session,
  { args, command }: ManagerInvocation,
  root: string,
  cwd: string,
): void {
  const specs: string[] = [];
  for (const folder of new Set([root, cwd])) {
    const text = readText(path.join(folder, 'package.json'));
    if (text === undefined || session.options.argv.includes('--global')) continue;
    try {
      const manifest = JSON.parse(text) as Record<string, unknown>;
      for (const key of ['dependencies', 'devDependencies', 'optionalDependencies']) {
        specs.push(...Object.values((manifest[key] ?? {}) as Record<string, string>).map(String));
      }
    } catch {
      // The manager says so itself.
    }
  }
  const named = /^(?:add|a|install|i|up|update|upgrade)$/.test(command) ? args : [];
  for (const word of named) specs.push(word.replace(/^(?:@[^/@]+\/)?[^/@:]+@(?=.*[:/])/, ''));
  for (const spec of new Set(specs)) {
    if (!GIT_SPEC.test(spec) && !GITHUB_SHORTHAND.test(spec)) continue;
    session.registry.record(spec, unreadNpm({ code: 'git-source', args: { spec } }, spec));
  }
}
