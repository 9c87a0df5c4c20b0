/**
 * Commands that `node-gyp` runs while it reads a `binding.gyp`: command expansions `<!(…)`, `<!@(…)` (and
 * the late forms `>!`, `^!`), and `actions`, `rules`, `postbuilds` with their command lists. A gyp file is a Python
 * literal with comments; the reader takes anything near that, and where it is not even that, every
 * expansion is still found in the text.
 */
import type { EntryPoint } from '../types.js';
import { type Files, inside } from './manifest-npm.js';
import { Unreadable } from './unreadable.js';

type Literal = { text: string; line: number } | Literal[] | { [key: string]: Literal } | undefined;
/** With a word before the bracket gyp runs no shell but the Python module that the content names. */
const EXPANSION = /[<>^]!@?(pymod_do_main)?\(/g;
/** Over these, the file was written to be slow to read; no honest one comes near. */
const LIMITS = { files: 50, bytes: 256 * 1024, commands: 500, command: 8000 } as const;

function beyond(limit: keyof typeof LIMITS, file: string): Unreadable {
  return new Unreadable('too-large', { limit: `gyp ${limit}`, max: LIMITS[limit], file });
}

/** Throws `Unreadable` where a file is over a limit. */
export function gypEntryPoints(files: Files, folder: string): EntryPoint[] {
  const entries: EntryPoint[] = [];
  const queue = [`${folder}binding.gyp`];
  const seen = new Set<string>();
  while (queue.length > 0) {
    const path = queue.shift()!;
    const file = files.get(path);
    if (seen.has(path) || file === undefined) continue;
    seen.add(path);
    if (seen.size > LIMITS.files) throw beyond('files', path);
    const { bytes } = file;
    if (bytes.length > LIMITS.bytes) throw beyond('bytes', path);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    const cwd = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const add = (command: string, line: number, what: string) => {
      if (command.trim() === '') return;
      entries.push({
        kind: 'gyp',
        phase: 'install',
        origin: `${path} ${what}`,
        file: path,
        line,
        run: { type: 'command', command, cwd },
      });
    };
    const literal = parseLiteral(text);
    for (const { command, line } of expansions(text, path)) add(command, line, 'command expansion');
    for (const { command, line } of actionLists(literal)) add(command, line, 'action');
    const named = [...text.matchAll(/['"]([^'"\n]+\.gypi?)(?::[^'"\n]*)?['"]/g)].map((match) => match[1]!);
    for (const other of [...named, ...includes(literal)]) {
      queue.push(inside(cwd === '' ? other : `${cwd}/${other}`));
    }
  }
  return entries;
}

function expansions(text: string, file: string): { command: string; line: number }[] {
  const found: { command: string; line: number }[] = [];
  for (const match of text.matchAll(EXPANSION)) {
    const start = match.index + match[0].length;
    let depth = 1;
    let end = start;
    while (end < text.length && depth > 0) {
      if (end - start > LIMITS.command) throw beyond('command', file);
      if (text[end] === '(') depth++;
      else if (text[end] === ')') depth--;
      end++;
    }
    let command = text.slice(start, depth === 0 ? end - 1 : end).replace(/\\(["'\\])/g, '$1');
    if (/^\s*\[/.test(command)) command = [...command.matchAll(/(["'])(.*?)\1/g)].map((m) => m[2]!).join(' ');
    if (match[1] !== undefined) {
      const module = /^[\w.]+/.exec(command.trim())?.[0] ?? '';
      command = `python3 -c "import ${module}; ${module}.DoMain([])"`;
    }
    found.push({ command, line: lineAt(text, match.index) });
    if (found.length > LIMITS.commands) throw beyond('commands', file);
  }
  return found;
}

/** Every `action` (and `postbuilds` `action`) list, joined into one command line. */
function actionLists(value: Literal, depth = 0): { command: string; line: number }[] {
  if (value === undefined || depth > 40) return [];
  if (Array.isArray(value)) return value.flatMap((item) => actionLists(item, depth + 1));
  if (isText(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    if ((key === 'action' || key === 'action+') && Array.isArray(item)) {
      const words = item.filter(isText);
      const command = words.map((word) =>
        /^[\w@%+=:,./\-<>()$!]+$/.test(word.text) ? word.text : JSON.stringify(word.text),
      );
      return words.length === 0 ? [] : [{ command: command.join(' '), line: words[0]!.line }];
    }
    return actionLists(item, depth + 1);
  });
}

/** Files an `includes` list names: of any ending. */
function includes(value: Literal, depth = 0): string[] {
  if (value === undefined || depth > 40 || isText(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item) => includes(item, depth + 1));
  return Object.entries(value).flatMap(([key, item]) =>
    /^includes\b/.test(key) && Array.isArray(item)
      ? item.filter(isText).map(({ text }) => text)
      : includes(item, depth + 1),
  );
}

function isText(value: Literal): value is { text: string; line: number } {
  return (
    value !== undefined && !Array.isArray(value) && typeof (value as { text?: unknown }).text === 'string'
  );
}

/** Python literal, tolerant: undefined where it does not go on. Never throws. */
function parseLiteral(text: string): Literal {
  let at = 0;
  let line = 1;
  const skip = () => {
    for (; at < text.length; at++) {
      const c = text[at]!;
      if (c === '\n') line++;
      else if (c === '#') {
        while (at + 1 < text.length && text[at + 1] !== '\n') at++;
      } else if (!/[\s,\uFEFF]/.test(c)) return;
    }
  };
  const string = (): { text: string; line: number } => {
    const start = line;
    let out = '';
    // Adjacent strings are one.
    while (text[at] === '"' || text[at] === "'") {
      const quote = text[at++];
      while (at < text.length && text[at] !== quote) {
        if (text[at] === '\n') line++;
        if (text[at] === '\\' && at + 1 < text.length) at++;
        out += text[at++];
      }
      at++;
      const before = at;
      const lineBefore = line;
      while (at < text.length && /\s/.test(text[at]!)) {
        if (text[at] === '\n') line++;
        at++;
      }
      if (text[at] !== '"' && text[at] !== "'") {
        at = before;
        line = lineBefore;
        break;
      }
    }
    return { text: out, line: start };
  };
  const value = (depth: number): Literal => {
    skip();
    const c = text[at];
    if (c === undefined || depth > 60) return undefined;
    if (c === '"' || c === "'") return string();
    if (c === '[' || c === '(') {
      at++;
      const items: Literal[] = [];
      for (skip(); at < text.length && text[at] !== ']' && text[at] !== ')'; skip())
        items.push(value(depth + 1));
      at++;
      return items;
    }
    if (c === '{') {
      at++;
      const record: { [key: string]: Literal } = Object.create(null);
      for (skip(); at < text.length && text[at] !== '}'; skip()) {
        const key = value(depth + 1);
        skip();
        if (text[at] !== ':') continue;
        at++;
        const item = value(depth + 1);
        if (isText(key)) record[key.text] = item;
      }
      at++;
      return record;
    }
    const word = /^[\w.+-]+/.exec(text.slice(at, at + 100))?.[0];
    at += word?.length ?? 1;
    return undefined;
  };
  return value(0);
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < index; i = text.indexOf('\n', i + 1)) line++;
  return line;
}
