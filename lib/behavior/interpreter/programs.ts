/** Source text to program, once a file. */
import { BeyondLimit, type Program } from '../ir.js';
import { decodePythonSource } from '../lower/python-source.js';
import { emit } from './emit.js';
import type { Machine } from './machine.js';

/** The lowered file; undefined when it is missing or nothing of it can be read, which is then a behaviour. */
export function programOf(m: Machine, path: string, language: 'javascript' | 'python'): Program | undefined {
  m.startedFiles.add(path);
  if (m.programs.has(path)) return m.programs.get(path);
  const file = m.artifact.files.get(path);
  if (file === undefined) return undefined;
  let program: Program | undefined;
  try {
    const text = language === 'python' ? decodePythonSource(file.bytes) : decode(file.bytes);
    program = m.languages[language].lower(text, path);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    m.parseFailures++;
    // What no parser reads does not run either, unless it was the parser's own limit that ended it.
    if (error instanceof BeyondLimit || error instanceof RangeError) m.unread = true;
    m.recorder.emit({
      code: 'parse-failure',
      phase: m.phase,
      file: path,
      line: 1,
      column: 0,
      qualifiers: [],
      detail: error.message.slice(0, 120),
    });
  }
  if (program?.cut) m.unread = true;
  keep(m, path, program, file.bytes.length);
  return program;
}

/** Notes the program of a file, or that it has none, and what its text shows. */
export function keep(m: Machine, path: string, program: Program | undefined, bytes: number): void {
  m.filesParsed++;
  m.codeBytes += bytes;
  m.programs.set(path, program);
  if (program !== undefined) emitText(m, path, program);
}

function emitText(m: Machine, path: string, program: Program): void {
  const seen = new Set<string>();
  for (const fact of program.textBehaviors) {
    if (seen.has(fact.code)) continue;
    seen.add(fact.code);
    m.recorder.emit({
      code: fact.code,
      phase: m.phase,
      file: path,
      line: fact.line,
      column: fact.column,
      qualifiers: [],
      detail: fact.detail,
    });
  }
}

/** Text behaviours of decoded code stand where the code stood. */
export function emitHiddenText(m: Machine, program: Program): void {
  const seen = new Set<string>();
  for (const fact of program.textBehaviors) {
    if (seen.has(fact.code)) continue;
    seen.add(fact.code);
    emit(m, fact.code, { detail: fact.detail });
  }
}

/** UTF-8, or UTF-16 by its mark; what is not valid stays readable. */
export function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return Buffer.from(bytes.subarray(2)).toString('utf16le');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
