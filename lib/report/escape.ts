/**
 * What came out of an artifact or a registry is hostile text: names, paths, versions, excerpts. Every reporter
 * passes it through here; nothing else stands between a package and the terminal or the page.
 */

/**
 * Controls (C0, C1, DEL), formatting characters (bidirectional overrides, zero-width ones, tags), line and paragraph
 * separators, surrogates without partner, private and unassigned code points, and every space but the plain one.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const NOT_ASCII = /[^\x20-\x7e]/gu;

/** Text on one line that shows what is there: `\n`, `\x1b`, `\u{202e}` in place of what could not be seen. */
export function escapeText(text: string, { ascii = false }: { readonly ascii?: boolean } = {}): string {
  const safe = text.replace(UNSAFE, visible);
  return ascii ? safe.replace(NOT_ASCII, visible) : safe;
}

function visible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0)!;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Text for element content or a quoted attribute. */
export function escapeHtml(text: string): string {
  return escapeText(text).replace(/[&<>"'`]/g, (character) => ENTITIES[character]!);
}

/** A JSON document in which unsafe characters stand as `\u` escapes: the same value, safe to print. */
export function escapeJson(document: string): string {
  // JSON.stringify leaves such characters only inside strings; layout newlines and spaces are its own.
  return document.replace(/[^\n -~]/gu, (character) => {
    UNSAFE.lastIndex = 0;
    if (!UNSAFE.test(character)) return character;
    return character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
  });
}
