/** Code in files that no reader takes for code by their name: something may load them by a way that is not followed. */
import { BeyondLimit } from '../ir.js';
import { decodePythonSource } from '../lower/python-source.js';
import { opaqueKind } from '../opaque.js';
import type { Machine } from './machine.js';
import { decode, keep } from './programs.js';

/** Longest file looked at. */
const MOST_BYTES = 1_000_000;
/** Words that code needs to do anything beyond itself: what has none is not parsed. */
const ACTS = {
  javascript: /\b(?:require|import|eval|Function|constructor|fetch|process|globalThis)\b/,
  python: /^[ \t]*c?(?:import|from)[ \t]+[\w.]|\b(?:exec|eval|__import__)[ \t]*\(/m,
} as const;

/**
 * Keeps the program in a file of such a name, if there is one in this language. Data, and prose with pieces of code in it, are none; nor is what a parser has to mend, but for Cython's `.pyx`, of which it
 * reads what Python shares with it.
 */
export function findOddCode(m: Machine, path: string, language: 'javascript' | 'python'): boolean {
  const { files } = m.artifact;
  const file = files.get(path);
  if (file === undefined || file.bytes.length > MOST_BYTES || opaqueKind(file, files) !== undefined)
    return false;
  m.looksAt(file.bytes.length);
  try {
    const text = language === 'python' ? decodePythonSource(file.bytes) : decode(file.bytes);
    if (text.includes('\0') || !ACTS[language].test(text)) return false;
    const program = m.languages[language].lower(text, language === 'python' ? 'odd.py' : 'odd.js');
    if (program.recovered && !/\.pyx$/i.test(path)) return false;
    keep(m, path, program, file.bytes.length);
    return true;
  } catch (error) {
    // What no parser reads, or a source in another set of letters, is no code that could be loaded as it stands.
    if (error instanceof SyntaxError || error instanceof RangeError || error instanceof BeyondLimit)
      return false;
    throw error;
  }
}
