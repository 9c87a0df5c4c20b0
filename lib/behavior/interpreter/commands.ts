/** Shell command lines and script files: their own behaviours, then what they start. */
import { parseShell } from '../shell.js';
import { runCode, runFile } from './context.js';
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
  m.codeDepth++;
  if (hidden) m.hiddenDepth++;
  try {
    const lines = isFile ? new Lines(command) : undefined;
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
          if (!runFile(m, run.path, run.language)) emit(m, 'missing-file', { detail: run.path });
        } else if (run.type === 'script') runScript(m, run.name, hidden, quiet);
        else if (run.language === 'shell') runShell(m, run.code, run.hidden, quiet);
        else runCode(m, run.language, run.code, run.hidden || hidden);
      }
    }
  } finally {
    if (hidden) m.hiddenDepth--;
    m.codeDepth--;
  }
}

/** A script of the package's own manifest, as `npm run` would run it; nothing when there is none of that name. */
function runScript(m: Machine, name: string, hidden: boolean, quiet: boolean): void {
  const scripts = m.artifact.manifest?.['scripts'];
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
