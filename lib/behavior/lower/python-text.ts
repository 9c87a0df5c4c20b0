/** What the text itself shows before anything is evaluated: code out of sight, invisible characters, obfuscators' names. */
import type { Program } from '../ir.js';
import type { Lines, Node } from './python-tree.js';

type TextBehavior = Program['textBehaviors'][number];

/** Spaces or tabs in a row that push code beyond any screen. */
const PADDING = /\S[ \t]{120,}(?=[^\s#])/g;
/** Direction overrides, as in Boucher and Anderson, "Trojan Source" (arXiv 2111.00169). */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/;
/** Runs of characters that show nothing: variation selectors and tags carry whole payloads. */
const INVISIBLE =
  /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{8,}|[\u{e0020}-\u{e007f}]{6,}|[\u200b-\u200d\u2060-\u2064\ufeff]{8,}/u;
/** Letters that Python reads as ASCII and people do not type. */
const LOOKALIKE = /[\u{1d400}-\u{1d7ff}\uff21-\uff5a]/u;
/** Names that obfuscators give. */
const NAMES =
  /\b(?:_0x[0-9a-fA-F]{4,}|[Il]{7,}|[O0o]{7,}|(?=[OoIl01]*[Il])(?=[OoIl01]*[Oo0])[OoIl][OoIl01]{7,}|_{4,}[A-Za-z0-9]?_{3,}|[Il1iLj]{12,}|[DdbOo0]{12,}|[WwMmNn]{12,}|[XxSsJj]{14,})\b/g;
const MARKS =
  /__pyarmor__|\bpyarmor_runtime|\bpytransform\b.{0,40}\bpyarmor|\bpyobfuscate\s*=|Obfuscated with|BlankOBF|\bPy-?Fuscate|\bBerserker\b.{0,20}obf|\bkramer\b.{0,40}obf|development_?tools_?obfuscat|\bfreecodingtools\b/i;
const ENOUGH_NAMES = 6;

/** At most one behaviour of each kind a file: the model needs to know that, not how often. */
export function textBehaviors(text: string, root: Node, lines: Lines): TextBehavior[] {
  const found: TextBehavior[] = [];
  const add = (code: string, offset: number, detail: string): void => {
    found.push({ code, ...lines.position(offset), detail });
  };

  PADDING.lastIndex = 0;
  for (let match = PADDING.exec(text); match !== null; match = PADDING.exec(text)) {
    const offset = match.index + match[0].length;
    if (isInString(root, offset)) continue;
    add('hide-long-line', offset, text.slice(offset, offset + 80));
    break;
  }

  const invisible = BIDI.exec(text) ?? INVISIBLE.exec(text);
  if (invisible !== null) {
    add(
      'hide-unicode',
      invisible.index,
      `U+${(invisible[0].codePointAt(0) ?? 0).toString(16).toUpperCase()}`,
    );
  } else {
    const lookalike = firstOutsideStrings(text, root, LOOKALIKE);
    if (lookalike !== undefined) add('hide-unicode', lookalike, text.slice(lookalike, lookalike + 20));
  }

  const mark = MARKS.exec(text);
  if (mark !== null) add('obfuscated-code', mark.index, mark[0]);
  else {
    const names = new Set<string>();
    NAMES.lastIndex = 0;
    for (let match = NAMES.exec(text); match !== null; match = NAMES.exec(text)) {
      names.add(match[0]);
      if (names.size >= ENOUGH_NAMES) {
        add('obfuscated-code', match.index, [...names].slice(0, 3).join(' '));
        break;
      }
    }
  }
  return found;
}

function firstOutsideStrings(text: string, root: Node, pattern: RegExp): number | undefined {
  if (!pattern.test(text)) return undefined;
  const all = new RegExp(pattern.source, `${pattern.flags}g`);
  let looked = 0;
  for (let match = all.exec(text); match !== null && looked < 1_000; match = all.exec(text), looked++) {
    const kind = leafAt(root, match.index);
    if (kind === 'identifier') return match.index;
  }
  return undefined;
}

function isInString(root: Node, offset: number): boolean {
  return leafAt(root, offset)?.startsWith('string') === true;
}

/** Type of the innermost node around an offset; a comment is in no node but its parent's. */
function leafAt(root: Node, offset: number): string | undefined {
  let node: Node = root;
  for (;;) {
    const inner: Node | undefined = node.children.find((c) => c.start <= offset && offset < c.end);
    if (inner === undefined) return node.type;
    node = inner;
  }
}
