/** Buffers, typed arrays, text encodings, decompression and decryption of bytes known in full. */
import { createDecipheriv, createHash } from 'node:crypto';
import zlib from 'node:zlib';
import type { Context } from '../../api.js';
import { bytes, known, type Labels, list, union, unknown, type Value } from '../../values.js';
import { MAX_TEXT, stringify, toPrimitive } from './operators.js';

const MAX_BYTES = 8 << 20;
const DECODED: Labels = new Set(['decoded']);

type Encoding = 'utf8' | 'hex' | 'base64' | 'base64url' | 'latin1' | 'ascii' | 'utf16le';

export function encodingOf(value: Value | undefined): Encoding | undefined {
  if (value === undefined || (value.kind === 'known' && value.value == null)) return 'utf8';
  const name = stringify(value)?.toLowerCase();
  switch (name) {
    case 'utf8':
    case 'utf-8':
      return 'utf8';
    case 'hex':
    case 'base64':
    case 'base64url':
    case 'latin1':
    case 'ascii':
    case 'utf16le':
      return name;
    case 'binary':
      return 'latin1';
    case 'ucs2':
    case 'ucs-2':
    case 'utf-16le':
      return 'utf16le';
    default:
      return undefined;
  }
}

/** Labels of decoded data: `decoded` rides on whatever the encoded text already carried. */
export function decodedLabels(...values: readonly (Value | undefined)[]): Labels {
  return union(DECODED, ...values.map((v) => v?.labels ?? new Set<string>()));
}

export function bufferFrom(args: readonly Value[], context: Context): Value | undefined {
  const [source, encoding] = args;
  if (source === undefined) return undefined;
  if (source.kind === 'known' && typeof source.value === 'string') {
    const name = encodingOf(encoding);
    if (name === undefined || source.value.length > MAX_TEXT) return undefined;
    const data = new Uint8Array(Buffer.from(source.value, name));
    return bytes(data, name === 'utf8' || name === 'latin1' ? source.labels : decodedLabels(source));
  }
  if (source.kind === 'bytes') return bytes(source.value.slice(), source.labels);
  const data = context.toBytes(source);
  return data === undefined ? undefined : bytes(data.slice(), decodedLabels(source));
}

/** `new Uint8Array(8)`, `new Uint8Array([1, 2])`. Wider types are lists of their numbers. */
export function typedArray(name: string, args: readonly Value[], context: Context): Value | undefined {
  const [source] = args;
  const isBytes = /^Uint8|^Int8|^Buffer|^ArrayBuffer/.test(name);
  if (source === undefined) return bytes(new Uint8Array(0));
  const size = source.kind === 'known' && typeof source.value === 'number' ? source.value : undefined;
  if (size !== undefined) {
    if (!(size >= 0 && size <= MAX_BYTES)) return undefined;
    if (isBytes) return bytes(new Uint8Array(size), source.labels);
    return size > 100_000 ? undefined : list(Array.from({ length: size }, () => known(0)));
  }
  if (source.kind === 'bytes') return bytes(source.value, source.labels);
  if (source.kind === 'list' && !isBytes) return list([...source.items], source.open, source.labels);
  const data = context.toBytes(source);
  return data === undefined ? undefined : bytes(data, source.labels);
}

export function concatBuffers(value: Value | undefined, context: Context): Value | undefined {
  if (value?.kind !== 'list' || value.open) return undefined;
  const parts = value.items.map((item) => context.toBytes(item));
  if (parts.some((p) => p === undefined)) return undefined;
  const joined = Buffer.concat(parts as Uint8Array[]);
  return joined.length > MAX_BYTES
    ? undefined
    : bytes(new Uint8Array(joined), union(...value.items.map((item) => item.labels)));
}

export function bytesProperty(data: Uint8Array, receiver: Value, name: string): Value | undefined {
  if (name === 'length' || name === 'byteLength') return known(data.length);
  if (name === 'byteOffset') return known(0);
  if (name === 'buffer') return receiver;
  if (/^\d+$/.test(name)) return known(data[Number(name)], receiver.labels);
  return undefined;
}

const integer = (value: Value | undefined, otherwise: number): number | undefined => {
  if (value === undefined || (value.kind === 'known' && value.value === undefined)) return otherwise;
  const primitive = toPrimitive(value);
  return primitive === undefined ? undefined : Math.trunc(Number(primitive.value)) || 0;
};

const READS = /^read(?:U?Int(?:8|16|32)(?:LE|BE)?)$/;

export function bytesMethod(
  data: Uint8Array,
  receiver: Value,
  name: string,
  args: readonly Value[],
): Value | undefined {
  const labels = receiver.labels;
  switch (name) {
    case 'toString': {
      const encoding = encodingOf(args[0]);
      const from = integer(args[1], 0);
      const to = integer(args[2], data.length);
      // Not the array's text, numbers and commas: a loop that reads on until it finds its sign made that longer and longer.
      if (encoding === undefined || from === undefined || to === undefined || data.length > MAX_TEXT)
        return unknown(labels);
      return known(Buffer.from(data).toString(encoding, from, to), labels);
    }
    case 'slice':
    case 'subarray': {
      const from = integer(args[0], 0);
      const to = integer(args[1], data.length);
      if (from === undefined || to === undefined) return undefined;
      return bytes(data.slice(from, to), labels);
    }
    case 'reverse':
      data.reverse();
      return receiver;
    case 'fill': {
      const by = integer(args[0], 0);
      if (by === undefined) return undefined;
      data.fill(by);
      return receiver;
    }
    case 'toJSON':
      return undefined;
    case 'at': {
      const i = integer(args[0], 0);
      return i === undefined ? undefined : known(data.at(i), labels);
    }
    case 'equals':
      return args[0]?.kind === 'bytes' ? known(Buffer.from(data).equals(args[0].value)) : undefined;
    case 'set': {
      const offset = integer(args[1], 0);
      const from = args[0];
      if (offset === undefined || from === undefined) return undefined;
      const values = from.kind === 'bytes' ? [...from.value] : numbers(from);
      if (values === undefined || offset < 0 || offset + values.length > data.length) return undefined;
      data.set(values, offset);
      return known(undefined);
    }
    default:
  }
  if (READS.test(name)) {
    const offset = integer(args[0], 0);
    if (offset === undefined) return undefined;
    try {
      const buffer = Buffer.from(data) as unknown as Record<string, (at: number) => number>;
      return known(buffer[name]!(offset), labels);
    } catch {
      return undefined;
    }
  }
  // What is left behaves as an array of numbers.
  return undefined;
}

/** The bytes as an array value, for the methods typed arrays share with arrays. */
export function bytesAsList(data: Uint8Array, labels: Labels): Value | undefined {
  if (data.length > 200_000) return undefined;
  return list(
    [...data].map((b) => known(b, labels)),
    false,
    labels,
  );
}

function numbers(value: Value): number[] | undefined {
  if (value.kind !== 'list' || value.open) return undefined;
  const out: number[] = [];
  for (const item of value.items) {
    if (item.kind !== 'known' || typeof item.value !== 'number') return undefined;
    out.push(item.value);
  }
  return out;
}

const INFLATE: Readonly<Record<string, (data: Uint8Array, options: zlib.ZlibOptions) => Buffer>> = {
  gunzip: zlib.gunzipSync,
  inflate: zlib.inflateSync,
  inflateRaw: zlib.inflateRawSync,
  unzip: zlib.unzipSync,
  brotliDecompress: zlib.brotliDecompressSync,
};

/** Decompresses known bytes with the zlib function of that name (without `Sync`), to at most 8 MB. */
export function decompress(name: string, source: Value | undefined, context: Context): Value | undefined {
  const inflate = INFLATE[name];
  const data = context.toBytes(source);
  if (inflate === undefined || data === undefined) return undefined;
  try {
    return bytes(new Uint8Array(inflate(data, { maxOutputLength: MAX_BYTES })), decodedLabels(source));
  } catch {
    return undefined;
  }
}

/** Decrypts known bytes with a known key, as a package would that ships its payload encrypted. */
export function decrypt(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array | null,
  parts: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!/^(?:aes-(?:128|192|256)-(?:cbc|ecb|ctr|cfb|ofb)|chacha20)$/i.test(algorithm)) return undefined;
  for (const padding of [true, false]) {
    try {
      const decipher = createDecipheriv(algorithm.toLowerCase(), key, iv);
      decipher.setAutoPadding(padding);
      return new Uint8Array(Buffer.concat([...parts.map((p) => decipher.update(p)), decipher.final()]));
    } catch {
      // wrong padding: once more without
    }
  }
  return undefined;
}

/** Digest of known bytes, for keys derived from a pass phrase. */
export function digest(algorithm: string, parts: readonly Uint8Array[]): Uint8Array | undefined {
  if (!/^(?:md5|sha1|sha256|sha384|sha512)$/i.test(algorithm)) return undefined;
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** `atob`: base64 to a string of one character a byte. */
export function fromBase64(text: string, source: Value): Value {
  if (text.length > MAX_TEXT) return unknown(decodedLabels(source));
  return known(Buffer.from(text, 'base64').toString('latin1'), decodedLabels(source));
}
