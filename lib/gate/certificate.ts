/**
 * A certificate authority that lives as long as one guarded command: its key never leaves memory, and only
 * the child that is told of it trusts it. The few fields needed are written as DER by hand (RFC 5280), which
 * is smaller than any library for it.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';

export interface Authority {
  /** PEM, for the child's `cafile`. */
  readonly certificate: string;
  /** A server context for one host name or IPv4 address. */
  contextFor(host: string): SecureContext;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const DAY_MS = 86_400_000;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const objectId = (hex: string) => der(OBJECT_ID, Buffer.from(hex, 'hex'));
const text = (tag: number, value: string) => der(tag, Buffer.from(value));
const ECDSA_SHA256 = der(SEQUENCE, objectId('2a8648ce3d040302'));

function name(common: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, objectId('550403'), text(UTF8_STRING, common))));
}

function time(ms: number): Buffer {
  return text(GENERALIZED_TIME, new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, ''));
}

/** basicConstraints: this is an authority. Critical, as RFC 5280 asks. */
const IS_AUTHORITY = der(
  SEQUENCE,
  objectId('551d13'),
  Buffer.from([0x01, 0x01, 0xff]),
  der(OCTET_STRING, der(SEQUENCE, Buffer.from([0x01, 0x01, 0xff]))),
);

function alternativeName(host: string): Buffer {
  const dns = (value: string) => der(0x82, Buffer.from(value, 'ascii'));
  // Behind a proxy, Node's client checks an address given as a number against the name `localhost`.
  const names = isIPv4(host)
    ? [der(0x87, Buffer.from(host.split('.').map(Number))), dns('localhost')]
    : [dns(host)];
  return der(SEQUENCE, objectId('551d11'), der(OCTET_STRING, der(SEQUENCE, ...names)));
}

export function createAuthority(): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const issuer = `safe-install gate ${randomBytes(4).toString('hex')}`;

  const issue = (subject: string, extension: Buffer): string => {
    const serial = der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
    const now = Date.now();
    const body = der(
      SEQUENCE,
      der(0xa0, der(INTEGER, Buffer.from([2]))),
      serial,
      ECDSA_SHA256,
      name(issuer),
      der(SEQUENCE, time(now - DAY_MS), time(now + DAY_MS)),
      name(subject),
      spki,
      der(0xa3, der(SEQUENCE, extension)),
    );
    const signature = sign('sha256', body, privateKey);
    const whole = der(SEQUENCE, body, ECDSA_SHA256, der(BIT_STRING, Buffer.from([0]), signature));
    const lines = whole.toString('base64').match(/.{1,64}/g)!;
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  };

  const contexts = new Map<string, SecureContext>();
  return {
    certificate: issue(issuer, IS_AUTHORITY),
    contextFor(host) {
      let context = contexts.get(host);
      if (context === undefined) {
        context = createSecureContext({ key, cert: issue('gate', alternativeName(host)) });
        contexts.set(host, context);
      }
      return context;
    },
  };
}
