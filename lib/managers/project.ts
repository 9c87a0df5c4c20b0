/** A project of pnpm, Yarn or Bun on disk: its root, what its own files make the manager do, and a way back. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT, KnownError } from '../errors.js';
import type { ProjectSetting } from '../npm/project-settings.js';

const LOCKFILES = ['pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb'];

/** The folder of the lockfile: of the workspace when there is one, else of the package. */
export function projectRoot(from: string): string {
  let nearest: string | undefined;
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (isManaged(folder)) return folder;
    const manifest = readText(path.join(folder, 'package.json'));
    if (manifest !== undefined) {
      if (/"workspaces"\s*:/.test(manifest)) return folder;
      nearest ??= folder;
    }
    if (folder === path.dirname(folder)) return nearest ?? from;
  }
}

/** Files of a project that a manager's command changes, as they were. */
export class Snapshot {
  private readonly files = new Map<string, Buffer>();

  constructor(private readonly root: string) {
    for (const file of manifests(root)) this.files.set(file, readFileSync(file));
  }

  restore(): void {
    for (const file of manifests(this.root)) if (!this.files.has(file)) rmSync(file, { force: true });
    for (const [file, bytes] of this.files) {
      if (!existsSync(file) || !readFileSync(file).equals(bytes)) writeFileSync(file, bytes);
    }
  }
}

const CHANGED = new Set([
  ...LOCKFILES,
  'package.json',
  'pnpm-workspace.yaml',
  '.pnp.cjs',
  '.pnp.loader.mjs',
  '.yarnrc.yml',
]);
const DEEPEST = 8;

function* manifests(folder: string, depth = 0): Generator<string> {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isFile() && CHANGED.has(entry.name)) yield file;
    else if (
      entry.isDirectory() &&
      depth < DEEPEST &&
      !entry.name.startsWith('.') &&
      entry.name !== 'node_modules'
    ) {
      yield* manifests(file, depth + 1);
    }
  }
}

/** Whether the project is one of pnpm, Yarn or Bun. */
export const isManaged = (root: string): boolean =>
  [...LOCKFILES, 'pnpm-workspace.yaml'].some((name) => existsSync(path.join(root, name)));

/** Every package of a project: which of them are workspaces, each manager writes down in a form of its own. */
export function packageFolders(root: string): string[] {
  const found = [...manifests(root)].filter((file) => path.basename(file) === 'package.json');
  return found.map((file) => path.dirname(file)).sort();
}

const RC_FILES = ['.npmrc', 'pnpm-workspace.yaml', '.yarnrc', '.yarnrc.yml', 'bunfig.toml'];
/** Settings that lead the manager to the network by another way than the one it is given. */
const WAYS_OUT = /^[ \t]*"?(https?-?proxy|proxy|no-?proxy|unsafe-?http-?whitelist)"?[ \t]*[:= ]/im;
const PER_HOST = /^[ \t]*"?network-?settings"?[ \t]*:/im;
const PROGRAMS =
  /^[ \t]*"?(yarn-?path|pnpmfile|global-?pnpmfile|node-?options|script-?shell|preload|plugins|git|shell)"?[ \t]*[:= ][ \t]*(.*)$/gim;

/**
 * What the project's own files make the manager run or trust.
 * @throws KnownError where they would lead it past the gate
 */
export function readProjectSettings(root: string, cwd: string): ProjectSetting[] {
  const found: ProjectSetting[] = [];
  for (const folder of new Set([root, cwd])) {
    for (const name of RC_FILES) {
      const text = readText(path.join(folder, name));
      if (text === undefined) continue;
      const way = WAYS_OUT.exec(text) ?? PER_HOST.exec(text);
      if (way !== null) {
        throw new KnownError(
          'proxy-setting',
          `${path.join(folder, name)} sets ${way[1] ?? 'networkSettings'}, which would lead past the gate; move it to the file in your home folder`,
          EXIT.usage,
        );
      }
      for (const [, key = '', value = ''] of text.matchAll(PROGRAMS)) {
        found.push({ key: `${name}: ${key}`, value: value.trim(), risk: 'program' });
      }
    }
    for (const name of ['.pnpmfile.cjs', '.pnpmfile.mjs']) {
      if (existsSync(path.join(folder, name))) found.push({ key: 'pnpmfile', value: name, risk: 'program' });
    }
  }
  return found;
}

/** Archives of this machine that lockfile, manifests or command line name. */
export function localArchives(root: string, cwd: string, words: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (from: string, name: string): void => {
    const file = path.resolve(from, name);
    if (existsSync(file)) found.add(file);
  };
  for (const file of manifests(root)) {
    const text = readFileSync(file, 'utf8');
    for (const [, name = ''] of text.matchAll(
      /["':@ ](?:file:)?((?:\.{0,2}\/)?[^"'\s:,{}()@]*\.(?:tgz|tar\.gz))/g,
    )) {
      add(path.dirname(file), name);
      add(root, name);
    }
  }
  for (const word of words) {
    const name = /(?:^|@)(?:file:)?([^@]*\.(?:tgz|tar\.gz|tar))$/.exec(word)?.[1];
    if (name !== undefined && !/^https?:/.test(name)) add(cwd, name);
  }
  return [...found];
}

/** Yarn's classic offline mirror: tarballs it takes in place of the registry's. */
export function offlineMirror(root: string): string[] {
  const name = /^[ \t]*"?yarn-offline-mirror"?[ \t]+"?([^"\n]+?)"?[ \t]*$/m.exec(
    readText(path.join(root, '.yarnrc')) ?? '',
  )?.[1];
  if (name === undefined || name === 'false') return [];
  return listFiles(path.resolve(root, name), /\.(?:tgz|tar\.gz)$/);
}

export function listFiles(folder: string, name: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => name.test(file))
      .map((file) => path.join(folder, file))
      .sort();
  } catch {
    return [];
  }
}

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Lockfiles of that name below a project's root. */
export function lockfiles(root: string, name: string): string[] {
  return [...manifests(root)].filter((file) => path.basename(file) === name);
}
