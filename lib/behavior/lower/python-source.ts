/** Bytes of a Python file → text, as the interpreter would decode it. */
import { BeyondLimit } from '../ir.js';

/** First or second line, as PEP 263 has it. */
const COOKIE = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;

/**
 * Decodes by byte order mark, then coding cookie, then UTF-8. Bytes that the encoding does not know do not stop
 * the reading: what Python would refuse is read as Latin-1, since Python 2 and `exec` are less strict.
 * Throws `BeyondLimit` for an encoding in which the letters on disk are not those that run, and that is not read here.
 */
export function decodePythonSource(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return utf8(bytes.subarray(3));
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  const head = Buffer.from(bytes.subarray(0, 400))
    .toString('latin1')
    .split(/\r\n|\r|\n/, 2);
  const first = COOKIE.exec(head[0] ?? '');
  const name = (first ?? (/^[ \t\f]*(#|$)/.test(head[0] ?? '') ? COOKIE.exec(head[1] ?? '') : null))?.[1];
  return name === undefined ? utf8(bytes) : decodeNamed(bytes, name);
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** Python's names for what the WHATWG encodings call otherwise. */
const ENCODINGS: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  u8: 'utf-8',
  'utf-8-sig': 'utf-8',
  utf: 'utf-8',
  gbk: 'gbk',
  gb2312: 'gbk',
  cp936: 'gbk',
  936: 'gbk',
  ms936: 'gbk',
  gb18030: 'gb18030',
  big5: 'big5',
  cp950: 'big5',
  950: 'big5',
  ms950: 'big5',
  'big5-tw': 'big5',
  csbig5: 'big5',
  big5hkscs: 'big5',
  'big5-hkscs': 'big5',
  hkscs: 'big5',
  'shift-jis': 'shift_jis',
  shiftjis: 'shift_jis',
  csshiftjis: 'shift_jis',
  's-jis': 'shift_jis',
  sjis: 'shift_jis',
  cp932: 'shift_jis',
  932: 'shift_jis',
  ms932: 'shift_jis',
  mskanji: 'shift_jis',
  'ms-kanji': 'shift_jis',
  'shift-jis-2004': 'shift_jis',
  shiftjis2004: 'shift_jis',
  'sjis-2004': 'shift_jis',
  's-jis-2004': 'shift_jis',
  'shift-jisx0213': 'shift_jis',
  shiftjisx0213: 'shift_jis',
  sjisx0213: 'shift_jis',
  's-jisx0213': 'shift_jis',
  'euc-jp': 'euc-jp',
  'euc-kr': 'euc-kr',
  cp949: 'euc-kr',
  'koi8-r': 'koi8-r',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1252: 'windows-1252',
  'windows-1250': 'windows-1250',
  'windows-1251': 'windows-1251',
  'windows-1252': 'windows-1252',
  'iso-8859-2': 'iso-8859-2',
  'iso-8859-15': 'iso-8859-15',
};

function decodeNamed(bytes: Uint8Array, name: string): string {
  // As encodings.normalize_encoding: `utf8-` is `utf8`.
  const normalized = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-|-$/g, '');
  if (normalized === 'raw-unicode-escape') return unescaped(bytes, /\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))/gi);
  if (normalized === 'unicode-escape')
    return unescaped(
      bytes,
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})|N\{([^}]*)\}|([\s\S]))/g,
    );
  if (normalized === 'rot13' || normalized === 'rot-13') return rot13(utf8(bytes));
  if (UTF7.test(normalized)) return utf7(bytes);
  const label = ENCODINGS[normalized];
  if (label === undefined && !SINGLE_BYTES.test(normalized))
    throw new BeyondLimit(`source encoding ${name} is not read`);
  if (label === undefined || label === 'utf-8') {
    return label === 'utf-8' || !/^(iso-?8859-1|latin-?1|l1|ascii|us-ascii|cp1252)$/.test(normalized)
      ? utf8(bytes)
      : Buffer.from(bytes).toString('latin1');
  }
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** As Python's `unicode_escape` has it: an escaped line end in a comment begins a line of code. */
function unescaped(bytes: Uint8Array, escapes: RegExp): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(
      escapes,
      (whole, u?: string, long?: string, x?: string, octal?: string, named?: string, one?: string) => {
        const hex = u ?? long ?? x;
        const point = hex !== undefined ? Number.parseInt(hex, 16) : Number.parseInt(octal ?? '', 8);
        if (!Number.isNaN(point)) return point > 0x10ffff ? whole : String.fromCodePoint(point);
        // Any character can have a name, the line end too.
        if (named !== undefined) throw new BeyondLimit('named characters of an escaped source are not read');
        return one === undefined ? whole : (ESCAPES[one] ?? whole);
      },
    );
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\x07',
  b: '\b',
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const UTF7 = /^(?:utf-?7|u7|unicode-1-1-utf-7|csunicode11utf7)$/;
/**
 * Sets in which ASCII is ASCII. Under any other name stands a codec that makes other text of plain letters (EBCDIC, shifts
 * between sets, what Python 2 also takes for a source encoding), or one that some package registers for itself.
 */
const SINGLE_BYTES =
  /^(?:utf-8-.*|cp65001|ascii|us-ascii|iso-?8859-?(?:[1-9]|1[0-6])|(?:iso-8859-1|iso-latin-1|latin-1)(?:-.*)?|latin-?(?:[1-9]|10)|l(?:[1-9]|10)|cp-?(?:437|720|737|775|85[02568]|86[0-69]|874|125[0-8])|(?:windows-?)?125[0-8]|koi8-?[rtu]|mac-?(?:roman|cyrillic|greek|latin2|turkish|iceland))$/;

/** RFC 2152: `+…-` holds UTF-16 in base 64, so that what looks like a comment can be code. */
function utf7(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/\+([A-Za-z0-9+/]*)-?/g, (_, packed: string) =>
      packed === '' ? '+' : new TextDecoder('utf-16be').decode(Buffer.from(packed, 'base64')),
    );
}

/** ASCII letters turned by thirteen; the codec `rot13`. */
export function rot13(text: string): string {
  return text.replace(/[a-zA-Z]/g, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}
