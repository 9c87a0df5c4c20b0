/**
 * The code of a project itself that an install runs: scripts of its root, its workspaces and the folders it links in; what
 * builds a Python project (setup.py, an in-tree backend). A package is read whole; of a project only what these scripts lead to is, so that a large project costs nothing and editing its
 * other code changes nothing. Files are found by what commands and string literals name, without running anything: a
 * path that is put together letter by letter is not found, and then shows only as a behaviour.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { buildEntries } from '../artifact/entries-pypi-build.js';
import { isRecord, type Manifest, OWN_SCRIPTS, scriptsOf } from '../artifact/manifest-npm.js';
import { pythonMetadata } from '../artifact/manifest-pypi.js';
import type { ArtifactFile, ScanInput, UnverifiedReason } from '../types.js';

/** What one folder's install scripts are and lead to. */
export interface OwnScripts {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** What was found so far when `unverified` says why not all was read. */
  readonly input: ScanInput;
  readonly unverified?: UnverifiedReason;
}

/** Far beyond what set-up scripts name; a project that names more is not judged by the part that was read. */
const MOST_FILES = 500;
const MOST_BYTES = 32 * 1024 * 1024;
/** Larger files are data, or a program nobody wrote: read, but not searched for names. */
const SEARCHED_BYTES = 2 * 1024 * 1024;

/** Of each folder with a package.json and something in it that an install runs; in the order given. */
export const ownScripts = (folders: readonly string[]): Promise<OwnScripts[]> => ofEach(folders, scriptsIn);

/** Of each folder that pip would build from, if code of its own takes part in that; in the order given. */
export const ownBuilds = (folders: readonly string[]): Promise<OwnScripts[]> => ofEach(folders, buildIn);

async function ofEach(
  folders: readonly string[],
  read: (folder: string) => Promise<OwnScripts | undefined>,
): Promise<OwnScripts[]> {
  const found: OwnScripts[] = [];
  for (const folder of new Set(folders)) {
    const own = await read(folder);
    if (own !== undefined) found.push(own);
  }
  return found;
}

const BUILD_FILES = ['setup.py', 'setup.cfg', 'pyproject.toml'];

async function buildIn(folder: string): Promise<OwnScripts | undefined> {
  const closure = new Closure(folder);
  for (const name of BUILD_FILES) {
    const bytes = await readIfFile(join(folder, name));
    if (bytes === undefined) continue;
    closure.put(name, bytes);
    const text = bytes.toString('utf8');
    // Settings name modules with dots: `attr: package.version.VALUE`, `build-backend = "backend.main:hooks"`.
    const names = words(text);
    await closure.follow(
      name === 'setup.py' ? literals(text, true) : [...names, ...names.flatMap(modulePaths)],
      '',
      true,
    );
  }
  const unverified = await closure.complete();
  const files = closure.files();
  const known = new Map(files.map((file) => [file.path, file]));
  if (buildEntries(known).length === 0) return undefined; // a backend from the index, which is read there
  const { name, version } = pythonMetadata(known, 'folder') ?? {};
  return {
    folder,
    name: typeof name === 'string' ? name : basename(folder),
    version: typeof version === 'string' ? version : '',
    input: {
      ecosystem: 'pypi',
      filename: basename(folder),
      bytes: new Uint8Array(),
      files,
      ownScripts: true,
    },
    ...(unverified !== undefined && { unverified }),
  };
}

/** A dotted name as the paths it can mean: of the module itself, and of the one that holds it as its last part. */
function modulePaths(name: string): string[] {
  if (!/^\w+(?:\.\w+)+$/.test(name)) return [];
  const path = name.replaceAll('.', '/');
  return [path, dirname(path)];
}

async function scriptsIn(folder: string): Promise<OwnScripts | undefined> {
  const bytes = await readIfFile(join(folder, 'package.json'));
  if (bytes === undefined) return undefined;
  let manifest: Manifest;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
    if (!isRecord(value)) return undefined;
    manifest = value;
  } catch {
    return undefined; // the installer runs nothing of it either, and says why
  }
  const gyp = manifest.gypfile === false ? undefined : await readIfFile(join(folder, 'binding.gyp'));
  const commands = installCommands(manifest);
  if (commands.length === 0 && gyp === undefined) return undefined;
  const closure = new Closure(folder);
  // Of the manifest only what is run: a new dependency must not change what has been accepted.
  const { name, version } = manifest;
  closure.put('package.json', Buffer.from(reduced(manifest, bytes.toString('utf8'))));
  for (const command of commands) await closure.follow(words(command), '', true);
  if (gyp !== undefined) {
    closure.put('binding.gyp', gyp);
    await closure.follow(words(gyp.toString('utf8')), '', true);
  }
  const unverified = await closure.complete();
  const files = closure.files();
  return {
    folder,
    name: typeof name === 'string' ? name : basename(folder),
    version: typeof version === 'string' ? version : '',
    input: { ecosystem: 'npm', filename: basename(folder), bytes: new Uint8Array(), files, ownScripts: true },
    ...(unverified !== undefined && { unverified }),
  };
}

/** The manifest without what no script depends on, each script on the line it has in the file: reports name that line. */
function reduced(manifest: Manifest, text: string): string {
  const { name, version, gypfile } = manifest;
  const head = JSON.stringify({ name, version, gypfile }).slice(0, -1);
  let json = `${head}${head === '{' ? '' : ','}"scripts":{`;
  let line = 1;
  const from = Math.max(text.indexOf('"scripts"'), 0);
  for (const [at, [key, command]] of Object.entries(scriptsOf(manifest)).entries()) {
    const found = text.indexOf(JSON.stringify(key), from);
    const wanted = found === -1 ? line : text.slice(0, found).split('\n').length;
    json += `${at === 0 ? '' : ','}${'\n'.repeat(Math.max(wanted - line, 0))}`;
    line = Math.max(line, wanted);
    json += `${JSON.stringify(key)}:${JSON.stringify(command)}`;
  }
  return `${json}}}`;
}

/** The commands an install runs in its own project, and the scripts these name in their turn. */
export function installCommands(manifest: Manifest): string[] {
  const scripts = scriptsOf(manifest);
  const reached = new Set(OWN_SCRIPTS.filter((name) => scripts[name] !== undefined));
  for (const name of reached) {
    for (const word of words(scripts[name]!)) {
      for (const key of [`pre${word}`, word, `post${word}`]) {
        if (Object.hasOwn(scripts, key)) reached.add(key);
      }
    }
  }
  return [...reached].map((name) => scripts[name]!);
}

/** Every word of a command line, or of a file that is none of a known language, that can be a path or part of one. */
const words = (text: string): string[] => [...new Set(text.match(/[\w@.~+-]+(?:[\\/]+[\w@.~+-]+)*/g) ?? [])];

/** What string literals of a program hold, and what a Python program imports. */
function literals(text: string, python: boolean): string[] {
  const found = [...text.matchAll(/(["'`])((?:(?!\1)[^\\\n]){1,400})\1/g)].flatMap(([, , inner]) => [
    inner!,
    ...words(inner!),
  ]);
  return [...new Set(python ? [...found, ...imported(text)] : found)];
}

/** Paths of the modules a Python program imports, of the packages they stand in, and of what it takes from them. */
function imported(text: string): string[] {
  const found: string[] = [];
  const add = (dots: string, module: string, names: readonly string[]): void => {
    const base = dots === '' ? '' : dots === '.' ? './' : '../'.repeat(dots.length - 1);
    const parts = module.split('.').filter((part) => part !== '');
    for (let depth = 1; depth <= parts.length; depth++) found.push(base + parts.slice(0, depth).join('/'));
    for (const name of names) found.push(base + [...parts, name].join('/'));
  };
  for (const [, dots, module, names] of text.matchAll(
    /^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)/gm,
  )) {
    add(dots!, module!, names!.match(/\b\w+\b/g) ?? []);
  }
  for (const [, modules] of text.matchAll(/^[ \t]*import[ \t]+([^\n]+)/gm)) {
    for (const module of modules!.match(/[\w.]+/g) ?? []) add('', module, []);
  }
  return found;
}

const PROGRAM = /\.(?:[cm]?[jt]sx?|json)$/i;
const SUFFIXES = ['', '.js', '.cjs', '.mjs', '.ts', '.json', '.py', '.sh', '/index.js', '/__init__.py'];

class Closure {
  private readonly found = new Map<string, ArtifactFile>();
  private readonly tried = new Set<string>();
  private readonly pending: { readonly path: string; readonly bytes: Buffer }[] = [];
  private bytes = 0;
  private over: UnverifiedReason | undefined;

  constructor(private readonly root: string) {}

  files(): ArtifactFile[] {
    return [...this.found.values()];
  }

  put(path: string, bytes: Buffer, executable = false): void {
    this.found.set(path, { path, bytes, executable });
    this.tried.add(join(this.root, path));
  }

  /** Takes in every file that one of the names can mean, seen from a file in `folder` (relative) or from the root. */
  async follow(names: readonly string[], folder: string, command: boolean): Promise<void> {
    const folders = new Set([join(this.root, folder), this.root]);
    // `path.join(__dirname, 'assets', 'x.js')`: a name below a folder that is named too, two deep at most.
    for (let depth = 0; depth < 3; depth++) {
      const deeper: string[] = [];
      for (const from of folders) {
        for (const name of names) {
          if (this.over !== undefined) return;
          if (name.length > 400 || name === '.' || name === '..' || name.includes('\0')) continue;
          if (!command && /(?:^|[\\/])node_modules(?:[\\/]|$)/.test(name)) continue;
          if (await this.take(resolve(from, name.replaceAll('\\', '/')), command)) {
            deeper.push(resolve(from, name));
          }
        }
      }
      folders.clear();
      for (const folder of deeper.slice(0, 50)) folders.add(folder);
      if (folders.size === 0) return;
    }
  }

  /** Follows what was taken in, until nothing new is named. */
  async complete(): Promise<UnverifiedReason | undefined> {
    for (let next = this.pending.pop(); next !== undefined; next = this.pending.pop()) {
      const { path, bytes } = next;
      if (bytes.length > SEARCHED_BYTES) continue;
      const text = bytes.toString('utf8');
      const python = /\.py$/i.test(path) || /^#!.*\bpython/.test(text);
      const program = python || PROGRAM.test(path) || /^#!.*\bnode/.test(text);
      const names = program ? literals(text, python) : words(text);
      await this.follow(names, dirname(path), false);
    }
    return this.over;
  }

  /** @returns whether it is a folder, seen for the first time */
  private async take(path: string, command: boolean): Promise<boolean> {
    let folder = false;
    for (const suffix of extname(path) === '' ? SUFFIXES : ['', ...SUFFIXES.slice(1, 3)]) {
      const file = path + suffix;
      if (this.tried.has(file)) continue;
      this.tried.add(file);
      const found = await stat(file).catch(() => undefined);
      if (found === undefined) continue;
      // A folder's own module (`index.js`, `__init__.py`) is what its name alone means to a program.
      if (found.isDirectory()) folder ||= suffix === '' && this.isBelow(file, command);
      if (!found.isFile()) continue;
      this.bytes += found.size;
      if (this.found.size >= MOST_FILES || this.bytes > MOST_BYTES) {
        const limit = this.found.size >= MOST_FILES ? 'files' : 'bytes';
        const max = limit === 'files' ? MOST_FILES : MOST_BYTES;
        this.over = { code: 'too-large', args: { limit, max, file: relative(this.root, file) } };
        return false;
      }
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes === undefined) continue;
      // A workspace's script may name a file above it; in the artifact it stands below the root all the same.
      const inside = relative(this.root, file)
        .split(sep)
        .filter((part) => part !== '..')
        .join('/');
      this.found.set(inside, { path: inside, bytes, executable: (found.mode & 0o111) !== 0 });
      this.pending.push({ path: relative(this.root, file), bytes });
      return folder;
    }
    return folder;
  }

  private isBelow(folder: string, command: boolean): boolean {
    const below = relative(this.root, folder);
    if (below === '' || below.startsWith('..')) return false;
    return command || !below.split(sep).includes('node_modules');
  }
}

async function readIfFile(path: string): Promise<Buffer | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? readFile(path).catch(() => undefined) : undefined;
}
