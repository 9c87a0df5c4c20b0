/**
 * What npm acts on in a package's manifest, read from the tarball itself. A registry's answer can promise
 * other scripts, bins or dependencies than the tarball holds ("manifest confusion"); what npm is given must
 * be what was scanned.
 */

import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../artifact/manifest-npm.js';
import type { Manifest } from './libraries.js';

/** The keys of a manifest npm acts on when it installs a dependency. */
export const FACT_KEYS = [
  'scripts',
  'bin',
  'dependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'engines',
  'os',
  'cpu',
  'libc',
] as const;

export type FactKey = (typeof FACT_KEYS)[number];
export type Facts = Readonly<Record<FactKey, unknown>>;

/** Facts a change of which can change the resolved tree. */
export const TREE_KEYS: readonly FactKey[] = FACT_KEYS.filter((key) => key !== 'scripts' && key !== 'bin');

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const;

export interface TarballManifest {
  readonly manifest: Manifest;
  /** Regular files, relative to the package's folder. */
  readonly files: readonly string[];
}

/** A `binding.gyp` beside package.json makes npm build a package that has no install script of its own. */
const GYP_FILE = 'binding.gyp';

/**
 * Reads package.json from an npm tarball in memory, at the place pacote would write it (one leading path
 * component dropped, links ignored, the last duplicate wins).
 * @throws Error when the archive or the manifest cannot be read.
 */
export async function readTarballManifest(bytes: Buffer): Promise<TarballManifest> {
  const { Parser } = await import('tar');
  return new Promise((resolve, reject) => {
    let text: Buffer | undefined;
    const files: string[] = [];
    const parser = new Parser({ strict: true });
    parser.on('entry', (entry) => {
      const parts = entry.path.replaceAll('\\', '/').split('/').slice(1);
      const name = parts.includes('..') ? '' : path.posix.normalize(parts.join('/'));
      const isFile = entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile';
      if (isFile) files.push(name);
      if (!isFile || name !== 'package.json') {
        entry.resume();
        return;
      }
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => {
        text = Buffer.concat(chunks);
      });
    });
    parser.on('error', reject);
    parser.on('end', () => {
      try {
        const json: unknown =
          text === undefined ? {} : JSON.parse(text.toString('utf8').replace(/^\uFEFF/, ''));
        resolve({ manifest: isRecord(json) ? json : {}, files });
      } catch (error) {
        reject(error as Error);
      }
    });
    parser.end(bytes);
  });
}

/** Brings a manifest to the one form in which registry and tarball can be compared. */
export function factsOf({ manifest, files }: TarballManifest): Facts {
  const optional = rangesOf(manifest.optionalDependencies);
  const dependencies = rangesOf(manifest.dependencies);
  for (const name of Object.keys(optional)) delete dependencies[name];
  return {
    scripts: scriptsOf(manifest, files.includes(GYP_FILE)),
    bin: binOf(manifest, files),
    dependencies,
    optionalDependencies: optional,
    peerDependencies: rangesOf(manifest.peerDependencies),
    peerDependenciesMeta: isRecord(manifest.peerDependenciesMeta) ? manifest.peerDependenciesMeta : {},
    bundleDependencies: bundleOf(manifest, { ...dependencies, ...optional }),
    engines: isRecord(manifest.engines) ? stringMap(manifest.engines) : {},
    os: listOf(manifest.os),
    cpu: listOf(manifest.cpu),
    libc: listOf(manifest.libc),
  };
}

/** Which facts the registry tells otherwise than the tarball. */
export function disagreements(registry: Manifest, tarball: Facts): FactKey[] {
  // The registry cannot show files: give it the tarball's binding.gyp where it says nothing of scripts.
  const implied = isRecord(tarball.scripts) && tarball.scripts.install === 'node-gyp rebuild';
  const told = factsOf({ manifest: registry, files: implied ? [GYP_FILE] : [] });
  return FACT_KEYS.filter((key) => !isDeepStrictEqual(told[key], tarball[key]));
}

/** Writes the tarball's facts over the registry's, in place. */
export function overlay(registry: Manifest, tarball: Facts, keys: readonly FactKey[]): void {
  for (const key of keys) {
    const value = tarball[key];
    const empty = Array.isArray(value) ? value.length === 0 : Object.keys(value as object).length === 0;
    if (empty) delete registry[key];
    else registry[key] = value;
    if (key === 'bundleDependencies') delete registry.bundledDependencies;
    if (key === 'bin') delete registry.directories;
    if (key === 'scripts') {
      // What the flag claims follows from the scripts; a false claim would make npm skip or invent a build.
      if (empty) delete registry.hasInstallScript;
      else registry.hasInstallScript = true;
      delete registry.gypfile;
    }
  }
}

function stringMap(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .map(([key, text]): [string, string] => [key, text.trim()])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Package name to range; publishing turns an empty range into `*`. */
function rangesOf(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(stringMap(value)).map(([name, range]) => [name, range || '*']));
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function scriptsOf(manifest: Manifest, hasBindingGyp: boolean): Record<string, string> {
  const all = stringMap(manifest.scripts);
  const scripts: Record<string, string> = {};
  for (const name of INSTALL_SCRIPTS) if (all[name]) scripts[name] = all[name];
  if (hasBindingGyp && manifest.gypfile !== false && !scripts.install && !scripts.preinstall) {
    scripts.install = 'node-gyp rebuild';
  }
  return scripts;
}

function binOf(manifest: Manifest, files: readonly string[]): Record<string, string> {
  const name = typeof manifest.name === 'string' ? manifest.name : '';
  let bin: Record<string, unknown> = {};
  if (typeof manifest.bin === 'string') bin = { [name]: manifest.bin };
  else if (Array.isArray(manifest.bin)) {
    bin = Object.fromEntries(listOf(manifest.bin).map((file) => [path.posix.basename(file), file]));
  } else if (isRecord(manifest.bin)) bin = manifest.bin;
  else if (isRecord(manifest.directories) && typeof manifest.directories.bin === 'string') {
    const folder = path.posix.join('/', manifest.directories.bin, '/').slice(1);
    const inside = files.filter(
      (file) => file.startsWith(folder) && !/(^|\/)\./.test(file.slice(folder.length)),
    );
    bin = Object.fromEntries(inside.map((file) => [path.posix.basename(file), file]));
  }
  const result: Record<string, string> = {};
  for (const [key, target] of Object.entries(bin).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof target !== 'string' || target === '') continue;
    const base = path.posix.join('/', path.posix.basename(key.replaceAll(/\\|:/g, '/'))).slice(1);
    const file = path.posix.join('/', target.replaceAll('\\', '/')).slice(1);
    if (base !== '' && file !== '') result[base] = file;
  }
  return result;
}

function bundleOf(manifest: Manifest, dependencies: Record<string, string>): string[] {
  const bundle = manifest.bundleDependencies ?? manifest.bundledDependencies;
  if (bundle === true) return Object.keys(dependencies).sort();
  if (isRecord(bundle)) return Object.keys(bundle).sort();
  return listOf(bundle).sort();
}
