/**
 * Concealment that is visible in the text itself, before any parsing, in either language: code pushed off
 * screen, characters no editor shows, the shapes obfuscators leave. Each test is one regular expression
 * without nested repetition, so it stays linear in the text.
 */

export interface TextBehavior {
  readonly code: string;
  /** 1-based. */
  readonly line: number;
  /** 0-based. */
  readonly column: number;
  readonly detail: string;
}

/** Spaces in front of code that no screen is wide enough to show. */
const OFF_SCREEN = /[ \t]{150,}[^\s]/g;

// Bidirectional overrides and isolates reorder what a reader sees ("Trojan Source", arXiv 2111.00169);
// runs of variation selectors, tags and zero-width characters carry bytes nobody sees; Hangul fillers are
// valid, blank identifiers.
const INVISIBLE: readonly RegExp[] = [
  /[\u202d\u202e\u2066\u2067\u2068]/,
  /(?:[\u200b\u200c\u2060-\u2064]|\u200d|[\ufe00-\ufe0f]|[\u180b-\u180d]|\udb40[\udc00-\uddef]){6,}/,
  /(?:[$\w.,;(){}=\s]|^)[\u3164\uffa0\u115f\u1160]/,
];

interface Shape {
  readonly detail: string;
  readonly pattern: RegExp;
  /** How many matches make the shape. */
  readonly atLeast: number;
  /** False for texts that cannot hold a match, told by a search for plain text, ten times as fast as the pattern. */
  readonly possible?: (source: string) => boolean;
  readonly language?: 'javascript' | 'python';
}

const holds =
  (...parts: readonly string[]) =>
  (source: string): boolean =>
    parts.some((part) => source.includes(part));

/** Whether the text has a run of so many characters that fit: every such run stands on one of the places looked at. */
function hasRun(source: string, length: number, fits: (code: number) => boolean): boolean {
  for (let at = length - 1; at < source.length; at += length) {
    if (!fits(source.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && fits(source.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (end < source.length && end - start < length && fits(source.charCodeAt(end))) end++;
    if (end - start >= length) return true;
  }
  return false;
}

const isBlank = (code: number): boolean => code === 32 || code === 9;
/** `[`, `]`, `(`, `)`, `!`, `+`. */
const isBracket = (code: number): boolean =>
  code === 91 || code === 93 || code === 40 || code === 41 || code === 33 || code === 43;

const SHAPES: readonly Shape[] = [
  {
    detail: 'hexadecimal names',
    pattern: /\b_0x[0-9a-f]{4,}/g,
    possible: holds('_0x'),
    atLeast: 12,
    language: 'javascript',
  },
  {
    detail: 'packed code',
    pattern: /eval\(function\(p,a,c,k,e,[dr]\)/g,
    possible: holds('eval(function(p,a,c,k,e,'),
    atLeast: 1,
    language: 'javascript',
  },
  {
    detail: 'code of six characters',
    pattern: /[[\]()!+]{120,}/g,
    possible: (source) => hasRun(source, 120, isBracket),
    atLeast: 1,
    language: 'javascript',
  },
  {
    detail: 'rotated string table',
    pattern: /\[['"]push['"]\]\(\w+\[['"]shift['"]\]\(\)\)/g,
    possible: holds("['push", '["push'),
    atLeast: 1,
    language: 'javascript',
  },
  {
    detail: 'code of symbols',
    pattern: /\$=~\[\];|ﾟωﾟ|ﾟДﾟ/g,
    possible: holds('$=~[];', 'ﾟωﾟ', 'ﾟДﾟ'),
    atLeast: 1,
    language: 'javascript',
  },
  {
    detail: 'computed numbers',
    pattern: /\(0o[0-7]{4,}[-%^|]/g,
    possible: holds('(0o'),
    atLeast: 6,
    language: 'javascript',
  },
  {
    detail: 'escaped letters',
    pattern: /(?:\\x[2-7][0-9a-fA-F]){5,}/g,
    possible: holds('\\x'),
    atLeast: 4,
  },
  {
    detail: 'escaped letters',
    pattern: /(?:\\u00[2-7][0-9a-fA-F]){5,}/g,
    possible: holds('\\u00'),
    atLeast: 4,
  },
  // Names start with a letter: rows of zeros and ones are tables.
  { detail: 'look-alike names', pattern: /\bO[O0]{5,}\b|\b[Il][Il1]{7,}\b/g, atLeast: 12 },
  {
    detail: 'nested decoding',
    pattern: /exec\(\(_\)\(b['"]|lambda __ ?: ?__import__\(/g,
    atLeast: 1,
    language: 'python',
  },
];

function locate(source: string, index: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let at = source.indexOf('\n'); at !== -1 && at < index; at = source.indexOf('\n', at + 1)) {
    line += 1;
    start = at + 1;
  }
  return { line, column: index - start };
}

function countUpTo(source: string, pattern: RegExp, limit: number): { count: number; first: number } {
  pattern.lastIndex = 0;
  let count = 0;
  let first = -1;
  for (let match = pattern.exec(source); match !== null; match = pattern.exec(source)) {
    if (first === -1) first = match.index;
    count += 1;
    if (count >= limit) break;
  }
  return { count, first };
}

/** What the text conceals, at most one of each code (of `obfuscated-code`: the first shape that fits). */
export function inspectText(source: string, language: 'javascript' | 'python'): TextBehavior[] {
  const found: TextBehavior[] = [];
  OFF_SCREEN.lastIndex = 0;
  const pushed = hasRun(source, 150, isBlank) ? OFF_SCREEN.exec(source) : null;
  if (pushed !== null) {
    const at = pushed.index + pushed[0].length - 1;
    found.push({
      code: 'hide-long-line',
      ...locate(source, at),
      detail: source.slice(at, at + 80),
    });
  }
  for (const pattern of INVISIBLE) {
    const match = pattern.exec(source);
    if (match === null) continue;
    const point = (match[0].codePointAt(match[0].length > 1 ? 1 : 0) ?? 0).toString(16).toUpperCase();
    found.push({
      code: 'hide-unicode',
      ...locate(source, match.index),
      detail: `U+${point.padStart(4, '0')}`,
    });
    break;
  }
  for (const shape of SHAPES) {
    if (shape.language !== undefined && shape.language !== language) continue;
    if (shape.possible?.(source) === false) continue;
    const { count, first } = countUpTo(source, shape.pattern, shape.atLeast);
    if (count < shape.atLeast) continue;
    found.push({ code: 'obfuscated-code', ...locate(source, first), detail: shape.detail });
    break;
  }
  return found;
}
