/** Encoding, compression, encryption, checksums. */
import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import type { Context, Rule, Site } from '../../api.js';
import { known, type Labels, ref, union, unknown, type Value } from '../../values.js';
import { fromBase64 } from './codecs.js';
import { bytesOf, decoded, labelsOf, octets, settle, stringOf } from './core.js';
import { callPath } from './functions.js';
import { allLabels, argument, carriedBy, disguise, label, made, result, rule } from './site.js';

/** Emits the row; what the call gives is computed when it can be, else it is something decoded. */
function transform(on: string, code: string, gives: 'decoded' | 'encoded'): Rule {
  return rule(on, (site, context) => {
    const value = callPath(site.path, site.args, site.keywords, context);
    context.emit(code, {
      qualifiers: carriedBy(site.args[0]).filter((c) => c !== 'carries:decoded'),
      detail: site.path,
    });
    if (value !== undefined) return value;
    if (code === 'decompress') undecodable(site, context);
    const labels = allLabels(site);
    return result(site, gives === 'decoded' ? decoded(labels) : labels);
  });
}

/** A packed text at least this long is more than a test. */
const PACKED = 32;

/** The data is at hand and still cannot be read (a container not known here, or damaged): that is said. */
function undecodable(site: Site, context: Context): void {
  const data = bytesOf(site.args[0]);
  if (data !== undefined && data.length >= PACKED)
    context.emit('opaque-data', { qualifiers: ['hidden'], detail: `${site.path} ${data.length} bytes` });
}

/** Codecs that hide; `utf-8` and its like are plain text handling. */
const HIDING = /hex|base|rot|zip|zlib|bz2|uu|quopri|escape/i;

function codec(code: 'decode' | 'encode'): Rule['apply'] {
  return (site, context) => {
    const name = context.text(argument(site, 1, 'encoding'));
    const value = callPath(site.path, site.args, site.keywords, context);
    if (name !== undefined && HIDING.test(name)) context.emit(code, { detail: name });
    if (value !== undefined) return value;
    return result(site, name !== undefined && HIDING.test(name) ? decoded(allLabels(site)) : allLabels(site));
  };
}

/** Fernet token → text, with the key known. Throws nothing; undefined when it does not verify. */
export function fernetDecrypt(key: Uint8Array, token: Uint8Array): Uint8Array | undefined {
  const raw = fromBase64(Buffer.from(key).toString('latin1'), '-_');
  const body = fromBase64(Buffer.from(token).toString('latin1'), '-_');
  if (raw?.length !== 32 || body === undefined || body.length < 73 || body[0] !== 0x80) return undefined;
  const mac = createHmac('sha256', raw.subarray(0, 16)).update(body.subarray(0, -32)).digest();
  if (!mac.equals(Buffer.from(body.subarray(-32)))) return undefined;
  return decipher('aes-128-cbc', raw.subarray(16), body.subarray(9, 25), body.subarray(25, -32), true);
}

function decipher(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array | null,
  data: Uint8Array,
  padding: boolean,
): Uint8Array | undefined {
  try {
    const cipher = createDecipheriv(algorithm, key, iv).setAutoPadding(padding);
    return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
  } catch {
    return undefined;
  }
}

/** `AES.new(key, mode, iv).decrypt(data)` with everything known; padding stays, as PyCryptodome leaves it. */
function aesDecrypt(site: Site): Uint8Array | undefined {
  const [keyValue, mode, ivValue] = made(site);
  const key = bytesOf(keyValue);
  const data = bytesOf(site.args[0]);
  const one = settle(mode);
  const name =
    one?.kind === 'ref'
      ? one.path.split('.').pop()
      : one?.kind === 'known'
        ? MODES[String(one.value)]
        : undefined;
  if (key === undefined || data === undefined || ![16, 24, 32].includes(key.length)) return undefined;
  const size = key.length * 8;
  const iv = bytesOf(ivValue);
  if (name === 'MODE_ECB') return decipher(`aes-${size}-ecb`, key, null, data, false);
  if (name === 'MODE_CBC' && iv?.length === 16) return decipher(`aes-${size}-cbc`, key, iv, data, false);
  if (name === 'MODE_CFB' && iv?.length === 16) return decipher(`aes-${size}-cfb8`, key, iv, data, false);
  return undefined;
}
const MODES: Readonly<Record<string, string>> = { 1: 'MODE_ECB', 2: 'MODE_CBC', 3: 'MODE_CFB' };

function decrypted(site: Site, context: Context, plain: Uint8Array | undefined): Value {
  const labels: Labels = decoded(union(labelsOf(site.args[0]), labelsOf(site.receiver)));
  context.emit('decrypt', { qualifiers: disguise(site.args[0]), detail: site.path });
  return (plain === undefined ? undefined : octets(plain, labels)) ?? unknown(labels);
}

const HASHES = '{md5,sha1,sha224,sha256,sha384,sha512,new,blake2b,blake2s}';

export const encodingRules: readonly Rule[] = [
  transform(
    '{base64.b64decode,base64.standard_b64decode,base64.urlsafe_b64decode,base64.decodestring,base64.decodebytes,base64.b32decode,base64.b32hexdecode,base64.b16decode,base64.b85decode,base64.a85decode,binascii.unhexlify,binascii.a2b_hex,binascii.a2b_base64,binascii.a2b_qp,quopri.decodestring,base64.z85decode,pybase64.b64decode}',
    'decode',
    'decoded',
  ),
  transform(
    '{base64.b64encode,base64.standard_b64encode,base64.urlsafe_b64encode,base64.encodestring,base64.encodebytes,base64.b32encode,base64.b16encode,base64.b85encode,base64.a85encode,binascii.hexlify,binascii.b2a_hex,binascii.b2a_base64}',
    'encode',
    'encoded',
  ),
  transform(
    '{zlib.decompress,gzip.decompress,bz2.decompress,lzma.decompress,zstandard.decompress,brotli.decompress,snappy.decompress,lz4.frame.decompress,zlib.decompressobj().decompress}',
    'decompress',
    'decoded',
  ),
  transform('{zlib.compress,gzip.compress,bz2.compress,lzma.compress}', 'compress', 'encoded'),
  rule('codecs.decode', codec('decode')),
  rule('codecs.encode', codec('encode')),
  rule('codecs.{getdecoder,lookup}', (site) => ref('codecs.getdecoder()', labelsOf(site.args[0]), site.args)),
  rule('codecs.getencoder', (site) => ref('codecs.getencoder()', labelsOf(site.args[0]), site.args)),
  rule('builtins.bytes.fromhex', (site, context) => {
    const value = callPath(site.path, site.args, site.keywords, context);
    context.emit('decode', { detail: site.path });
    return value ?? result(site, decoded(allLabels(site)));
  }),
  rule(`hashlib.${HASHES}`, (site) => result(site, allLabels(site))),
  rule(`hashlib.${HASHES}().{hexdigest,digest}`, (site, context) => {
    context.emit('hash', { detail: site.path });
    const algorithm = /^hashlib\.(\w+)\(\)/.exec(site.path)?.[1] ?? '';
    const args = made(site);
    const name = algorithm === 'new' ? stringOf(args[0]) : algorithm;
    const data = bytesOf(algorithm === 'new' ? args[1] : args[0]);
    if (data === undefined || !/^(md5|sha1|sha224|sha256|sha384|sha512)$/.test(name ?? '')) return undefined;
    const digest = createHash(name!).update(data).digest();
    return site.path.endsWith('hexdigest') ? known(digest.toString('hex')) : octets(new Uint8Array(digest));
  }),
  rule('{cryptography.fernet,fernet}.Fernet', (site) => result(site, labelsOf(site.args[0]))),
  rule('{cryptography.fernet,fernet}.Fernet().decrypt', (site, context) => {
    const key = bytesOf(made(site)[0]);
    const token = bytesOf(site.args[0]);
    return decrypted(
      site,
      context,
      key === undefined || token === undefined ? undefined : fernetDecrypt(key, token),
    );
  }),
  rule('{cryptography.fernet,fernet}.Fernet().encrypt', (site, context) => {
    context.emit('encrypt', { qualifiers: carriedBy(site.args[0]), detail: site.path });
    return result(site, allLabels(site));
  }),
  rule('Crypto.Cipher.*.new().{decrypt,decrypt_and_verify}', (site, context) =>
    decrypted(site, context, aesDecrypt(site)),
  ),
  rule('Crypto.Cipher.*.new().{encrypt,encrypt_and_digest}', (site, context) => {
    context.emit('encrypt', { qualifiers: carriedBy(site.args[0]), detail: site.path });
    return result(site, allLabels(site));
  }),
  rule('Crypto.Util.Padding.unpad', (site) => {
    const data = bytesOf(site.args[0]);
    const count = data?.[data.length - 1];
    return data === undefined || count === undefined || count > 16
      ? undefined
      : octets(data.slice(0, -count), labelsOf(site.args[0]));
  }),
  rule(
    '{cryptography.hazmat.primitives.ciphers.Cipher().decryptor,pyaes.*}().{update,decrypt}',
    (site, context) => decrypted(site, context, undefined),
  ),
  rule(
    '{cryptography.hazmat.primitives.ciphers.Cipher().encryptor,pyaes.*}().{update,encrypt}',
    (site, context) => {
      context.emit('encrypt', { qualifiers: carriedBy(site.args[0]), detail: site.path });
      return result(site, allLabels(site));
    },
  ),
  // Windows keeps browsers' secrets under the user's own key.
  rule('{win32crypt.CryptUnprotectData,ctypes.windll.crypt32.CryptUnprotectData}', (site, context) => {
    context.emit('decrypt', { qualifiers: carriedBy(site.args[0]), detail: site.path });
    return result(site, union(label('credentials'), allLabels(site)));
  }),
  rule('{keyring.get_password,keyring.get_credential,secretstorage.dbus_init}', (site, context) => {
    context.emit('R5', { detail: site.path });
    return result(site, label('credentials'));
  }),
];
