/**
 * Where the registry's manifest and the tarball's own disagree ("manifest confusion"). Both are first brought
 * to the form npm gives them on publishing, so that what is left is a difference npm would act on.
 */
import type { Finding } from '../types.js';
import { GYP_INSTALL, isRecord, type Manifest, normalizeBin, scriptsOf } from './manifest-npm.js';

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const;

/** `paths`: of the tarball's files, as far as they matter beside the manifest (`installFacts`). */
export function manifestDifferences(
  paths: Iterable<string>,
  own: Manifest | undefined,
  registry: Readonly<Record<string, unknown>> | undefined,
): Finding[] {
  if (registry === undefined) return [];
  const mine = own ?? {};
  const findings: Finding[] = [];
  const differ = (field: string, inRegistry: string, inTarball: string) => {
    if (inRegistry === inTarball) return;
    findings.push({
      code: 'manifest-mismatch',
      phase: field.startsWith('scripts') || field === 'gypfile' ? 'install' : 'import',
      file: 'package.json',
      line: 1,
      args: { field, registry: inRegistry, tarball: inTarball },
    });
  };
  for (const field of ['name', 'version'] as const) {
    if (typeof registry[field] === 'string') {
      // npm strips `v` and `=` from versions on publishing.
      const clean = (value: unknown) =>
        typeof value === 'string' ? value.trim().replace(/^[v=\s]+/, '') : '';
      differ(field, clean(registry[field]), clean(mine[field]));
    }
  }
  compareScripts(paths, mine, registry, differ);
  if (registry.bin !== undefined || Object.keys(normalizeBin(mine)).length > 0) {
    const theirs = normalizeBin({ name: registry.name ?? mine.name, bin: registry.bin });
    const ours = normalizeBin(mine);
    // `directories.bin` is turned into `bin` on publishing.
    if (!(Object.keys(ours).length === 0 && isRecord(mine.directories)))
      differ('bin', flat(theirs), flat(ours));
  }
  compareDependencies(mine, registry, differ);
  return findings;
}

/** Whatever its name: npm may have noticed it on publishing. */
export const isGypAtTop = (path: string): boolean => /^[^/]+\.gyp$/.test(path);

function compareScripts(
  paths: Iterable<string>,
  own: Manifest,
  registry: Manifest,
  differ: (field: string, registry: string, tarball: string) => void,
): void {
  const ours = scriptsOf(own);
  const anyGyp = [...paths].some(isGypAtTop);
  if (ours.install === undefined && ours.preinstall === undefined && own.gypfile !== false && anyGyp) {
    ours.install = GYP_INSTALL;
  }
  if (isRecord(registry.scripts)) {
    const theirs = scriptsOf(registry);
    // A gyp file beside other files than binding.gyp may or may not have been noticed on publishing.
    if (theirs.install === undefined && ours.install === GYP_INSTALL) delete ours.install;
    for (const name of INSTALL_SCRIPTS) differ(`scripts.${name}`, theirs[name] ?? '', ours[name] ?? '');
  } else if (typeof registry.hasInstallScript === 'boolean') {
    const has = INSTALL_SCRIPTS.some((name) => ours[name] !== undefined);
    differ('scripts', String(registry.hasInstallScript), String(has));
  }
}

function compareDependencies(
  own: Manifest,
  registry: Manifest,
  differ: (field: string, registry: string, tarball: string) => void,
): void {
  const theirs = dependenciesOf(registry);
  const ours = dependenciesOf(own);
  for (const name of [...new Set([...theirs.keys(), ...ours.keys()])].sort()) {
    differ(`dependencies.${name}`, theirs.get(name) ?? '', ours.get(name) ?? '');
  }
}

/** Run-time dependencies of both kinds as one map: publishing copies optional ones into `dependencies`. */
function dependenciesOf(manifest: Manifest): Map<string, string> {
  const all = new Map<string, string>();
  for (const field of ['dependencies', 'optionalDependencies'] as const) {
    const value = manifest[field];
    if (!isRecord(value)) continue;
    for (const [name, range] of Object.entries(value)) {
      if (typeof range === 'string') all.set(name.trim(), range.trim() || '*');
    }
  }
  return all;
}

function flat(record: Record<string, string>): string {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
