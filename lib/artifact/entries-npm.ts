/** Where the code of an npm package starts. */
import type { EntryPoint, Phase, UnitKind } from '../types.js';
import { fallbackEntry } from './fallback.js';
import { gypEntryPoints } from './gyp.js';
import {
  type Files,
  GYP_INSTALL,
  hasImplicitGypInstall,
  INSTALL_SCRIPTS,
  inside,
  isRecord,
  type Manifest,
  normalizeBin,
  OWN_SCRIPTS,
  readPackageJson,
  scriptsOf,
} from './manifest-npm.js';
import { Unreadable } from './unreadable.js';

/**
 * npm runs these only for git dependencies, links and the project itself; code all the same. Not what it runs for the
 * publisher alone (`prepublishOnly`, `postpack`, `publish`…): no user's machine ever runs that.
 */
const PREPARE_SCRIPTS = ['preprepare', 'prepare', 'postprepare', 'prepack'];
/** What `require('./x')` tries, in this order. */
const SUFFIXES = [
  '',
  '.js',
  '.json',
  '.node',
  '.cjs',
  '.mjs',
  '.ts',
  '/index.js',
  '/index.json',
  '/index.node',
  '/index.cjs',
  '/index.mjs',
];

export function npmEntryPoints(files: Files, manifest: Manifest | undefined): EntryPoint[] {
  const entries: EntryPoint[] = [];
  if (manifest !== undefined) {
    entries.push(...scriptEntries(files, manifest, '', INSTALL_SCRIPTS, 'install'));
    entries.push(...bundledEntries(files, manifest));
  }
  entries.push(...importEntries(files, manifest ?? {}));
  if (manifest !== undefined) {
    entries.push(...binEntries(files, manifest));
    entries.push(...scriptEntries(files, manifest, '', PREPARE_SCRIPTS, 'runtime'));
  }
  // A runtime command alone (`prepare: npm run build`) leads to no code of the package.
  const leads = entries.some(
    (entry) => entry.phase !== 'runtime' && (entry.run.type !== 'file' || isCode(entry.run.path)),
  );
  if (!leads) entries.push(...fallbackEntry(files, 'npm'));
  return entries;
}

/** Of a project's own scripts: what an install runs, and no more. */
export function ownScriptEntries(files: Files, manifest: Manifest | undefined): EntryPoint[] {
  return manifest === undefined ? [] : scriptEntries(files, manifest, '', OWN_SCRIPTS, 'install');
}

/** Entries for the scripts of the package in `folder` (empty, or ending in `/`). */
function scriptEntries(
  files: Files,
  manifest: Manifest,
  folder: string,
  names: readonly string[],
  phase: Phase,
): EntryPoint[] {
  const file = `${folder}package.json`;
  const scripts = scriptsOf(manifest);
  const entries: EntryPoint[] = [];
  const implicit = hasImplicitGypInstall(files, manifest, folder);
  for (const name of names) {
    const command = scripts[name] ?? (name === 'install' && implicit ? GYP_INSTALL : undefined);
    if (command === undefined) continue;
    entries.push({
      kind: 'lifecycle',
      phase,
      origin: `${file} scripts.${name}`,
      file,
      line: lineOf(files, file, `"${name}"`),
      run: { type: 'command', command, cwd: folder.replace(/\/$/, '') },
    });
    if (name === 'install' && files.has(`${folder}binding.gyp`))
      entries.push(...gypEntryPoints(files, folder));
  }
  // Some run the build from another script than `install` (`postinstall: node install.js || node-gyp rebuild`).
  if (
    phase === 'install' &&
    files.has(`${folder}binding.gyp`) &&
    scripts.install === undefined &&
    !implicit &&
    names.some((name) => scripts[name] !== undefined)
  ) {
    entries.push(...gypEntryPoints(files, folder));
  }
  // `cd native && node-gyp rebuild`: whose file is meant is known on disk only.
  if (phase === 'install' && folder === '' && names.some((name) => /\bgyp\b/.test(scripts[name] ?? ''))) {
    for (const path of files.keys()) {
      if (path.endsWith('/binding.gyp') && !path.includes('node_modules/'))
        entries.push(...gypEntryPoints(files, path.slice(0, -'binding.gyp'.length)));
    }
  }
  return entries;
}

/**
 * Packages inside the tarball. npm runs their scripts when the package bundles dependencies; otherwise they
 * only lie on disk.
 */
function bundledEntries(files: Files, manifest: Manifest): EntryPoint[] {
  const bundled = manifest.bundleDependencies ?? manifest.bundledDependencies;
  const phase: Phase =
    bundled === true || (Array.isArray(bundled) && bundled.length > 0) || isRecord(bundled)
      ? 'install'
      : 'runtime';
  const entries: EntryPoint[] = [];
  for (const path of files.keys()) {
    const match = /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\/)package\.json$/.exec(path);
    if (match === null) continue;
    let nested: Manifest | undefined;
    try {
      nested = readPackageJson(files, path);
    } catch {
      continue; // npm skips it too: no scripts without a manifest
    }
    if (nested !== undefined)
      entries.push(...scriptEntries(files, nested, match[1]!, INSTALL_SCRIPTS, phase));
  }
  return entries;
}

function importEntries(files: Files, manifest: Manifest): EntryPoint[] {
  const targets: [origin: string, path: string][] = [];
  const add = (origin: string, value: unknown) => {
    if (typeof value !== 'string') return;
    const path = resolveModule(files, value);
    if (path !== undefined) targets.push([origin, path]);
  };
  add(
    'package.json main',
    typeof manifest.main === 'string' && manifest.main !== '' ? manifest.main : undefined,
  );
  // Node falls back to index.js when `main` is missing or leads nowhere.
  if (targets.length === 0) add('index.js', './index');
  for (const [key, value] of exportTargets(manifest.exports)) {
    for (const path of expandPattern(files, value)) add(`package.json exports ${key}`, path);
  }
  add('package.json module', manifest.module);
  return entriesFor(files, 'import', 'import', targets);
}

function binEntries(files: Files, manifest: Manifest): EntryPoint[] {
  const targets: [string, string][] = [];
  for (const [command, path] of Object.entries(normalizeBin(manifest))) {
    const file = files.has(path) ? path : resolveModule(files, path);
    if (file !== undefined) targets.push([`package.json bin.${command}`, file]);
  }
  const folder = isRecord(manifest.directories) ? manifest.directories.bin : undefined;
  if (typeof folder === 'string' && manifest.bin === undefined) {
    const prefix = `${inside(folder)}/`;
    for (const path of files.keys()) {
      if (path.startsWith(prefix) && !path.slice(prefix.length).startsWith('.')) {
        targets.push([`package.json directories.bin ${path.slice(prefix.length)}`, path]);
      }
    }
  }
  return entriesFor(files, 'bin', 'import', targets);
}

/**
 * One entry a file. Node runs as JavaScript whatever `main` or `exports` names, by any ending it does not know; what
 * such fields name for other tools (type declarations, styles) is no entry.
 */
function entriesFor(
  files: Files,
  kind: UnitKind,
  phase: Phase,
  targets: readonly [string, string][],
): EntryPoint[] {
  const seen = new Set<string>();
  const entries: EntryPoint[] = [];
  for (const [origin, path] of targets) {
    if (seen.has(path) || (kind === 'import' && !isLoadable(path))) continue;
    seen.add(path);
    entries.push({
      kind,
      phase,
      origin,
      file: files.has('package.json') ? 'package.json' : path,
      line: 1,
      run: { type: 'file', path },
    });
  }
  return entries;
}

const EXPORTS_DEPTH = 1000;

/** Every string an `exports` value can lead to, with its key; declarations (`types`) and other worlds' builds too. */
function exportTargets(value: unknown, key = '.', depth = 0): [key: string, path: string][] {
  if (depth > EXPORTS_DEPTH) throw new Unreadable('too-large', { limit: 'exports', max: EXPORTS_DEPTH });
  if (typeof value === 'string') return [[key, value]];
  if (Array.isArray(value)) return value.flatMap((item) => exportTargets(item, key, depth + 1));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, item]) =>
    name === 'types' || name === 'browser'
      ? []
      : exportTargets(item, name.startsWith('.') ? name : key, depth + 1),
  );
}

/** `./lib/*.js` stands for every file it matches. */
function expandPattern(files: Files, path: string): string[] {
  const star = path.indexOf('*');
  if (star === -1) return [path];
  const before = inside(path.slice(0, star)) + (path[star - 1] === '/' && star > 2 ? '/' : '');
  const after = path.slice(path.lastIndexOf('*') + 1);
  const found: string[] = [];
  for (const file of files.keys()) {
    if (file.startsWith(before) && file.endsWith(after) && isLoadable(file)) found.push(file);
    if (found.length >= 200) break; // the rest is still read, as the remainder
  }
  return found;
}

function resolveModule(files: Files, path: string): string | undefined {
  const base = inside(path);
  for (const suffix of SUFFIXES) {
    const candidate = base === '' ? suffix.replace(/^\//, '') : base + suffix;
    if (files.has(candidate)) return candidate;
  }
  return undefined;
}

/** Endings that name data, which Node would only fail on. */
const DATA =
  /\.(?:json|map|d\.[cm]?ts|css|scss|sass|less|styl|html?|svg|png|jpe?g|gif|webp|ico|woff2?|ttf|eot|md|wasm|ya?ml|vue|svelte|graphql|gql|flow)$/i;

function isLoadable(path: string): boolean {
  return isCode(path) || !DATA.test(path);
}

function isCode(path: string): boolean {
  return /\.(?:[cm]?js|jsx|[cm]?ts|tsx)$/i.test(path)
    ? !/\.d\.[cm]?ts$/i.test(path)
    : /(?:^|\/)[^./]+$/.test(path);
}

function lineOf(files: Files, path: string, needle: string): number {
  const file = files.get(path);
  if (file === undefined) return 1;
  const buffer = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length);
  const scripts = Math.max(buffer.indexOf('"scripts"'), 0);
  const at = buffer.indexOf(needle, scripts);
  if (at === -1) return 1;
  let line = 1;
  for (let i = 0; i < at; i++) if (buffer[i] === 10) line++;
  return line;
}
