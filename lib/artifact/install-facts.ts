/**
 * What npm acts on in a package's own manifest when it installs it, cut down to that: it goes from the scan to the guard,
 * which holds the registry's claims against it, and into the score cache, so that no archive is opened a second time.
 */
import type { InstallFacts } from '../types.js';
import { isGypAtTop, manifestDifferences } from './manifest-differences.js';
import { type Files, inside, isRecord, type Manifest } from './manifest-npm.js';

const KEYS = [
  'name',
  'version',
  'bin',
  'dependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'bundledDependencies',
  'engines',
  'os',
  'cpu',
  'libc',
  'gypfile',
] as const;

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const;

/** `files` names only those that matter beside the manifest: gyp files, and what `directories.bin` offers. */
export function installFacts(files: Files, manifest: Manifest | undefined): InstallFacts {
  const own = manifest ?? {};
  const kept: Record<string, unknown> = pick(own, KEYS);
  if (isRecord(own.scripts)) kept.scripts = pick(own.scripts, INSTALL_SCRIPTS);
  const named: string[] = [...files.keys()].filter(isGypAtTop);
  if (isRecord(own.directories) && typeof own.directories.bin === 'string') {
    kept.directories = { bin: own.directories.bin };
    const folder = `${inside(own.directories.bin)}/`;
    for (const path of files.keys()) if (folder === '/' || path.startsWith(folder)) named.push(path);
  }
  return { manifest: kept, files: [...new Set(named)] };
}

/**
 * Whether what the registry says of a package (`registryFacts`) is sure to be no finding of the scan. It then reads as if
 * the registry had said nothing.
 */
export function registryAgrees({ manifest, files }: InstallFacts, registry: Manifest): boolean {
  return manifestDifferences(files, manifest, registry).length === 0;
}

/** What a registry says of a version and the scan compares (`manifest-differences.ts`); a copy. */
export function registryFacts(manifest: Manifest): Manifest {
  const kept = pick(manifest, [
    'name',
    'version',
    'bin',
    'dependencies',
    'optionalDependencies',
    'hasInstallScript',
  ]);
  if (isRecord(manifest.scripts)) kept.scripts = pick(manifest.scripts, INSTALL_SCRIPTS);
  return structuredClone(kept);
}

function pick(from: Manifest, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
}
