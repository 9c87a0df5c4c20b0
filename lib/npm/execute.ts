/**
 * `npm exec`, `npx`, `npm init NAME`: what would be fetched into npm's npx folder is scanned like an install.
 * A tool that is in the project or installed globally is run as it is: nothing is fetched for it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT, KnownError } from '../errors.js';
import type { Invocation } from './argv.js';
import type { NpmConfig } from './config.js';
import { type Decision, type GuardOptions, NOTHING, type Outcome } from './guard.js';
import { guardInstall } from './install.js';
import { refusalOf, scanDisk } from './rebuild.js';
import { runPlain } from './run.js';
import type { NpmTool } from './tool.js';

export async function guardExecute(
  tool: NpmTool,
  config: NpmConfig,
  invocation: Invocation,
  options: GuardOptions,
): Promise<Outcome> {
  const specs =
    invocation.command === 'init'
      ? initializer(tool, invocation.args)
      : packagesOf(config, invocation, options.cwd);
  if (specs === undefined) {
    const { exitCode } = await runPlain(tool, invocation.argv, options.cwd, options.env).done;
    return { kind: 'passed', exitCode, decision: NOTHING };
  }
  if (config.workspaceNames.length > 0) {
    throw new KnownError(
      'not-guarded',
      `npm ${invocation.command} in workspaces is not guarded yet, so it was not run; run it in the workspace's own folder`,
      EXIT.usage,
    );
  }
  const where = npxFolder(tool, config, specs);
  // Packages are installed there whatever the configuration says of the project.
  const flat = { ...config.flat, packageLockOnly: false, dryRun: false };
  const started = performance.now();
  // What an earlier run left there is run as it stands now, so that is what is read of it.
  const onDisk = await scanDisk(where, options);
  const refusal = refusalOf(onDisk, performance.now() - started);
  if (refusal !== undefined) {
    options.onDecision?.(refusal.decision);
    return refusal;
  }
  const withDisk = (decision: Decision): Decision => ({
    ...decision,
    packages: [...onDisk, ...decision.packages],
  });
  const outcome = await guardInstall(
    tool,
    { ...config, flat, where, global: false },
    {
      trees: [{ command: 'install', args: specs, where, global: false }],
      argv: invocation.argv,
      // npm looks a spec up by itself before it resolves anything.
      asksMore: true,
    },
    { ...options, onDecision: (decision) => options.onDecision?.(withDisk(decision)) },
  );
  return { ...outcome, decision: withDisk(outcome.decision) };
}

/** What `npm exec` would look for; undefined when it would run what is there already. */
function packagesOf(config: NpmConfig, invocation: Invocation, cwd: string): string[] | undefined {
  const asked = ((config.get('package') as string[] | undefined) ?? []).filter(Boolean);
  const [command] = invocation.args;
  if (asked.length > 0) return absoluteFolders(asked, cwd);
  if (command === undefined || config.get('call')) return undefined;
  if (providesBin(config.localPrefix, command)) return undefined;
  for (let folder = config.localPrefix; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'node_modules', '.bin', command))) return undefined;
    if (folder === path.dirname(folder)) break;
  }
  const prefix = config.get('prefix');
  const globalBin = typeof prefix === 'string' ? path.join(prefix, 'bin', command) : undefined;
  if (globalBin !== undefined && prefix !== config.localPrefix && existsSync(globalBin)) return undefined;
  return absoluteFolders([command], cwd);
}

function absoluteFolders(specs: readonly string[], cwd: string): string[] {
  return specs.map((spec) =>
    /^\.{0,2}\//.test(spec) || spec === '.' || spec === '..' ? path.resolve(cwd, spec) : spec,
  );
}

/** Whether the project itself has a program of that name: npm then runs the project's own code. */
function providesBin(folder: string, command: string): boolean {
  try {
    const { name, bin } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
      name?: string;
      bin?: string | Record<string, string>;
    };
    if (typeof bin === 'string') return name?.split('/').at(-1) === command;
    return typeof bin === 'object' && bin !== null && Object.hasOwn(bin, command);
  } catch {
    return false;
  }
}

/** `npm init NAME` runs the package `create-NAME`. */
function initializer(tool: NpmTool, args: readonly string[]): string[] {
  const [given = ''] = args;
  if (/^@[^/]+$/.test(given)) {
    const [, scope, version] = given.split('@');
    return [`@${scope}/create${version ? `@${version}` : ''}`];
  }
  const spec = tool.libraries.npa(given) as {
    type: string;
    name: string | null;
    rawSpec?: string;
    registry?: boolean;
    raw: string;
  };
  if (spec.registry && spec.name !== null) {
    return [`${spec.name.replace(/^(@[^/]+\/)?/, '$1create-')}@${spec.rawSpec}`];
  }
  return [given];
}

/** The folder npm keeps for this set of packages (libnpmexec): named by a hash over them. */
function npxFolder(tool: NpmTool, config: NpmConfig, specs: readonly string[]): string {
  const names = specs.map((spec) => {
    const parsed = tool.libraries.npa(spec);
    return parsed.type === 'directory' ? (parsed.fetchSpec ?? spec) : spec;
  });
  names.sort((a, b) => a.localeCompare(b, 'en'));
  const hash = createHash('sha512').update(names.join('\n')).digest('hex').slice(0, 16);
  return path.join(String(config.flat.npxCache), hash);
}
