/** Codecs by name, as `bytes.decode`, `str.encode` and the `codecs` module know them, and the container formats. */
import { gunzipSync, inflateRawSync, inflateSync, unzipSync } from 'node:zlib';
import { rot13 } from '../../lower/python-source.js';
import { unescapeLiteral } from '../../lower/python-strings.js';
import { chargeCharacters, chargePieces } from '../../text-work.js';
import { MAX_LENGTH } from './core.js';

/** `latin_1`, `Latin-1`, `latin1` → `latin1`. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '');
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const fromLatin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** What the bytes from 128 on are in `cp437`. */
const CP437 = [
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ',
  'áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐',
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀',
  'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ',
].join('');

/** Codecs that give text from bytes. */
function textCodec(name: string): string | undefined {
  switch (name) {
    case 'utf8':
    case 'u8':
    case 'utf':
    case 'utf8sig':
    case 'cp65001':
      return 'utf8';
    case 'latin1':
    case 'l1':
    case 'iso88591':
    case '88591':
    case 'cp819':
    case 'charmap':
      return 'latin1';
    case 'ascii':
    case 'usascii':
    case '646':
      return 'ascii';
    case 'utf16':
    case 'utf16le':
    case 'u16':
    case 'unicodeinternal':
      return 'utf16le';
    case 'utf16be':
      return 'utf16be';
    case 'utf32':
    case 'utf32le':
    case 'u32':
      return 'utf32le';
    case 'utf32be':
      return 'utf32be';
    case 'cp1252':
    case 'windows1252':
      return 'windows-1252';
    case 'cp1251':
    case 'windows1251':
      return 'windows-1251';
    case 'cp437':
    case 'ibm437':
      return 'cp437';
    case 'mbcs':
    case 'oem':
      return 'latin1';
    case 'gbk':
    case 'cp936':
    case 'gb2312':
      return 'gbk';
    case 'utf7':
      return 'utf7';
    case 'idna':
    case 'punycode':
      return 'ascii';
  }
  return undefined;
}

/** Parts of `Look` one character or byte costs: codecs of the engine, and those done here character by character. */
const costOf = (name: string): number =>
  /^(?:rot|uu$|quopri|quoted|cp437|ibm437|utf7|utf32|u32)|escape/.test(name) ? 32 : 0.25;

/** Bytes → text or bytes. Undefined: codec not known, or the bytes are not of that codec. */
export function decodeBytes(
  bytes: Uint8Array,
  codec: string,
  errors = 'strict',
): string | Uint8Array | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  const name = normalize(codec);
  chargeCharacters(bytes.length, costOf(name));
  switch (name) {
    case 'hex':
    case 'hexcodec':
      return fromHex(latin1(bytes));
    case 'base64':
    case 'base64codec':
      return fromBase64(latin1(bytes));
    case 'rot13':
    case 'rot':
      return rot13(latin1(bytes));
    case 'zlib':
    case 'zip':
    case 'zlibcodec':
      return inflate(bytes);
    case 'uu':
    case 'quopri':
    case 'quotedprintable':
    case 'quopricodec':
      return name === 'uu' ? undefined : fromQuotedPrintable(latin1(bytes));
    case 'unicodeescape':
    case 'stringescape':
      return unescapeLiteral(latin1(bytes), name === 'stringescape');
    case 'rawunicodeescape':
      return latin1(bytes).replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
  }
  switch (textCodec(name)) {
    case 'utf8': {
      const body = name === 'utf8sig' && bytes[0] === 0xef ? bytes.subarray(3) : bytes;
      const fatal = errors !== 'ignore' && errors !== 'replace';
      try {
        const decoded = new TextDecoder('utf-8', { fatal, ignoreBOM: true }).decode(body);
        return errors === 'ignore' ? decoded.replaceAll('\ufffd', '') : decoded;
      } catch {
        return undefined;
      }
    }
    case 'latin1':
      return latin1(bytes);
    case 'ascii':
      if (errors === 'ignore') return latin1(bytes.filter((b) => b < 0x80));
      return bytes.every((b) => b < 0x80) ? latin1(bytes) : undefined;
    case 'utf16le': {
      if (name === 'utf16' && bytes[0] === 0xfe && bytes[1] === 0xff) return swapped(bytes.subarray(2));
      return Buffer.from(name === 'utf16' && bytes[0] === 0xff ? bytes.subarray(2) : bytes).toString(
        'utf16le',
      );
    }
    case 'utf16be':
      return swapped(bytes);
    case 'utf32le':
    case 'utf32be': {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const little = textCodec(name) === 'utf32le';
      let out = '';
      for (let i = 0; i + 4 <= bytes.length; i += 4) {
        const code = view.getUint32(i, little);
        if (code > 0x10ffff) return undefined;
        if (i > 0 || code !== 0xfeff) out += String.fromCodePoint(code);
      }
      return out;
    }
    case 'cp437':
      return latin1(bytes).replace(/[\x80-\xff]/g, (c) => CP437.charAt(c.charCodeAt(0) - 128));
    case 'windows-1252':
      return new TextDecoder('windows-1252').decode(bytes);
    case 'windows-1251':
      return new TextDecoder('windows-1251').decode(bytes);
    case 'gbk':
      return new TextDecoder('gbk').decode(bytes);
    case 'utf7':
      return latin1(bytes).replace(/\+([A-Za-z0-9+/]*)-?/g, (_, run: string) =>
        run === '' ? '+' : swapped(Buffer.from(run, 'base64')),
      );
  }
  return undefined;
}

function swapped(bytes: Uint8Array): string {
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
  return even.swap16().toString('utf16le');
}

/** Text → bytes or text (`rot13`). Undefined as for `decodeBytes`. */
export function encodeText(text: string, codec: string, errors = 'strict'): Uint8Array | string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const name = normalize(codec);
  chargeCharacters(text.length, costOf(name));
  switch (name) {
    case 'hex':
    case 'hexcodec':
      return Buffer.from(text, 'latin1').toString('hex');
    case 'base64':
    case 'base64codec':
      return Buffer.from(text, 'latin1').toString('base64');
    case 'rot13':
    case 'rot':
      return rot13(text);
    case 'unicodeescape':
    case 'rawunicodeescape':
    case 'stringescape':
      return fromLatin1(
        text.replace(/[^\x20-\x7e]/gu, (c) => {
          const code = c.codePointAt(0) ?? 0;
          return code < 0x100
            ? `\\x${code.toString(16).padStart(2, '0')}`
            : `\\u${code.toString(16).padStart(4, '0')}`;
        }),
      );
  }
  switch (textCodec(name)) {
    case 'utf8':
      return new Uint8Array(Buffer.from(text, 'utf8'));
    case 'latin1':
    case 'ascii': {
      const limit = textCodec(name) === 'ascii' ? 0x80 : 0x100;
      // Megabytes of one character each would be as many numbers in a list.
      if ((limit === 0x80 ? /^[\x00-\x7f]*$/ : /^[\x00-\xff]*$/).test(text))
        return new Uint8Array(Buffer.from(text, 'latin1'));
      const characters = Array.from(text, (c) => c.codePointAt(0) ?? 0);
      if (errors === 'ignore') return Uint8Array.from(characters.filter((c) => c < limit));
      return errors === 'replace' ? Uint8Array.from(characters, (c) => (c < limit ? c : 0x3f)) : undefined;
    }
    case 'cp437':
      return encodeText(
        text.replace(/[\x80-\uffff]/g, (c) => {
          const at = CP437.indexOf(c);
          return at === -1 ? '\uffff' : String.fromCharCode(at + 128);
        }),
        'latin1',
        errors,
      );
    case 'utf16le':
      return new Uint8Array(Buffer.from(name === 'utf16' ? `\ufeff${text}` : text, 'utf16le'));
    case 'utf16be':
      return new Uint8Array(Buffer.from(text, 'utf16le').swap16());
  }
  return undefined;
}

/** `bytes.fromhex`: white space between bytes is allowed. */
export function fromHex(text: string): Uint8Array | undefined {
  chargeCharacters(text.length, 4);
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return undefined;
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Lenient as Python's default: characters outside the alphabet are passed over; what is short of padding is refused. */
export function fromBase64(text: string, altChars?: string): Uint8Array | undefined {
  let body = text;
  if (altChars !== undefined && altChars.length === 2) {
    body = body.replaceAll(altChars[0]!, '+').replaceAll(altChars[1]!, '/');
  }
  const clean = body.replace(/[^A-Za-z0-9+/=]/g, '');
  chargePieces(body.length - clean.length, 'match');
  const digits = clean.replace(/=/g, '');
  if (digits.length % 4 === 1) return undefined;
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE32HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

export function fromBase32(text: string, hex = false): Uint8Array | undefined {
  const alphabet = hex ? BASE32HEX : BASE32;
  const out: number[] = [];
  let buffer = 0;
  let bits = 0;
  const digits = text.trim().toUpperCase();
  // By hand: an expression would look for the end of the text from each sign of many that stand in its middle.
  let end = digits.length;
  while (digits[end - 1] === '=') end--;
  for (const c of digits.slice(0, end)) {
    const digit = alphabet.indexOf(c);
    if (digit < 0) return undefined;
    buffer = ((buffer << 5) | digit) & 0xffff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((buffer >> bits) & 0xff);
    }
  }
  return Uint8Array.from(out);
}

export function toBase32(bytes: Uint8Array): string {
  let out = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += BASE32[(buffer >> bits) & 31];
    }
  }
  if (bits > 0) out += BASE32[(buffer << (5 - bits)) & 31];
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=');
}

const BASE85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** `b85decode`, or `a85decode` with Ascii85's alphabet. */
export function fromBase85(text: string, ascii: boolean): Uint8Array | undefined {
  let body = text;
  if (ascii) body = body.replace(/\s+/g, '').replace(/^<~/, '').replace(/~>$/, '');
  const digits: number[] = [];
  for (const c of body) {
    if (ascii && c === 'z') {
      digits.push(0, 0, 0, 0, 0);
      continue;
    }
    const digit = ascii ? c.charCodeAt(0) - 33 : BASE85.indexOf(c);
    if (digit < 0 || digit > 84) return undefined;
    digits.push(digit);
  }
  const padding = (5 - (digits.length % 5)) % 5;
  for (let i = 0; i < padding; i++) digits.push(84);
  const out = new Uint8Array((digits.length / 5) * 4);
  for (let i = 0, at = 0; i < digits.length; i += 5) {
    let value = 0;
    for (let j = 0; j < 5; j++) value = value * 85 + digits[i + j]!;
    if (value > 0xffffffff) return undefined;
    out[at++] = value >>> 24;
    out[at++] = (value >>> 16) & 0xff;
    out[at++] = (value >>> 8) & 0xff;
    out[at++] = value & 0xff;
  }
  return out.subarray(0, out.length - padding);
}

export function fromQuotedPrintable(text: string): Uint8Array {
  return fromLatin1(
    text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}

/** `urllib.parse.unquote`. */
export function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

const LIMITS = { maxOutputLength: MAX_LENGTH };

/** `zlib.decompress`; `wbits` chooses raw deflate (negative), gzip (16 and more) or zlib. */
export function inflate(bytes: Uint8Array, wbits = 15): Uint8Array | undefined {
  try {
    if (wbits < 0) return new Uint8Array(inflateRawSync(bytes, LIMITS));
    if (wbits > 31) return new Uint8Array(unzipSync(bytes, LIMITS));
    return new Uint8Array(wbits > 15 ? gunzipSync(bytes, LIMITS) : inflateSync(bytes, LIMITS));
  } catch {
    return undefined;
  }
}

export function gunzip(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(gunzipSync(bytes, LIMITS));
  } catch {
    return undefined;
  }
}
