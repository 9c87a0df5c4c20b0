/** Code in files that no reader takes for code by their name: something may load them by a way that is not followed. */
import { BeyondLimit } from '../ir.js';
import { decodePythonSource } from '../lower/python-source.js';
import { opaqueKind } from '../opaque.js';
import { emit } from './emit.js';
import type { Machine } from './machine.js';
import { decode, keep } from './programs.js';

/** Longest file looked at, and bytes of such files that are parsed in one artifact. */
const MOST_BYTES = 4_000_000;
/** Words that code needs to do anything beyond itself: what has none is not parsed. */
const ACTS = {
  javascript: /\b(?:require|import|eval|Function|constructor|fetch|process|globalThis)\b/,
  python: /^[ \t]*c?(?:import|from)[ \t]+[\w.]|\b(?:exec|eval|__import__)[ \t]*\(/m,
} as const;

/**
 * Keeps the program in a file of such a name, if there is one in this language. Data, and prose with pieces of code in it,
 * are none; nor is what a parser has to mend, but for Cython's `.pyx`, of which it reads what Python shares with it.
 */
export function findOddCode(m: Machine, path: string, language: 'javascript' | 'python'): boolean {
  const { files } = m.artifact;
  const file = files.get(path);
  if (file === undefined || file.bytes.length > MOST_BYTES || opaqueKind(file, files) !== undefined)
    return false;
  m.looksAt(file.bytes.length);
  const mended = /\.pyx$/i.test(path);
  try {
    const text = language === 'python' ? decodePythonSource(file.bytes) : decode(file.bytes);
    if (text.includes('\0') || !ACTS[language].test(text) || isData[language](text)) return false;
    m.oddBytes += file.bytes.length;
    if (m.oddBytes > MOST_BYTES) throw new BeyondLimit('more than is read of files that may be code');
    if (language === 'python' && !mended && beginsNoStatement(text)) return false;
    const program = m.languages[language].lower(text, language === 'python' ? 'odd.py' : 'odd.js', true);
    if (program.recovered && !mended) return false;
    keep(m, path, program, file.bytes.length);
    return true;
  } catch (error) {
    if (error instanceof BeyondLimit || error instanceof RangeError) emit(m, 'left-out', { detail: path });
    // What no parser reads is no code that could be loaded as it stands.
    else if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

/**
 * A text whose first token begins no statement of Python: C, Lisp and the like, whose megabytes the parser would mend to the
 * end only to be thrown away.
 */
function beginsNoStatement(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (c === '#') {
      at = text.indexOf('\n', at);
      if (at === -1) return false;
    } else if (!/[ \t\r\n\f]/.test(c)) return '/;:,)]}<>=%&|^!?$'.includes(c);
  }
  return false;
}

/**
 * What no engine takes for code by its first lines; parsing would say so too, at many times the cost. Only lines before the
 * first string count, which may hold anything.
 */
const isData = {
  javascript: (text: string): boolean =>
    /^\s*(?:\{\s*"(?:[^"\\\n]|\\.)*"\s*:|#[^!]|<![^-])/.test(text) || isJsonList(text),
  python(text: string): boolean {
    if (/^\s*</.test(text)) return true;
    for (const line of text.slice(0, 4000).split('\n', 40)) {
      if (/["']/.test(line)) return false;
      if (/^(?:[=^*`]{3,}|\[!|\.\.(?!\.))/.test(line) || isProse(line)) return true;
    }
    return false;
  },
};

/** Two words side by side of which neither is one of Python's (2 and 3) or Cython's. */
function isProse(line: string): boolean {
  const [, first = '', second = ''] = /^([A-Za-z]+) ([A-Za-z]+)/.exec(line) ?? [];
  return first !== '' && !BEFORE_A_WORD.test(first) && !BEHIND_A_WORD.test(second);
}
const BEFORE_A_WORD =
  /^(?:import|from|as|def|class|if|elif|else|while|for|in|is|and|or|not|with|try|except|finally|async|await|return|print|exec|global|nonlocal|del|assert|raise|lambda|yield|match|case|type|c(?:p?def|import)|ctypedef|include|DEF|IF)$/;
const BEHIND_A_WORD = /^(?:if|else|for|in|is|and|or|not|as|async|from|import)$/;

function isJsonList(text: string): boolean {
  if (!/^\s*\[/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
