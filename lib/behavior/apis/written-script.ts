/** Files that the code writes and then has something start: what was downloaded, and scripts, told by their language. */
import type { Context } from '../api.js';
import { startsFile } from '../shell.js';
import type { Labels } from '../values.js';

type Language = 'javascript' | 'python' | 'shell';

/** A word of a command line, or of a `#!` line, that is the program: alone, in a folder, quoted, with a Windows ending. */
const program = (name: string): RegExp =>
  new RegExp(`(?:^|[\\s/\\\\"';&|(])${name}(?:\\.exe)?["']?(?=\\s|$)`, 'i');

/** What reads a script: told by the ending of its name, by the program it is given to, or by its first line. */
const READERS: readonly { language: Language; ending: RegExp; program: RegExp }[] = [
  { language: 'javascript', ending: /\.[cm]?js$/i, program: program('node(?:js)?') },
  { language: 'python', ending: /\.pyw?$/i, program: program('pythonw?[\\d.]*') },
  {
    language: 'shell',
    ending: /\.(?:sh|bash|zsh|bat|cmd|ps1)$/i,
    program: program('(?:(?:ba|da|z)?sh|powershell|pwsh)'),
  },
];

/** Reads a script that was written to `path` a moment ago, and that `command` names, as what it is. */
export function runWritten(context: Context, path: string, text: string, command: string): void {
  const others = command.replaceAll(path, '');
  const shebang = /^#!.*/.exec(text)?.[0] ?? '';
  const reader =
    READERS.find(({ ending }) => ending.test(path)) ??
    READERS.find(({ program }) => program.test(others)) ??
    READERS.find(({ program }) => program.test(shebang));
  if (reader?.language === 'shell') context.runCommand(text, { hidden: true });
  else if (reader !== undefined) context.runCode(reader.language, text, { hidden: true });
}

/** Whether a command line starts one of the `files` (path and what was written there) that hold a download. */
export function startsDownloaded(
  command: string | undefined,
  files: Iterable<readonly [path: string, file: { readonly labels: Labels }]>,
): boolean {
  if (command === undefined) return false;
  const held: string[] = [];
  for (const [path, { labels }] of files) if (path.length > 2 && labels.has('download')) held.push(path);
  return startsFile(command, held);
}
