/**
 * The tree as it was resolved and judged, handed to npm as a lockfile, so that npm does not resolve it a second time. Only
 * where npm would arrive at the same files and say the same: into a project that has neither lockfile nor packages yet,
 * and for a tree of nothing but tarballs of a registry. Everywhere else npm resolves for itself, behind the gate.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { NpmConfig } from './config.js';
import type { TreeNode } from './libraries.js';
import type { TreeRequest } from './resolve.js';

/** What npm looks at before it resolves: where one is there, it decides. */
const RECORDS = ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'node_modules'];

/** @returns the lockfile's text; undefined where npm must resolve for itself */
export function lockfileFor(
  ideal: TreeNode,
  config: NpmConfig,
  { command, global, where }: TreeRequest,
): string | undefined {
  if ((command !== 'install' && command !== 'install-test') || global || config.workspaceNames.length > 0)
    return undefined;
  if (config.get('package-lock') === false || config.get('install-strategy') === 'linked') return undefined;
  if (![undefined, null, 3, '3'].includes(config.get('lockfile-version') as never)) return undefined;
  if (RECORDS.some((name) => existsSync(path.join(where, name)))) return undefined;
  for (const node of ideal.inventory.values()) if (!node.isRoot && !isPlain(node)) return undefined;
  // Where npm leaves addresses out of what it writes, it would ask for every packument to learn them.
  if (ideal.meta?.resolveOptions !== undefined)
    ideal.meta.resolveOptions.omitLockfileRegistryResolved = false;
  return ideal.meta?.toString();
}

/** All that is known of it stands in a lockfile: what a package bundles shows only once it is opened. */
function isPlain(node: TreeNode): boolean {
  const { bundleDependencies, bundledDependencies } = node.package;
  return (
    !(node.isLink || node.inBundle || node.hasShrinkwrap || bundleDependencies || bundledDependencies) &&
    /^https?:/.test(node.resolved ?? '') &&
    node.integrity !== null
  );
}

/** npm's libraries tell the process what they would have on the terminal. */
type LogListener = (level: string, prefix?: unknown) => void;

/**
 * Whether the resolver has something to say, such as a conflict it passes over, that npm says only when it resolves.
 * What it says of engines it says of every tree.
 */
export function heardWarnings(): { readonly any: boolean; stop(): void } {
  let any = false;
  const listen: LogListener = (level, prefix) => {
    if (level === 'warn' && prefix !== 'EBADENGINE') any = true;
  };
  process.on('log' as never, listen as never);
  return {
    get any() {
      return any;
    },
    stop: () => {
      process.off('log' as never, listen as never);
    },
  };
}
