/** package.json as npm reads it. */
import type { ArtifactFile } from '../types.js';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

export type Manifest = Readonly<Record<string, unknown>>;
export type Files = ReadonlyMap<string, ArtifactFile>;

/** The root manifest; undefined when there is none. Throws Unreadable when npm could not read it. */
export function readPackageJson(files: Files, path = 'package.json'): Manifest | undefined {
  const file = files.get(path);
  if (file === undefined) return undefined;
  if (file.bytes.length > LIMITS.manifestBytes) {
    throw new Unreadable('too-large', { limit: 'manifest', max: LIMITS.manifestBytes, file: path });
  }
  const text = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Unreadable('damaged', {
      why: 'json',
      file: path,
      message: (error as Error).message.slice(0, 200),
    });
  }
  if (!isRecord(value))
    throw new Unreadable('damaged', { why: 'json', file: path, message: 'not an object' });
  return value;
}

/** `bin` in npm's normal form (`npm-normalize-package-bin`): command name to path inside the package. */
export function normalizeBin(manifest: Manifest): Record<string, string> {
  const { bin, name } = manifest;
  let raw: Record<string, unknown> = {};
  if (typeof bin === 'string') raw = typeof name === 'string' ? { [name]: bin } : {};
  else if (Array.isArray(bin)) {
    for (const path of bin) if (typeof path === 'string') raw[path.split('/').pop()!] = path;
  } else if (isRecord(bin)) raw = bin;
  const clean: Record<string, string> = {};
  for (const [key, target] of Object.entries(raw)) {
    const command = key
      .replace(/[\\:]/g, '/')
      .split('/')
      .filter((part) => part !== '' && part !== '.' && part !== '..')
      .pop();
    if (typeof target !== 'string' || command === undefined) continue;
    const path = inside(target);
    if (path !== '') clean[command] = path;
  }
  return clean;
}

/** Script texts npm would run; anything but a non-empty string is none. */
export function scriptsOf(manifest: Manifest): Record<string, string> {
  const scripts: Record<string, string> = {};
  if (!isRecord(manifest.scripts)) return scripts;
  for (const [name, text] of Object.entries(manifest.scripts)) {
    if (typeof text === 'string' && text.trim() !== '') scripts[name] = text;
  }
  return scripts;
}

/** npm runs these for a dependency from a registry, in this order (Arborist, `rebuild.js`). */
export const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];
/**
 * npm, pnpm, Yarn and Bun run these in a project itself, in this order. What the other managers do not run is read all the
 * same: nobody should have to know which of them it is.
 */
export const OWN_SCRIPTS = [
  'pnpm:devPreinstall',
  'predependencies',
  'dependencies',
  'postdependencies',
  ...INSTALL_SCRIPTS,
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
];

/** What npm runs as `install` when the package has a `binding.gyp` and names no install script. */
export const GYP_INSTALL = 'node-gyp rebuild';

export function hasImplicitGypInstall(files: Files, manifest: Manifest, folder = ''): boolean {
  const scripts = scriptsOf(manifest);
  return (
    manifest.gypfile !== false &&
    scripts.install === undefined &&
    scripts.preinstall === undefined &&
    files.has(`${folder}binding.gyp`)
  );
}

/** Path normalised as if the package were the root of a disk: never outside it. */
export function inside(path: string): string {
  const parts: string[] = [];
  for (const part of path.replaceAll('\\', '/').split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
