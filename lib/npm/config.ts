/** The user's npm configuration as their own npm would load it: command line, environment, every `.npmrc`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { EXIT, KnownError } from '../errors.js';
import type { ConfigLike, FlatOptions } from './libraries.js';
import { STRICT_REGISTRY } from './project-hook.js';
import type { NpmTool } from './tool.js';

export interface NpmConfig {
  /** Options in the shape Arborist and pacote take. */
  readonly flat: FlatOptions;
  /** Folder whose tree is changed: the project, or the global prefix's `lib`. */
  readonly where: string;
  readonly global: boolean;
  /** Folder of the global tree: the one that holds its `node_modules`. */
  readonly globalTop: string;
  /** The project's hook leaves plain npm no registry (`init --strict`); the one behind it is used instead. */
  readonly strict: boolean;
  readonly localPrefix: string;
  /** Names from `--workspace`, `--workspaces`; empty for the whole project. */
  readonly workspaceNames: readonly string[];
  /** What the project's own `.npmrc` says. */
  readonly projectSettings: Readonly<Record<string, unknown>>;
  /** What the user's and the machine's files, the environment and the command line say. */
  readonly userSettings: Readonly<Record<string, unknown>>;
  get(key: string): unknown;
  isDefault(key: string): boolean;
  /** Whether the user's command line itself sets this key. */
  onCommandLine(key: string): boolean;
  /** The environment a lifecycle script would see from plain npm (`npm_config_*` and the like added). */
  readonly scriptEnvironment: Readonly<Record<string, string | undefined>>;
}

/**
 * @param argv npm's arguments
 * @throws KnownError `npm-config` when npm's configuration is contradictory or cannot be read
 */
export async function loadConfig(
  tool: NpmTool,
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<NpmConfig> {
  const { libraries } = tool;
  const scriptEnvironment: Record<string, string | undefined> = { ...env };
  let config: ConfigLike;
  try {
    config = new libraries.Config({
      definitions: libraries.definitions,
      shorthands: libraries.shorthands,
      flatten: libraries.flatten,
      nerfDarts: libraries.nerfDarts,
      npmPath: tool.root ?? path.dirname(process.execPath),
      argv: ['node', 'npm', ...argv],
      env: scriptEnvironment,
      execPath: process.execPath,
      cwd,
      warn: false,
    });
    await config.load();
    const strict = dropStrictRegistry(config, scriptEnvironment);
    const globalFolder = path.resolve(config.globalPrefix, process.platform === 'win32' ? '.' : 'lib');
    const global = config.get('global') === true || config.get('location') === 'global';
    const flat: FlatOptions = {
      ...config.flat,
      // What npm itself would call itself: registries and min-release-age rules may look at it.
      npmVersion: tool.version,
      nodeVersion: process.version,
    };
    return {
      flat,
      global,
      globalTop: globalFolder,
      strict,
      where: global ? globalFolder : config.localPrefix,
      localPrefix: config.localPrefix,
      workspaceNames: global ? [] : await workspaceNames(tool, config, cwd),
      // Own keys only: each level inherits from the one below it.
      projectSettings: { ...config.data.get('project')?.data },
      userSettings: Object.assign(
        {},
        ...['global', 'user', 'env', 'cli'].map((level) => ({ ...config.data.get(level)?.data })),
      ),
      get: (key) => config.get(key),
      isDefault: (key) => config.isDefault(key),
      onCommandLine: (key) => config.get(key, 'cli') !== undefined && config.find(key) === 'cli',
      scriptEnvironment,
    };
  } catch (error) {
    throw new KnownError('npm-config', `npm's configuration: ${(error as Error).message}`, EXIT.usage, {
      cause: error,
    });
  }
}

/** Takes the strict hook's registry out, so that the user's or the machine's own counts. */
function dropStrictRegistry(config: ConfigLike, environment: Record<string, string | undefined>): boolean {
  if (config.get('registry', 'project') !== STRICT_REGISTRY) return false;
  config.delete('registry', 'project');
  if (environment.npm_config_registry === STRICT_REGISTRY) {
    environment.npm_config_registry = String(config.get('registry'));
  }
  return true;
}

/** npm's `get-workspaces`: `--workspace` filters by name, folder, or folder of workspaces. */
async function workspaceNames(tool: NpmTool, config: ConfigLike, cwd: string): Promise<string[]> {
  const filters = (config.get('workspace') as string[] | undefined) ?? [];
  if (config.get('workspaces') !== true && filters.length === 0) return [];
  const root = config.localPrefix;
  const pkg = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as unknown;
  const all = await tool.libraries.mapWorkspaces({ cwd: root, pkg });
  if (filters.length === 0) return [...all.keys()];
  const outside = path.relative(root, cwd).startsWith('..');
  const from = outside ? root : cwd;
  const chosen = [...all].filter(([name, folder]) =>
    filters.some((filter) => {
      const target = path.resolve(from, filter);
      const below = path.relative(target, folder);
      return (
        filter === name ||
        target === folder ||
        path.resolve(root, filter) === folder ||
        (below !== '' && !below.includes(path.sep) && !below.startsWith('..'))
      );
    }),
  );
  if (chosen.length === 0) throw new Error(`no workspaces found for ${filters.join(', ')}`);
  return chosen.map(([name]) => name);
}
