/**
 * Everything the command line and the files it names bring in: requirements for the index, addresses to let through,
 * local archives to read before pip may see them, and sources that cannot be read without running something.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isArchiveName } from '../gate/body-kind.js';
import { readLinks } from '../gate/index-links.js';
import type { UnverifiedReason } from '../types.js';
import type { PipArguments } from './argv.js';
import type { PipSettings } from './config.js';
import { isAddress, parseRequirement, type Requirement, referenceKind } from './requirement.js';
import { parseRequirementsFile } from './requirements-file.js';
import { readPyproject } from './stated-needs.js';
import { type GitReference, parseGitReference } from './vcs.js';

export interface Sources {
  /** What the index is asked for, with the place that asks. */
  readonly requirements: {
    readonly from: string;
    readonly requirement: Requirement;
    readonly toBuild: boolean;
  }[];
  /** http(s) addresses the user named: indexes, link pages, archives, requirements files. */
  readonly addresses: Set<string>;
  /** Of these, requirements and constraints files: what they say counts as said by the user. */
  readonly remoteFiles: Set<string>;
  /** Absolute paths of archives pip may read from disk, with the place that names them. */
  readonly archives: Map<string, string>;
  readonly unreadable: {
    readonly target: string;
    readonly from: string;
    readonly reason: UnverifiedReason;
  }[];
  readonly trustedHosts: Set<string>;
  /** Absolute paths of folders whose own code may build them. */
  readonly folders: Set<string>;
  /** git repositories, with the place that names them. */
  readonly git: { readonly reference: GitReference; readonly target: string; readonly from: string }[];
}

export class SourceReader {
  readonly found: Sources = {
    requirements: [],
    addresses: new Set(),
    remoteFiles: new Set(),
    archives: new Map(),
    folders: new Set(),
    unreadable: [],
    trustedHosts: new Set(),
    git: [],
  };
  private readonly filesRead = new Set<string>();

  constructor(
    private readonly cwd: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  readCommand(args: PipArguments, settings: PipSettings): Sources {
    const { options, command, positional } = args;
    const place = `pip ${command}`;
    for (const url of settings.indexUrls) this.index(url);
    for (const link of settings.findLinks) this.links(link, this.cwd);
    for (const host of settings.trustedHosts) this.found.trustedHosts.add(host);
    for (const word of positional) this.word(word, place);
    for (const word of options.get('editable') ?? []) this.editable(word, place);
    for (const file of [...(options.get('requirement') ?? []), ...settings.requirementFiles])
      this.file(file, this.cwd);
    for (const file of settings.constraintFiles) this.file(file, this.cwd);
    for (const file of options.get('requirements-from-script') ?? []) this.script(file);
    for (const group of options.get('group') ?? []) this.group(group);
    return this.found;
  }

  /** A requirements file that came through the gate. */
  readRemoteFile(text: string, url: string): void {
    this.lines(text, url, (file) => (URL.canParse(file, url) ? new URL(file, url).href : file));
  }

  /**
   * For installers whose command line is not read in full: a word, or the value behind its `=`, may be a requirement, a
   * requirements file, a folder of links, an archive or an address.
   */
  anything(word: string, from: string): void {
    const value = word.startsWith('-') ? word.replace(/^-[^=]*=?/, '') : word;
    if (value === '') return;
    const path = isAddress(value) ? undefined : resolve(this.cwd, value);
    if (path !== undefined && isFolder(path)) {
      this.archivesIn(path, from, 1);
      this.folder(path, basename(path));
    } else if (path !== undefined && /\.(?:txt|in)$/i.test(path) && exists(path)) this.file(value, this.cwd);
    else this.word(value, from);
  }

  private word(word: string, from: string): void {
    const path = resolve(this.cwd, word.replace(/\[[^\]]*\]$/, ''));
    if (!isAddress(word) && isFolder(path) && (/[/\\]/.test(word) || word.startsWith('.'))) {
      this.folder(path, basename(path));
    } else if (!isAddress(word) && isArchiveName(path) && exists(path)) this.found.archives.set(path, from);
    else this.requirement(word, from);
  }

  private requirement(text: string, from: string, toBuild = false, base = this.cwd): void {
    const requirement = parseRequirement(text);
    if (requirement === undefined) return;
    this.found.requirements.push({ from, requirement, toBuild });
    const { reference } = requirement;
    if (reference === undefined) return;
    const kind = referenceKind(reference);
    if (kind === 'remote') this.found.addresses.add(reference);
    else if (kind === 'vcs') this.vcs(reference, from);
    else this.local(reference, from, base);
  }

  private vcs(reference: string, from: string): void {
    const target = withoutPassword(reference);
    const git = parseGitReference(reference);
    if (git !== undefined) this.found.git.push({ reference: git, target, from });
    else {
      const reason: UnverifiedReason = { code: 'git-source', args: { source: target } };
      this.found.unreadable.push({ target, from, reason });
    }
  }

  private local(reference: string, from: string, base: string): void {
    const path = localPath(reference, base);
    if (path === undefined || !exists(path)) return; // pip says so itself
    if (isFolder(path)) this.folder(path, basename(path));
    else this.found.archives.set(path, from);
  }

  private editable(word: string, from: string): void {
    if (isAddress(word) && referenceKind(word) === 'vcs') this.vcs(word, from);
    else if (isAddress(word)) this.local(word.replace(/\[[^\]]*\]$/, ''), from, this.cwd);
    else {
      const path = resolve(this.cwd, word.replace(/\[[^\]]*\]$/, ''));
      this.folder(path, basename(path));
    }
  }

  /** Of the user's own code only what builds it is judged; and all that it needs. */
  private folder(path: string, from: string): void {
    this.found.folders.add(path);
    const { requires, buildRequires } = readPyproject(readText(join(path, 'pyproject.toml')) ?? '');
    for (const line of requires) this.requirement(line, from, false, path);
    for (const line of buildRequires) this.requirement(line, from, true, path);
  }

  private file(name: string, folder: string): void {
    if (/^https?:\/\//i.test(name)) {
      this.found.addresses.add(name);
      this.found.remoteFiles.add(name);
      return;
    }
    const path = localPath(name, folder);
    if (path === undefined || this.filesRead.has(path)) return;
    this.filesRead.add(path);
    const text = readText(path);
    if (text !== undefined) this.lines(text, basename(path), (file) => file, dirname(path));
  }

  private lines(text: string, from: string, absolute: (file: string) => string, folder = this.cwd): void {
    const file = parseRequirementsFile(text, this.env);
    for (const line of file.requirements) this.word(line, from);
    for (const line of file.editables) this.editable(line, from);
    for (const url of file.indexUrls) this.index(url);
    for (const host of file.trustedHosts) this.found.trustedHosts.add(host);
    for (const link of file.findLinks) {
      // pip takes a folder beside the file first, then one of that name where it runs.
      const beside = localPath(link, folder);
      this.links(link, beside !== undefined && exists(beside) ? folder : this.cwd);
    }
    for (const name of [...file.requirementFiles, ...file.constraintFiles]) this.file(absolute(name), folder);
  }

  /** PEP 723: requirements in a comment at the top of a script. */
  private script(name: string): void {
    const text = readText(resolve(this.cwd, name)) ?? '';
    const block = /^# \/\/\/ script\s*$([\s\S]*?)^# \/\/\/\s*$/m.exec(text)?.[1] ?? '';
    const toml = block.replace(/^# ?/gm, '');
    for (const line of readPyproject(`[project]\n${toml}`).requires) this.requirement(line, basename(name));
  }

  /** PEP 735: `[path:]group`. Groups may include each other; all of the file are read. */
  private group(name: string): void {
    const path = resolve(this.cwd, name.includes(':') ? name.replace(/:[^:]*$/, '') : 'pyproject.toml');
    for (const line of readPyproject(readText(path) ?? '').groups) this.requirement(line, basename(path));
  }

  private index(url: string): void {
    if (/^https?:\/\//i.test(url)) this.found.addresses.add(url);
    else this.archivesIn(localPath(url, this.cwd), url, 3);
  }

  private links(link: string, folder: string): void {
    if (/^https?:\/\//i.test(link)) this.found.addresses.add(link);
    else this.archivesIn(localPath(link, folder), link, 1);
  }

  /** Every archive pip could pick from a local folder or page; they are read before pip starts. */
  private archivesIn(path: string | undefined, from: string, depth: number): void {
    if (path === undefined || !exists(path)) return;
    if (!isFolder(path)) {
      if (isArchiveName(path)) this.found.archives.set(path, from);
      else if (/\.html?$/i.test(path)) this.page(path, from);
      return;
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (isFolder(inside)) {
        if (depth > 1) this.archivesIn(inside, from, depth - 1);
      } else if (isArchiveName(inside)) this.found.archives.set(inside, from);
      else if (/\.html?$/i.test(inside)) this.page(inside, from);
    }
  }

  private page(path: string, from: string): void {
    for (const { url } of readLinks(readFileSync(path), 'text/html', pathToFileURL(path))) {
      if (/^https?:/.test(url)) this.found.addresses.add(url);
      else if (url.startsWith('file:')) this.local(url, from, dirname(path));
    }
  }
}

/** Absolute path of a path or `file:` address; undefined for any other address. */
function localPath(name: string, base: string): string | undefined {
  if (/^file:/i.test(name)) {
    try {
      const url = new URL(name.replace(/^file:(?!\/)/i, 'file:///'), pathToFileURL(join(base, '/')));
      url.hash = '';
      url.search = '';
      return fileURLToPath(url);
    } catch {
      return undefined;
    }
  }
  if (isAddress(name) && !isAbsolute(name)) return undefined;
  return resolve(base, name);
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // pip reads it too and says what is wrong
  }
}

const withoutPassword = (address: string): string => address.replace(/\/\/[^/@\s]*@/, '//');
