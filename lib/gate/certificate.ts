/**
 * A certificate authority that lives as long as one command. The guarded installer alone is told to
 * trust it (through its own environment), so that the gate can stand between the installer and an
 * https index. Its key never leaves memory.
 *
 * Node can sign but not write X.509, so the few DER structures needed (RFC 5280) are written here.
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';

const DAY_MS = 86_400_000;

export interface Authority {
  /** PEM, for what the child trusts. */
  readonly certificate: string;
  /** A TLS server context whose certificate names `host`; made once a host. */
  contextFor(host: string): SecureContext;
}

/** Make an authority with a fresh P-256 key, valid from yesterday (clock skew) for eight days. */
export function createAuthority(now: Date = new Date()): Authority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const leaf = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = `safe-install gate ${randomBytes(4).toString('hex')}`;
  const authorityKeyId = keyId(authority.publicKey);
  const pem = signed({
    issuer,
    subject: issuer,
    now,
    publicKey: authority.publicKey,
    signer: authority.privateKey,
    extensions: [
      extension('2.5.29.19', true, sequence(TRUE)), // basicConstraints: CA
      extension('2.5.29.15', true, bitString(Buffer.from([0x06]), 1)), // keyUsage: keyCertSign, cRLSign
      extension('2.5.29.14', false, octets(authorityKeyId)), // subjectKeyIdentifier
    ],
  });
  const leafKey = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const contexts = new Map<string, SecureContext>();
  return {
    certificate: pem,
    contextFor(host) {
      const known = contexts.get(host);
      if (known) return known;
      const cert = signed({
        issuer,
        subject: host.length <= 64 ? host : 'host',
        now,
        publicKey: leaf.publicKey,
        signer: authority.privateKey,
        extensions: [
          extension('2.5.29.19', true, sequence()),
          extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)), // digitalSignature
          extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))), // serverAuth
          extension('2.5.29.17', false, sequence(alternativeName(host))),
          extension('2.5.29.14', false, octets(keyId(leaf.publicKey))),
          extension('2.5.29.35', false, sequence(tagged(0x80, authorityKeyId))), // authorityKeyIdentifier
        ],
      });
      const context = createSecureContext({ key: leafKey, cert: cert + pem });
      contexts.set(host, context);
      return context;
    },
  };
}

interface CertificateFields {
  readonly issuer: string;
  readonly subject: string;
  readonly now: Date;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
}

function signed(fields: CertificateFields): string {
  const algorithm = sequence(oid('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, no leading zero
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // v3
    integer(serial),
    algorithm,
    name(fields.issuer),
    sequence(time(fields.now.getTime() - DAY_MS), time(fields.now.getTime() + 7 * DAY_MS)),
    name(fields.subject),
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...fields.extensions)),
  );
  const signature = sign('sha256', body, fields.signer);
  return new X509Certificate(sequence(body, algorithm, bitString(signature, 0))).toString();
}

const TRUE = Buffer.from([0x01, 0x01, 0xff]);

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]; // nothing here reaches 64 KiB
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts);
const integer = (value: Buffer): Buffer => tagged(0x02, value);
const octets = (value: Buffer): Buffer => tagged(0x04, value);
const bitString = (value: Buffer, unused: number): Buffer => tagged(0x03, Buffer.from([unused]), value);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(commonName)))));
}

function time(ms: number): Buffer {
  // UTCTime: two-digit years, enough until 2049.
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return tagged(0x17, Buffer.from(digits.slice(2)));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return critical ? sequence(oid(id), TRUE, octets(value)) : sequence(oid(id), octets(value));
}

function alternativeName(host: string): Buffer {
  const dns = (value: string) => tagged(0x82, Buffer.from(value, 'latin1'));
  // Behind a proxy, npm's client checks an address given as a number against the name `localhost`.
  if (isIP(host) === 4)
    return Buffer.concat([tagged(0x87, Buffer.from(host.split('.').map(Number))), dns('localhost')]);
  if (isIP(host) === 6) return Buffer.concat([tagged(0x87, ipv6(host)), dns('localhost')]);
  return dns(host);
}

function ipv6(host: string): Buffer {
  const [head = '', tail] = host.split('::');
  const groups = (text: string): number[] =>
    text
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(tail ?? '');
  const middle: number[] = new Array(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...before, ...middle, ...after].forEach((group, i) => {
    bytes.writeUInt16BE(group, i * 2);
  });
  return bytes;
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}
