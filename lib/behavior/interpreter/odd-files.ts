/** Code in files that no reader takes for code by their name: something may still load them by a way that is not followed. */
import { BeyondLimit, type Program } from '../ir.js';
import { decodePythonSource } from '../lower/python-source.js';
import { opaqueKind } from '../opaque.js';
import { languageOf } from './context.js';
import type { Machine } from './machine.js';
import { decode } from './programs.js';

/** Longest file looked at. */
const MOST_BYTES = 1_000_000;
/** Words that code needs to do anything beyond itself: what has none is not parsed. */
const ACTS = {
  javascript: /\b(?:require|import|eval|Function|fetch|process|globalThis)\b/,
  python: /^[ \t]*(?:import|from)[ \t]+[\w.]|\b(?:exec|eval|__import__)[ \t]*\(/m,
} as const;

/**
 * The language such a file is written in from its first to its last letter; undefined for files that are read anyway, for
 * data, and for prose with pieces of code in it.
 */
export function oddCode(m: Machine, path: string): 'javascript' | 'python' | undefined {
  const { files, ecosystem } = m.artifact;
  const file = files.get(path);
  if (file === undefined || file.bytes.length > MOST_BYTES || languageOf(m, path) !== undefined) return undefined;
  const language = ecosystem === 'npm' ? 'javascript' : 'python';
  if (/\.json$/i.test(path) || opaqueKind(file, files) !== undefined) return undefined;
  m.looksAt(file.bytes.length);
  const text = language === 'python' ? textOf(file.bytes) : decode(file.bytes);
  if (text === undefined || text.includes('\0') || !ACTS[language].test(text)) return undefined;
  let program: Program;
  try {
    program = m.languages[language].lower(text, path);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
  return program.recovered ? undefined : language;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodePythonSource(bytes);
  } catch (error) {
    if (error instanceof BeyondLimit) return undefined;
    throw error;
  }
}
