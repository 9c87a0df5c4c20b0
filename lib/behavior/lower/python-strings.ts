/** String and bytes literals: prefix, escapes, f-string texts. */

export interface LiteralPrefix {
  readonly isBytes: boolean;
  readonly isRaw: boolean;
  readonly isFormatted: boolean;
}

/** From the opening delimiter as written, `Rb"""` for example. */
export function literalPrefix(opening: string): LiteralPrefix {
  const letters = /^[a-zA-Z]*/.exec(opening)?.[0].toLowerCase() ?? '';
  return {
    isBytes: letters.includes('b'),
    isRaw: letters.includes('r'),
    isFormatted: letters.includes('f') || letters.includes('t'),
  };
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const ESCAPE =
  /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}]{0,100})\}|(\n)|(.))/gsu;

/** Resolves backslash escapes as Python does; unknown ones keep their backslash. */
export function unescapeLiteral(text: string, isBytes: boolean): string {
  if (!text.includes('\\')) return text;
  return text.replace(
    ESCAPE,
    (
      whole: string,
      hex: string | undefined,
      octal: string | undefined,
      short: string | undefined,
      long: string | undefined,
      name: string | undefined,
      newline: string | undefined,
      single: string | undefined,
    ) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined)
        return String.fromCharCode(Number.parseInt(octal, 8) & (isBytes ? 0xff : 0x1ff));
      if (newline !== undefined) return '';
      if (isBytes && single === undefined) return whole;
      if (short !== undefined) return String.fromCharCode(Number.parseInt(short, 16));
      if (long !== undefined) {
        const code = Number.parseInt(long, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      }
      if (name !== undefined) return NAMED[name.toUpperCase()] ?? whole;
      return (single !== undefined ? SIMPLE[single] : undefined) ?? whole;
    },
  );
}

/** The handful of `\N{…}` names that spell code; the whole table is 1.5 MB. */
const NAMED: Readonly<Record<string, string>> = {
  SPACE: ' ',
  'FULL STOP': '.',
  SOLIDUS: '/',
  'REVERSE SOLIDUS': '\\',
  COLON: ':',
  'HYPHEN-MINUS': '-',
  'LOW LINE': '_',
  'LEFT PARENTHESIS': '(',
  'RIGHT PARENTHESIS': ')',
  QUOTATION_MARK: '"',
  APOSTROPHE: "'",
  'LINE FEED': '\n',
  'ZERO WIDTH SPACE': '\u200b',
  'NO-BREAK SPACE': '\u00a0',
  ...Object.fromEntries(
    [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].flatMap((letter) => [
      [`LATIN CAPITAL LETTER ${letter}`, letter],
      [`LATIN SMALL LETTER ${letter}`, letter.toLowerCase()],
    ]),
  ),
  ...Object.fromEntries(
    ['ZERO', 'ONE', 'TWO', 'THREE', 'FOUR', 'FIVE', 'SIX', 'SEVEN', 'EIGHT', 'NINE'].map((name, digit) => [
      `DIGIT ${name}`,
      String(digit),
    ]),
  ),
};

/** Text of a bytes literal (after escapes) as bytes. */
export function literalBytes(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    // Python 2 source and hostile files have non-ASCII characters here: their UTF-8 bytes are meant.
    if (text.charCodeAt(i) > 0xff) return new Uint8Array(Buffer.from(text, 'utf8'));
  }
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Integer literal of either Python: underscores, `0o`, legacy `0777`, suffix `L`. */
export function integerLiteral(text: string): number | bigint {
  let digits = text.replaceAll('_', '').replace(/[lL]$/, '').toLowerCase();
  if (/^0[0-7]+$/.test(digits)) digits = `0o${digits.slice(1)}`;
  else if (/^0\d+$/.test(digits)) digits = digits.replace(/^0+(?=\d)/, '');
  try {
    const value = BigInt(digits);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  } catch {
    return 0;
  }
}
