/**
 * Whether everything a plain `npm install` would put into node_modules is there already, told from npm's own records
 * without building a tree. It only decides where to begin: npm then runs behind a gate that has nothing to give, so
 * a wrong answer costs time and lets nothing in.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { NpmConfig } from './config.js';
import type { TreeRequest } from './resolve.js';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly devOptional?: boolean;
  readonly [key: string]: unknown;
}

type Entries = Readonly<Record<string, Entry>>;

const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

/** @returns how many packages are in place; undefined when something may be missing or the question is not this one. */
export function packagesInPlace(config: NpmConfig, request: TreeRequest): number | undefined {
  const { command, args, where, global, includeKept } = request;
  if (command !== 'install' || args.length > 0 || global || includeKept) return undefined;
  if (
    config.workspaceNames.length > 0 ||
    config.get('package-lock') === false ||
    config.get('force') === true
  )
    return undefined;
  try {
    const root = readJson(path.join(where, 'package.json')) as Entry;
    if (root.workspaces !== undefined || existsSync(path.join(where, 'npm-shrinkwrap.json')))
      return undefined;
    const wanted = (readJson(path.join(where, 'package-lock.json')) as { packages?: Entries }).packages;
    const record = path.join(where, 'node_modules', '.package-lock.json');
    const there = (readJson(record) as { packages?: Entries }).packages;
    const own = wanted?.[''];
    if (wanted === undefined || there === undefined || own === undefined) return undefined;
    // What is written down no longer holds where the project asks for something else.
    if (
      !isDeepStrictEqual(
        DEPENDENCIES.map((key) => own[key] ?? {}),
        DEPENDENCIES.map((key) => root[key] ?? {}),
      )
    )
      return undefined;
    if (!isDeepStrictEqual(own.overrides, root.overrides)) return undefined;
    const recorded = statSync(record).mtimeMs;
    let count = 0;
    for (const [location, entry] of Object.entries(wanted)) {
      if (location === '') continue;
      if (entry.link === true || !location.startsWith('node_modules/')) return undefined;
      const found = there[location];
      if (found === undefined) {
        // Meant for another system: npm leaves it out every time.
        if (entry.optional === true) continue;
        return undefined;
      }
      if (found.version !== entry.version || found.integrity !== entry.integrity) return undefined;
      // npm's rule for whether its record still holds.
      const folder = statSync(path.join(where, location), { throwIfNoEntry: false });
      if (folder === undefined || folder.mtimeMs > recorded) return undefined;
      count++;
    }
    return count;
  } catch {
    return undefined;
  }
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
