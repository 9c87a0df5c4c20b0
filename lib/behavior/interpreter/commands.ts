/** Shell command lines and script files: their own behaviours, then what they start. */
import type { OpenedArtifact } from '../../types.js';
import { fedFiles, namedAfterInterpreter } from '../shell/fed.js';
import { parseShell } from '../shell.js';
import { UNKNOWN_PIECE } from '../values.js';
import { languageOf, packagePath, runCode, runFile } from './context.js';
import { emit } from './emit.js';
import { LIMITS, type Machine } from './machine.js';
import { runIn, scriptEnv } from './modules.js';
import { decode } from './programs.js';

const SCRIPT_BYTES = 400_000;

/** One command line. `hidden`: it stood in decoded text; `quiet`: its output goes nowhere. */
export function runShell(m: Machine, command: string, hidden: boolean, quiet: boolean, isFile = false): void {
  if (m.ranCommands.has(command)) return;
  m.commandTextRead += command.length;
  if (m.codeDepth >= LIMITS.codeDepth || m.commandTextRead > LIMITS.commandText) {
    m.unread = true;
    return;
  }
  m.ranCommands.add(command);
  for (const path of fedFiles(command)) if (isOdd(m, path)) m.unread = true;
  m.codeDepth++;
  if (hidden) m.hiddenDepth++;
  try {
    const lines = isFile ? new Lines(command) : undefined;
    let odd: boolean | undefined;
    // Nobody chooses what a hook is handed; what a program put in at run time can be anything.
    const hidesNames = m.phase === 'install' && !command.includes(UNKNOWN_PIECE);
    for (const part of parseShell(command)) {
      m.step();
      if (part.unread) m.unread = true;
      if (lines !== undefined) m.position = { line: lines.of(part.text), column: 0 };
      for (const behavior of part.behaviors) {
        const qualifiers = quiet ? [...behavior.qualifiers, 'quiet'] : behavior.qualifiers;
        emit(m, behavior.code, { qualifiers, detail: behavior.detail });
      }
      for (const run of part.runs) {
        if (run.type === 'file') {
          if (!runFile(m, run.path, run.language)) {
            emit(m, 'missing-file', { detail: run.path });
            // From another folder (`cd lib; node x.txt`) it may be there after all.
            if (namesakes(m, run.path).some((path) => isOdd(m, path))) m.unread = true;
            // So may a copy, what a pattern matches or an archive holds, and what npm puts into a variable.
            // A command of the package is handed its words by the user; what of odd name is code is read as the remainder.
            const handed = m.phase !== 'install' && /^\$\{?[@*1-9]\}?$/.test(run.path);
            if (!handed) odd ??= MAKES.test(command) && namesOdd(m, command);
            if ((odd && !handed) || /\$\{?npm_(?:package|config)_/.test(run.path)) m.unread = true;
            if (hidesNames && isNameless(run.path, command)) m.unread = true;
          }
        } else if (run.type === 'bare') {
          if (m.artifact.files.has(run.path)) {
            emit(m, 'run-own-file', { detail: run.path });
            runFile(m, run.path);
          }
        } else if (run.type === 'script') runScript(m, run.name, hidden, quiet);
        else if (run.type === 'makefile') runMakefile(m, run.path);
        else if (run.type === 'foreign') m.unread ||= run.path === '' ? hidesNames : isOdd(m, run.path);
        else if (run.language === 'shell') runShell(m, run.code, run.hidden, quiet);
        else runCode(m, run.language, run.code, run.hidden || hidden);
      }
    }
    for (const path of namedAfterInterpreter(command)) {
      if (isOdd(m, path) && !m.startedFiles.has(packagePath(path)!)) m.unread = true;
    }
    for (const path of nestedManifests(m, command)) runNestedScripts(m, path, command);
  } finally {
    if (hidden) m.hiddenDepth--;
    m.codeDepth--;
  }
}

const PACKAGE_MANAGER = /(?:^|[\s;&|("'])(?:npm|pnpm|yarn|bun|cnpm|npx)\s/;

/** Manifests of the package's other folders that a command hands to a package manager (`cd sub && npm install`). */
function nestedManifests(m: Machine, command: string): string[] {
  if (!PACKAGE_MANAGER.test(command)) return [];
  return command
    .split(/[\s'";&|()=]+/)
    .map((word) => packagePath(`${word}/package.json`))
    .filter(
      (path): path is string => path !== undefined && path !== 'package.json' && m.artifact.files.has(path),
    );
}

/** The scripts of such a manifest that an install runs, and those the command names. */
function runNestedScripts(m: Machine, path: string, command: string): void {
  const file = m.artifact.files.get(path);
  let manifest: unknown;
  try {
    manifest = JSON.parse(decode(file!.bytes));
  } catch {
    return; // npm refuses it too
  }
  const scripts = (manifest as { scripts?: unknown } | null)?.scripts;
  if (typeof scripts !== 'object' || scripts === null) return;
  const words = new Set(command.split(/[\s'";&|()=]+/));
  for (const [name, text] of Object.entries(scripts)) {
    const isRun =
      /^(?:pre|post)?(?:install|prepare)$|^prepublish$/.test(name) ||
      words.has(name.replace(/^(?:pre|post)/, ''));
    if (isRun && typeof text === 'string') runShell(m, text, false, false);
  }
}

/** Recipes and `$(shell …)` of a makefile, one after another: which rule is made is not looked at. */
function runMakefile(m: Machine, path: string): void {
  const inside = packagePath(path);
  const file = inside === undefined ? undefined : m.artifact.files.get(inside);
  if (file === undefined) return;
  const text = decode(file.bytes).replace(/\\\r?\n\t?/g, ' ');
  const recipes = [...text.matchAll(/^\t[\t @+-]*(.+)$/gm)].map((match) => match[1]!);
  const shells = [...text.matchAll(/\$\(shell\s+([^()]+)\)/g)].map((match) => match[1]!);
  runShell(m, [...shells, ...recipes].join('\n').replaceAll('$$', '$'), false, false);
}

/** A file of the package that is not read for its name: if it runs, it is from here only. */
function isOdd(m: Machine, path: string): boolean {
  const inside = packagePath(path);
  return inside !== undefined && m.artifact.files.has(inside) && languageOf(m, inside) === undefined;
}

/** A command line that can start a file it does not name itself: a copy, an archive, a redirection, a loop over a pattern. */
const MAKES =
  /(?:^|[;&|(\s])(?:cp|copy|xcopy|robocopy|mv|move|ren|rename|ln|mklink|rsync|dd|tee|cat|type|sed|awk|xargs|parallel|find|tar|bsdtar|unzip|7z|gunzip|zcat|for|git|perl)\s|(?:^|[;&|(])\s*install\s|[>*?[{]/;

/**
 * What a `case` compares with (`a|*b*) …`), and what is cut off a variable (`${x#*=}`): patterns for texts, that no file
 * is looked up by. Nothing that a shell would take apart into words, or run, counts as one.
 */
const TEXT_PATTERNS =
  /(?:^|;;&?|;&|\bin\s)[ \t]*(?:[^\s()'"\\;|&{}$`<>]|\\.|'[^']*'|"(?:[^"\\`$]|\\.|\$(?!\())*"|[ \t]*\|[ \t]*)+\)|\$\{\w+[#%](?:[^{}$`()]|\$\w+|\\.)*\}/gm;

/** Whether a word of a command, as a path or as a shell's pattern, names a file that is not read for its name. */
function namesOdd(m: Machine, command: string): boolean {
  const words = command.replace(TEXT_PATTERNS, ' ').split(/[\s'"|<>()=;&]+/);
  return words.some((word) => {
    // What a program put in at run time can be anything; braces without a comma or dots are letters to a shell.
    if (word.includes(UNKNOWN_PIECE)) return false;
    const wild = word.match(/\*|\{[^{}]*(?:,|\.\.)/g)?.length ?? 0;
    if (wild === 0 && !word.includes('?')) return isOdd(m, word);
    // Matching takes a power of the length; no honest hook needs more.
    if (wild > 3) return true;
    m.looksAt(m.artifact.files.size);
    const pattern = word.replace(/^\.\//, '').replace(/[.+^$()|[\]\\]/g, '\\$&');
    const glob = pattern.replace(/\{[^{}]*\}|\*+|\?|[{}]/g, (part) => (part === '?' ? '[^/]' : '[^/]*'));
    const matches = new RegExp(`^${glob}$`);
    return [...m.artifact.files.keys()].some((path) => matches.test(path) && isOdd(m, path));
  });
}

/**
 * A file whose own name, not only its folder, the shell makes when it runs: `"$f"`, `${a%.md}.txt`, `%a%`. What the caller hands
 * over is none of it, nor what a loop takes from words that stand in the text.
 */
function isNameless(path: string, command: string): boolean {
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (last.includes(UNKNOWN_PIECE) || /[`*?]|%\w+%|\$\(|\$\{\w*[^\w}]/.test(last)) return true;
  return [...last.matchAll(/\$\{?([A-Za-z_]\w*)/g)].some(([, name]) => {
    const words = new RegExp(`\\bfor\\s+${name}\\s+in\\s([^;\\n]*)`).exec(command)?.[1];
    return words === undefined || /[$`]/.test(words);
  });
}

const byName = new WeakMap<OpenedArtifact, Map<string, string[]>>();

/** Files of the package with the same last name. */
function namesakes({ artifact }: Machine, path: string): readonly string[] {
  const last = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
  let names = byName.get(artifact);
  if (names === undefined) {
    names = new Map();
    for (const file of artifact.files.keys()) {
      const same = names.get(last(file));
      // Ten of a name are enough to find an odd one.
      if (same === undefined) names.set(last(file), [file]);
      else if (same.length < 10) same.push(file);
    }
    byName.set(artifact, names);
  }
  return names.get(last(path)) ?? [];
}

/** A script of the package's own manifest, as `npm run` would run it; nothing when there is none of that name. */
function runScript(m: Machine, name: string, hidden: boolean, quiet: boolean): void {
  const scripts = m.artifact.manifest?.scripts;
  if (typeof scripts !== 'object' || scripts === null) return;
  for (const key of [`pre${name}`, name, `post${name}`]) {
    const command = (scripts as Record<string, unknown>)[key];
    if (typeof command === 'string' && Object.hasOwn(scripts, key)) runShell(m, command, hidden, quiet);
  }
}

/** Lines of commands in a script, in the order they are asked for. */
class Lines {
  #at = 0;
  #line = 1;
  constructor(readonly source: string) {}

  /** Line of the next place this text stands at; the last line when there is none. */
  of(text: string | undefined): number {
    const found = text === undefined ? -1 : this.source.indexOf(text.slice(0, 200), this.#at);
    if (found < 0) return this.#line;
    for (let at = this.source.indexOf('\n', this.#at); at !== -1 && at < found; ) {
      this.#line++;
      at = this.source.indexOf('\n', at + 1);
    }
    this.#at = found;
    return this.#line;
  }
}

/** A script file, as one command line after another. */
export function runShellFile(m: Machine, path: string): void {
  const file = m.artifact.files.get(path);
  if (file === undefined || m.startedShell.has(path)) return;
  m.startedShell.add(path);
  m.startedFiles.add(path);
  if (file.bytes.length > SCRIPT_BYTES) {
    m.unread = true;
    emit(m, 'left-out', { detail: path });
    return;
  }
  m.filesParsed++;
  m.codeBytes += file.bytes.length;
  runIn(m, scriptEnv(m, path), () => {
    m.position = { line: 1, column: 0 };
    runShell(m, decode(file.bytes), false, false, true);
  });
}
