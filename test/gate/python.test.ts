import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { isArchiveName, isPlainText } from '../../lib/gate/body-kind.js';
import { createAuthority } from '../../lib/gate/certificate.js';
import { FileStore } from '../../lib/gate/file-store.js';
import { readLinks } from '../../lib/gate/index-links.js';
import { proxyFor } from '../../lib/gate/upstream.js';
import { sha256 } from '../helpers/pip-world.js';
import { tar, zip } from '../helpers/python-archives.js';

describe('gate/body-kind', () => {
  const archive = zip({ 'a.py': Buffer.from('1') });
  const texts: readonly [string, Buffer][] = [
    ['a page', Buffer.from('<!DOCTYPE html><a href="x">x</a>')],
    ['JSON', Buffer.from('{"files": []}\r\n')],
    ['metadata with accents', Buffer.from('Name: é\n')],
    ['nothing', Buffer.alloc(0)],
  ];
  const others: readonly [string, Buffer][] = [
    ['a zip', archive],
    ['a zip behind a page', Buffer.concat([Buffer.from('<html></html>'), archive])],
    ['a tar', tar({ 'setup.py': Buffer.from('1') })],
    ['a gzip', gzipSync('x')],
    ['bzip2', Buffer.from('BZh91AY&SY')],
    ['a zip end alone', Buffer.from('text PK\x05\x06 text', 'latin1')],
    ['a tar header of text only', textTar()],
    ['a NUL', Buffer.from('a\0b')],
  ];
  for (const [name, body] of texts) it(`${name} is text`, () => assert.equal(isPlainText(body), true));
  for (const [name, body] of others) it(`${name} is not`, () => assert.equal(isPlainText(body), false));
  for (const [name, expected] of [
    ['a.whl', true],
    ['a.TAR.GZ', true],
    ['a.tar.zst', true],
    ['a.whl.metadata', false],
    ['a', false],
  ] as const) {
    it(`${name}: ${expected}`, () => assert.equal(isArchiveName(name), expected));
  }
});

describe('gate/index-links', () => {
  const base = new URL('https://i.invalid/simple/x/');
  const undated = { published: undefined, firstPublished: undefined };
  it('reads HTML with entities, base and hash', () => {
    const page = `<base href="../../f/"><a rel=x href="x-1.whl?a=1&amp;b=2#sha256=AA">x</a><A HREF='https://o.invalid/y.whl'>`;
    assert.deepEqual(readLinks(Buffer.from(page), 'text/html', base), [
      { url: 'https://i.invalid/f/x-1.whl?a=1&b=2', hash: ['sha256', 'aa'], ...undated },
      { url: 'https://o.invalid/y.whl', hash: undefined, ...undated },
    ]);
  });
  it('reads JSON and takes the strongest hash', () => {
    const page = {
      files: [
        { url: 'x.whl', hashes: { md5: '00', sha256: 'BB' }, 'upload-time': '2026-01-01T00:00:00Z' },
        7,
      ],
    };
    assert.deepEqual(
      readLinks(Buffer.from(JSON.stringify(page)), 'application/vnd.pypi.simple.v1+json', base),
      [
        {
          url: 'https://i.invalid/simple/x/x.whl',
          hash: ['sha256', 'bb'],
          published: '2026-01-01T00:00:00Z',
          firstPublished: undefined,
        },
      ],
    );
  });
  for (const [what, times, expected] of [
    [
      'the earliest file',
      ['2026-01-01T00:00:00Z', '2025-12-31T23:00:00-02:00', '2026-02-01T00:00:00Z'],
      '2026-01-01T00:00:00Z',
    ],
    ['no date, when one file has none', ['2026-01-01T00:00:00Z', undefined], undefined],
    ['no date, when one is none', ['2026-01-01T00:00:00Z', 'yesterday'], undefined],
  ] as const) {
    it(`dates a project by ${what}`, () => {
      const files = times.map((time, at) => ({ url: `x-${at}.whl`, 'upload-time': time }));
      const links = readLinks(
        Buffer.from(JSON.stringify({ files })),
        'application/vnd.pypi.simple.v1+json',
        base,
      );
      assert.deepEqual(
        links.map(({ firstPublished }) => firstPublished),
        times.map(() => expected),
      );
    });
  }
  it('reads nothing from a damaged page', () => {
    assert.deepEqual(readLinks(Buffer.from('{'), 'application/vnd.pypi.simple.v1+json', base), []);
  });
});

describe('gate/certificate', () => {
  it('signs for names and addresses with what strict readers ask for', () => {
    const authority = createAuthority();
    const own = new X509Certificate(authority.certificate);
    assert.equal(own.ca, true);
    assert.equal(own.verify(own.publicKey), true);
    for (const host of ['files.example.invalid', '127.0.0.1', '::1']) {
      assert.equal(authority.contextFor(host), authority.contextFor(host));
    }
  });
});

describe('gate/upstream proxies', () => {
  const at = (url: string, env: Record<string, string>, proxy?: string) =>
    proxyFor(new URL(url), { env, ...(proxy === undefined ? {} : { proxy }) });
  it('takes --proxy over the environment, and its absence at its word', () => {
    assert.equal(
      at('https://a.invalid', { https_proxy: 'http://e.invalid:1' }, 'p.invalid:2'),
      'http://p.invalid:2',
    );
    assert.equal(at('https://a.invalid', { https_proxy: 'http://e.invalid:1' }, ''), undefined);
  });
  it('reads the environment as curl does', () => {
    const env = {
      HTTPS_PROXY: 'http://s.invalid',
      http_proxy: 'http://h.invalid',
      NO_PROXY: '.b.invalid,c.invalid',
    };
    assert.equal(at('https://a.invalid', env), 'http://s.invalid');
    assert.equal(at('http://a.invalid', env), 'http://h.invalid');
    assert.equal(at('https://x.b.invalid', env), undefined);
    assert.equal(at('https://c.invalid', env), undefined);
    assert.equal(at('https://notc.invalid', env), 'http://s.invalid');
    assert.equal(at('https://a.invalid', { no_proxy: '*', https_proxy: 'http://s.invalid' }), undefined);
  });
});

describe('gate/file-store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives back what was put, and nothing that was changed since', async () => {
    const store = new FileStore(folder);
    const bytes = Buffer.from('archive');
    await store.put(sha256(bytes), bytes);
    assert.deepEqual(await store.get(sha256(bytes)), bytes);
    writeFileSync(join(folder, sha256(bytes).slice(0, 2), sha256(bytes)), 'other');
    assert.equal(await store.get(sha256(bytes)), undefined);
    assert.equal(await store.get('../../etc/passwd'), undefined);
  });

  it('keeps within its bound', async () => {
    const store = new FileStore(folder, 100);
    for (let i = 0; i < 10; i++) {
      const bytes = Buffer.alloc(20, i);
      await store.put(sha256(bytes), bytes);
    }
    await store.prune();
    const kept = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.equal(kept.length, 5);
  });
});

/** A tar header in which every byte is printable. */
function textTar(): Buffer {
  const header = Buffer.alloc(512, 'a');
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(7, '0')} `, 148);
  return header;
}
