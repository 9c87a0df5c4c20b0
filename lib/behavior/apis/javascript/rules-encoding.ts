/** Encoding, compression, encryption: what turns data into something else and back. */
import type { Context, Rule, Site } from '../../api.js';
import { chargeReading } from '../../joined-texts.js';
import { known, type Labels, ref, union, unknown, type Value } from '../../values.js';
import { decodedLabels, decompress, decrypt, digest, encodingOf } from './bytes.js';
import { chargeExpression } from './method-costs.js';
import { stringify } from './operators.js';
import { affordable, REGEXP_PATH, toRegExp } from './regexp.js';
import { carriedBy, detailOf, lastFunction, onCall, shown } from './support.js';

/** Decoded bytes in the encoding a call asks for. */
function encoded(data: Uint8Array, encoding: Value | undefined, labels: Labels): Value {
  const name =
    encoding === undefined || (encoding.kind === 'known' && encoding.value == null)
      ? undefined
      : encodingOf(encoding);
  return name === undefined
    ? { kind: 'bytes', value: data, labels }
    : known(Buffer.from(data).toString(name), labels);
}

function bufferFrom(site: Site, context: Context): Value | undefined {
  const encoding = context.text(site.args[1]);
  if (encoding === 'base64' || encoding === 'hex' || encoding === 'base64url') {
    context.emit('decode', {
      qualifiers: carriedBy([site.args[0]], context),
      detail: shown(site.args[0]).slice(0, 80),
    });
  }
  return undefined;
}

const decodes = (on: string): Rule =>
  onCall(on, (site, context) => {
    context.emit('decode', {
      qualifiers: carriedBy([site.args[0]], context),
      detail: shown(site.args[0]).slice(0, 80),
    });
    return undefined;
  });

const encodes = (on: string): Rule =>
  onCall(on, (site, context) => {
    context.emit('encode', {
      qualifiers: carriedBy([...site.args, site.receiver], context),
      detail: site.path,
    });
    return undefined;
  });

function inflate(site: Site, context: Context): Value | undefined {
  const [data] = site.args;
  const name = site.path.slice(site.path.lastIndexOf('.') + 1).replace(/Sync$/, '');
  context.emit('decompress', { qualifiers: carriedBy([data], context), detail: site.path });
  const value = decompress(name, data, context) ?? unknown(decodedLabels(data));
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [known(null), value]);
  return value;
}

/** `createDecipheriv(algorithm, key, iv)`: the whole plain text is given by the first `update`. */
function decipherUpdate(site: Site, context: Context): Value | undefined {
  const made = site.receiver?.kind === 'ref' ? site.receiver.args : undefined;
  const [data, from, to] = site.args;
  const labels = decodedLabels(data);
  const algorithm = context.text(made?.[0]);
  const key = keyBytes(made?.[1], context);
  const iv = keyBytes(made?.[2], context);
  const input = dataBytes(data, from, context);
  if (algorithm === undefined || key === undefined || input === undefined) return unknown(labels);
  const plain = decrypt(algorithm, key, iv ?? null, [input]);
  return plain === undefined ? unknown(labels) : encoded(plain, to, labels);
}

function keyBytes(value: Value | undefined, context: Context): Uint8Array | undefined {
  const text = context.text(value);
  return text === undefined ? context.toBytes(value) : new Uint8Array(Buffer.from(text, 'utf8'));
}

function dataBytes(
  value: Value | undefined,
  encoding: Value | undefined,
  context: Context,
): Uint8Array | undefined {
  const text = context.text(value);
  if (text === undefined) return context.toBytes(value);
  const name = encodingOf(encoding);
  return name === undefined ? undefined : new Uint8Array(Buffer.from(text, name));
}

function hashUpdate(site: Site): Value | undefined {
  const made = site.receiver;
  if (made?.kind !== 'ref') return undefined;
  return ref('crypto.createHash()', union(made.labels, ...site.args.map((a) => a.labels)), [
    ...(made.args ?? []),
    site.args[0] ?? known(''),
  ]);
}

function hashDigest(site: Site, context: Context): Value | undefined {
  const made = site.receiver?.kind === 'ref' ? site.receiver : undefined;
  const [algorithm, ...parts] = made?.args ?? [];
  const name = context.text(algorithm);
  const data = parts.map((part) => keyBytes(part, context));
  if (name === undefined || data.some((d) => d === undefined)) return unknown(made?.labels);
  const value = digest(name, data as Uint8Array[]);
  return value === undefined
    ? unknown(made?.labels)
    : encoded(value, site.args[0], made?.labels ?? new Set());
}

function regexpTest(site: Site): Value | undefined {
  const expression = toRegExp(site.receiver);
  const [argument] = site.args;
  const text = argument === undefined ? undefined : stringify(argument);
  if (expression === undefined || text === undefined || !affordable(expression, text)) return undefined;
  chargeReading(argument);
  chargeExpression(expression, text.length);
  // A global expression remembers where it stopped; which call this is is not known here.
  if (expression.global || expression.sticky) return undefined;
  if (site.path.endsWith('.test')) return known(expression.test(text));
  const found = expression.exec(text);
  if (found === null) return known(null);
  return {
    kind: 'list',
    items: found.map((m) => known(m as string, argument!.labels)),
    open: false,
    labels: argument!.labels,
  };
}

export const encodingRules: readonly Rule[] = [
  onCall('{Buffer.from,Buffer}', bufferFrom),
  decodes(
    '{atob,js-base64.decode,js-base64.Base64.decode,base-64.decode,base64-js.toByteArray,abab.atob,atob-lite,b64-lite.atob,base32.decode,base32-decode,hi-base32.decode,base-x().decode,bs58.decode,base58-js.base58_to_binary,rot13,caesar-salad.Caesar.Decipher,querystring.unescape}',
  ),
  encodes(
    '{btoa,js-base64.encode,js-base64.Base64.encode,base-64.encode,base64-js.fromByteArray,bs58.encode,hi-base32.encode}',
  ),
  onCall('{Buffer.from(),fs.readFileSync(),Buffer.concat()}.toString', (site, context) => {
    const encoding = context.text(site.args[0]);
    if (encoding === 'base64' || encoding === 'hex') {
      context.emit('encode', { qualifiers: carriedBy([site.receiver], context), detail: site.path });
    }
    return unknown(context.labelsOf(site.receiver));
  }),
  onCall(
    'zlib.{gunzip,gunzipSync,inflate,inflateSync,inflateRaw,inflateRawSync,unzip,unzipSync,brotliDecompress,brotliDecompressSync}',
    inflate,
  ),
  onCall(
    '{pako.inflate,pako.ungzip,pako.inflateRaw,fflate.gunzipSync,fflate.inflateSync,fflate.unzlibSync,lz-string.decompress,lz-string.decompressFromBase64,lz-string.decompressFromUTF16,lzma.decompress,lz4.decode,snappyjs.uncompress}',
    (site, context) => {
      context.emit('decompress', { qualifiers: carriedBy([site.args[0]], context), detail: site.path });
      const inner = /ungzip|gunzip/.test(site.path)
        ? 'gunzip'
        : /inflateRaw|inflateSync/.test(site.path)
          ? 'inflateRaw'
          : 'inflate';
      const value = decompress(inner, site.args[0], context);
      const asText = context.text(context.property(site.args[1], 'to')) === 'string';
      if (value?.kind === 'bytes' && asText)
        return known(Buffer.from(value.value).toString('utf8'), value.labels);
      return value ?? unknown(decodedLabels(site.args[0]));
    },
  ),
  onCall(
    'zlib.{gzip,gzipSync,deflate,deflateSync,deflateRaw,deflateRawSync,brotliCompress,brotliCompressSync}',
    (site, context) => {
      context.emit('compress', { qualifiers: carriedBy([site.args[0]], context), detail: site.path });
      const labels = context.labelsOf(site.args[0]);
      const callback = lastFunction(site.args, context);
      if (callback !== undefined) context.call(callback, [known(null), unknown(labels)]);
      return unknown(labels);
    },
  ),
  onCall(
    '{pako.deflate,pako.gzip,fflate.zipSync,fflate.gzipSync,fflate.zip,lz-string.compress}',
    (site, context) => {
      context.emit('compress', { qualifiers: carriedBy([site.args[0]], context), detail: site.path });
      return unknown(context.labelsOf(site.args[0]));
    },
  ),
  onCall('crypto.{createCipheriv,createCipher,publicEncrypt,privateEncrypt}', (site, context) => {
    context.emit('encrypt', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
    return undefined;
  }),
  onCall('crypto.subtle.{encrypt,wrapKey}', (site, context) => {
    context.emit('encrypt', { qualifiers: carriedBy(site.args, context), detail: site.path });
    return undefined;
  }),
  onCall('{crypto-js,crypto-js.default}.{AES,DES,TripleDES,RC4,Rabbit}.encrypt', (site, context) => {
    context.emit('encrypt', { qualifiers: carriedBy(site.args, context), detail: site.path });
    return unknown(context.labelsOf(site.args[0]));
  }),
  onCall('crypto.{createDecipheriv,createDecipher,publicDecrypt,privateDecrypt}', (site, context) => {
    context.emit('decrypt', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
    return undefined;
  }),
  onCall('crypto.subtle.{decrypt,unwrapKey}', (site, context) => {
    context.emit('decrypt', { qualifiers: carriedBy(site.args, context), detail: site.path });
    return unknown(decodedLabels(...site.args));
  }),
  onCall('{crypto-js,crypto-js.default}.{AES,DES,TripleDES,RC4,Rabbit}.decrypt', (site, context) => {
    context.emit('decrypt', { qualifiers: carriedBy(site.args, context), detail: site.path });
    return unknown(decodedLabels(...site.args));
  }),
  onCall('crypto.createDecipheriv().update', decipherUpdate),
  onCall('crypto.createDecipher().{update,final}', (site) => unknown(decodedLabels(...site.args))),
  onCall('crypto.createDecipheriv().final', (site) => {
    const [to] = site.args;
    return to === undefined
      ? { kind: 'bytes', value: new Uint8Array(0), labels: new Set(['decoded']) }
      : known('', new Set(['decoded']));
  }),
  onCall('crypto.createDecipheriv().{setAutoPadding,setAuthTag,setAAD}', (site) => site.receiver),
  onCall('crypto.createHash', (site, context) => {
    context.emit('hash', { detail: detailOf(site) });
    return undefined;
  }),
  onCall('crypto.createHash().update', hashUpdate),
  onCall('crypto.createHash().digest', hashDigest),
  onCall(`${REGEXP_PATH}.{test,exec}`, regexpTest),
  onCall('v8.deserialize', (site, context) => {
    context.emit('deserialize-code', { detail: site.path });
    return undefined;
  }),
  onCall(
    '{node-serialize.unserialize,serialize-to-js.deserialize,funcster.deepDeserialize,bytenode.runBytecode,bytenode.runBytecodeFile}',
    (site, context) => {
      context.emit('deserialize-code', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
      return undefined;
    },
  ),
];
