/**
 * `safe-install npm …`: what would be installed is resolved, fetched, scanned and judged; only if all of it is
 * allowed does the user's own npm run, with its original arguments, behind the gate.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { EXIT, KnownError } from '../errors.js';
import { judgeOwnScripts } from '../guard.js';
import { type OwnScripts, ownScripts } from '../scan/own-scripts.js';
import type { Accept, Recall, Scan, Verdict } from '../types.js';
import { type Invocation, parseArgv } from './argv.js';
import { loadConfig, type NpmConfig } from './config.js';
import { guardExecute } from './execute.js';
import { guardInstall } from './install.js';
import { npxToExec } from './npx.js';
import { ownFolders } from './own-folders.js';
import { SCRIPT_SHELL, STRICT_REGISTRY } from './project-hook.js';
import { type ProjectSetting, projectSettings } from './project-settings.js';
import { guardRebuild, refusalOf } from './rebuild.js';
import type { TreeRequest } from './resolve.js';
import { runPlain } from './run.js';
import { findNpm, type NpmTool } from './tool.js';

/** One artifact of the tree and what was decided. */
export interface ScannedPackage {
  /** `name@version`, or the spec for what could not be read. */
  readonly target: string;
  readonly verdict: Verdict;
  /** How it came into the tree, project first. */
  readonly path: readonly string[];
  /** Scripts of the project itself, in this folder; otherwise a package. */
  readonly own?: string;
}

export interface Decision {
  readonly packages: readonly ScannedPackage[];
  /** Folders of the user's own that npm links in: not judged. */
  readonly ownFolders: readonly string[];
  /** Packages already in place, which npm leaves alone. */
  readonly kept: number;
  readonly durationMs: number;
}

export type OutcomeKind =
  | 'ran' // everything allowed; npm ran
  | 'passed' // the command installs nothing; npm ran as it is
  | 'npm-refused' // npm cannot resolve the request, and said so itself
  | 'blocked'
  | 'unverified'
  | 'failed';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** npm's own when it ran to its end; else 100, 101 or 102. */
  readonly exitCode: number;
  readonly decision: Decision;
  /** For `failed`. */
  readonly error?: KnownError;
}

export interface GuardOptions {
  /** npm's arguments. */
  readonly argv: readonly string[];
  /** Must be the process's own: npm's libraries resolve folder specs against it. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly scan: Scan;
  /** Verdicts of earlier runs, by hash; without it everything is read. */
  readonly recall?: Recall;
  /** The policy's word on what cannot be read; without it nothing of that kind is accepted. */
  readonly accept?: Accept;
  /** The npm to guard; by default the one on PATH. */
  readonly tool?: NpmTool;
  /** Called before anything is resolved, with what the project's `.npmrc` makes npm run or trust; often that is nothing. */
  readonly onProjectSettings?: (settings: readonly ProjectSetting[]) => void | Promise<void>;
  /**
   * The verdict on scripts of the project itself, asked for before anything is resolved; without it they are not looked
   * at. Only what is not allowed goes into the decision.
   */
  readonly judgeOwn?: (own: OwnScripts) => Promise<Verdict>;
  /** Called once everything is judged, before npm runs. */
  readonly onDecision?: (decision: Decision) => void;
}

/** What the project hook itself writes into `.npmrc`. */
const OWN_SETTINGS = [`script-shell=${SCRIPT_SHELL}`, `registry=${STRICT_REGISTRY}`];

export const NOTHING: Decision = { packages: [], ownFolders: [], kept: 0, durationMs: 0 };

/** @throws KnownError: bad usage or configuration (exit 2), or safe-install's own failure (102). */
export async function guardNpm(options: GuardOptions): Promise<Outcome> {
  const tool = options.tool ?? findNpm(options.env);
  const invocation = parseArgv(options.argv, tool.libraries);
  refuseGuesses(invocation, tool);
  const load = () => loadConfig(tool, options.argv, options.cwd, options.env);
  const prepare = async (): Promise<NpmConfig> => {
    const config = await load();
    await options.onProjectSettings?.(projectSettings(config, OWN_SETTINGS));
    return config;
  };
  const refused = async (config: NpmConfig): Promise<Outcome | undefined> => {
    if (options.judgeOwn === undefined) return undefined;
    const started = performance.now();
    const folders = await ownFolders(tool, config, invocation, options.cwd);
    const packages = await judgeOwnScripts(await ownScripts(folders), options.judgeOwn);
    const refusal = refusalOf(packages, performance.now() - started);
    if (refusal !== undefined) options.onDecision?.(refusal.decision);
    return refusal;
  };
  const { kindInWorkspaces } = invocation;
  const depends = invocation.kind === 'pass' && kindInWorkspaces !== 'pass';
  switch (depends && actsInWorkspaces(await load()) ? kindInWorkspaces : invocation.kind) {
    case 'pass': {
      const { exitCode } = await runPlain(tool, options.argv, options.cwd, options.env).done;
      return { kind: 'passed', exitCode, decision: NOTHING };
    }
    case 'install': {
      const config = await prepare();
      const refusal = await refused(config);
      if (refusal !== undefined) return refusal;
      const trees = treesOf(tool, config, invocation);
      return guardInstall(tool, config, { trees, argv: invocation.argv }, options);
    }
    case 'execute':
      return guardExecute(tool, await prepare(), invocation, options);
    case 'rebuild': {
      const config = await prepare();
      return (await refused(config)) ?? guardRebuild(tool, config, invocation, options);
    }
    default:
      throw new KnownError(
        'not-guarded',
        `npm ${invocation.command} ${invocation.args[0] ?? ''}`.trimEnd() +
          ' fetches or runs packages in a way that is not guarded yet, so it was not run. ' +
          'If you trust what it fetches, run npm itself.',
        EXIT.usage,
      );
  }
}

/** In the folder of a workspace npm itself sets `workspace`. */
function actsInWorkspaces(config: NpmConfig): boolean {
  const named = config.get('workspace');
  return config.get('workspaces') === true || (Array.isArray(named) && named.length > 0);
}

/** The trees an installing command changes; all but `link` change one. */
function treesOf(tool: NpmTool, config: NpmConfig, { command, args }: Invocation): TreeRequest[] {
  const { where, global, localPrefix, globalTop } = config;
  if (command !== 'link') return [{ command, args, where, global }];
  const others = args.filter((arg) => path.resolve(arg) !== localPrefix);
  const globally = { command, where: globalTop, global: true };
  if (others.length === 0) return [{ ...globally, args: [`file:${localPrefix}`] }];
  // npm installs globally what is not there yet, then links all of it into the project.
  const names = others.map((arg) => tool.libraries.npa(arg).name ?? arg);
  const missing = others.filter(
    (_, index) => !existsSync(path.join(globalTop, 'node_modules', names[index]!)),
  );
  const present = names.filter((_, index) => !missing.includes(others[index]!));
  const links = present.map((name) => `file:${path.join(globalTop, 'node_modules', name)}`);
  const trees: TreeRequest[] = [{ command, where, global: false, args: links }];
  return missing.length > 0 ? [{ ...globally, args: missing }, ...trees] : trees;
}

/** `npx`, with its arguments in place of npm's. Throws as `guardNpm`. */
export async function guardNpx(options: GuardOptions): Promise<Outcome> {
  const tool = options.tool ?? findNpm(options.env);
  return guardNpm({ ...options, tool, argv: npxToExec(options.argv, tool.libraries) });
}

/**
 * Without the definitions of the npm that will run, an unknown option may or may not take the next word as
 * its value, and so hide the command.
 */
function refuseGuesses(invocation: Invocation, tool: NpmTool): void {
  const [option] = invocation.unknownOptions;
  if (tool.libraries.origin === 'user' || option === undefined) return;
  throw new KnownError(
    'unknown-option',
    `unknown npm option --${option}: cannot tell which command it belongs to. Write it as --${option}=VALUE in .npmrc, or leave it out.`,
    EXIT.usage,
  );
}
