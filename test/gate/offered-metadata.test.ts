/** Core metadata offered where an index has none: what becomes of its pages, and how the gate keeps the promise. */
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifact } from '../../lib/artifact/open.js';
import { FileStore } from '../../lib/gate/file-store.js';
import { readLinks } from '../../lib/gate/index-links.js';
import { type Judged, PypiGate } from '../../lib/gate/index-pypi.js';
import { offerMetadata } from '../../lib/gate/offered-metadata.js';
import type { GateRequest, GateResponse } from '../../lib/gate/proxy.js';
import type { UpstreamReply } from '../../lib/gate/upstream.js';
import { Inspector } from '../../lib/pip/inspect.js';
import { Provenance } from '../../lib/pip/provenance.js';
import type { Accept, Verdict } from '../../lib/types.js';
import { plain } from '../helpers/pip-fixtures.js';
import { sha256 } from '../helpers/pip-world.js';
import { buildWheel, metadataOf, wheelName, zip } from '../helpers/python-archives.js';

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

describe('gate/offered-metadata: pages', () => {
  const page = new URL('https://i.invalid/simple/x/');
  const offer = (text: string, type: string): { text: string; wheels: readonly string[] } => {
    const bytes = Buffer.from(text);
    const { body, wheels } = offerMetadata(bytes, type, page, readLinks(bytes, type, page), 1000);
    return { text: body.toString(), wheels: wheels.map(({ href }) => href) };
  };
  const wheel = (name: string): string => `https://i.invalid/simple/x/${name}`;

  it('marks the wheels of a page in JSON and leaves all else as it was', () => {
    const before = `{ "meta":{"files":[{"url":"no.whl"}]},\r\n "name": "x\\"{[é", "files":[
      {"url":"a.whl",   "hashes":{"sha256":"aa"}, "note":"\\\\\\"}{"},
      {"hashes":{"sha256":"aa"}, "url":"b.whl", "core-metadata": false, "more":[{"core-metadata":false}]},
      7, [{"url":"nested.whl","hashes":{"sha256":"aa"}}],
      {"url":"c.whl#sha256=aa", "size": 1000, "core-metadata":null},
      {"url":"d.tar.gz","hashes":{"sha256":"aa"}}], "last": {"url":"e.whl","hashes":{"sha256":"aa"}} }`;
    const after = before
      .replace('{"url":"a.whl"', '{"core-metadata": true, "url":"a.whl"')
      .replace('"b.whl", "core-metadata": false', '"b.whl", "core-metadata": true')
      .replace('"core-metadata":null', '"core-metadata":true');
    assert.deepEqual(offer(before, JSON_TYPE), {
      text: after,
      wheels: ['a.whl', 'b.whl', 'c.whl'].map(wheel),
    });
    assert.doesNotThrow(() => JSON.parse(after));
  });

  for (const [why, file] of [
    ['has metadata', { 'core-metadata': { sha256: 'aa' } }],
    ['has it under the older name', { 'dist-info-metadata': true }],
    [
      'denies it under one name and has it under another',
      { 'core-metadata': false, 'dist-info-metadata': {} },
    ],
    ['is said to be larger than what is fetched ahead', { size: 1001 }],
    ['has no hash', { hashes: {} }],
    ['is none', { url: 'a.tar.gz' }],
    ['is asked for with a query', { url: 'a.whl?token=1' }],
    ['has an address that installers read differently', { url: 'a b.whl' }],
  ] as const) {
    it(`offers nothing for a file of JSON that ${why}`, () => {
      const text = JSON.stringify({ files: [{ url: 'a.whl', hashes: { sha256: 'aa' }, ...file }] });
      assert.deepEqual(offer(text, JSON_TYPE), { text, wheels: [] });
    });
  }

  it('marks the wheels of a page in HTML and leaves all else as it was', () => {
    const before = `<!DOCTYPE html><html><body class="é">
      <a href="a.whl#sha256=aa" data-requires-python=">=3.7">a.whl</a>
      <A\n data-yanked\tHREF='/f/b.whl#md5=bb'/>
      <a href=c.whl#sha256=cc data-core-metadata="false">c</a>
      <a href="d.whl#sha256=aa" data-dist-info-metadata="sha256=aa">d</a>
      <a href="e.whl">e</a><a href="f.tar.gz#sha256=aa">f</a><a href="g.whl?x=1#sha256=aa">g</a>
      <a href="h&amp;.whl#sha256=aa">h</a><a-b href="i.whl#sha256=aa"><a href="j.whl#sha256=aa" href="k.whl">
      <abbr href="l.whl#sha256=aa"><a href="m.whl#sha256=aa" <a href="n.whl#sha256=aa"></a>`;
    const words = 'data-core-metadata="true" data-dist-info-metadata="true"';
    const after = before
      .replace('<a href="a.whl', `<a ${words} href="a.whl`)
      .replace('<A\n data-yanked', `<A ${words}\n data-yanked`)
      .replace('data-core-metadata="false"', 'data-core-metadata="true"')
      .replace('<a href="n.whl', `<a ${words} href="n.whl`);
    assert.deepEqual(offer(before, 'text/html; charset=utf-8'), {
      text: after,
      wheels: [wheel('a.whl'), 'https://i.invalid/f/b.whl', wheel('c.whl'), wheel('n.whl')],
    });
  });

  it('resolves addresses against the base of the page', () => {
    const text = '<base href="/files/"><a href="a.whl#sha256=aa">a</a>';
    assert.deepEqual(offer(text, 'application/vnd.pypi.simple.v1+html').wheels, [
      'https://i.invalid/files/a.whl',
    ]);
  });

  it('leaves what is no index page, or cannot be written back exactly', () => {
    const link = '<a href="a.whl#sha256=aa">a</a>';
    assert.deepEqual(offer(link, 'text/plain'), { text: link, wheels: [] });
    assert.deepEqual(offer(link, ''), { text: link, wheels: [] });
    assert.deepEqual(offer('{"files":', JSON_TYPE), { text: '{"files":', wheels: [] });
    assert.deepEqual(offer('null', JSON_TYPE), { text: 'null', wheels: [] });
    const latin1 = Buffer.from(`é${link}`, 'latin1');
    assert.deepEqual(offerMetadata(latin1, 'text/html', page, readLinks(latin1, 'text/html', page), 1000), {
      body: latin1,
      wheels: [],
    });
  });

  it('takes the last of two lists of files, as every reader of JSON does', () => {
    const file = (name: string): string => `{"url":"${name}","hashes":{"sha256":"aa"}}`;
    const text = `{"files":[${file('a.whl')},${file('b.whl')}],"files":[${file('c.whl')}]}`;
    assert.deepEqual(offer(text, JSON_TYPE).wheels, [wheel('c.whl')]);
    assert.equal(offer(text, JSON_TYPE).text, text.replace('{"url":"c', '{"core-metadata": true, "url":"c'));
  });

  it('reads a hostile page in one pass', () => {
    const started = performance.now();
    for (const piece of ['<a x="', '<a x=\'"', '<a x ', '<a ', '<a href="a.whl', '<a =']) {
      offer(piece.repeat(200_000), 'text/html');
    }
    offer(`{"files":[{"url":"a.whl","x":"${'\\"'.repeat(1_000_000)}"}]}`, JSON_TYPE);
    assert.ok(performance.now() - started < 10_000);
  }).timeout(60_000);
});

describe('gate/offered-metadata: the promise', () => {
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
  const origin = 'https://files.invalid/';
  const one = plain('one', { 'one.py': 'value = 1\n' }, ['two']);
  const bytes = buildWheel(one);
  const address = `${origin}${wheelName(one)}`;

  let files: Map<string, Buffer | UpstreamReply>;
  let asked: { url: string; authorization: unknown }[];
  let scanned: string[];
  let refusals: Judged[];
  let stores: string[] = [];
  /** Set by a test that wants its scans to wait. */
  let gatekeeper: Promise<void> | undefined;
  let blocked: Set<string>;

  beforeEach(() => {
    files = new Map([[address, bytes]]);
    asked = [];
    scanned = [];
    refusals = [];
    gatekeeper = undefined;
    blocked = new Set();
  });
  afterEach(() => {
    for (const folder of stores) rmSync(folder, { recursive: true, force: true });
    stores = [];
  });

  const storeOf = (): FileStore => {
    const folder = mkdtempSync(join(tmpdir(), 'offered-'));
    stores.push(folder);
    return new FileStore(folder);
  };

  const request = (url: string, headers: GateRequest['headers'] = {}): GateRequest => ({
    method: 'GET',
    url: new URL(url),
    headers,
    body: Buffer.alloc(0),
  });

  /** A gate that has passed on a page with those wheels. */
  const gateOf = async (
    listed: Readonly<Record<string, string>> = { [address]: sha256(bytes) },
    more: {
      store?: FileStore;
      waiting?: FileStore;
      accept?: Accept;
      algorithm?: string;
      offers?: boolean;
    } = {},
  ): Promise<PypiGate> => {
    const inspector = new Inspector({ provenance: new Provenance(), admit: () => {} });
    const gate: PypiGate = new PypiGate({
      scan: async (input) => {
        scanned.push(input.filename);
        await gatekeeper;
        const { name, version, integrity, unverified } = await openArtifact(input);
        const accepted = unverified === undefined ? undefined : await more.accept?.({} as Verdict);
        const bad = blocked.has(input.filename) ? 'block' : 'allow';
        const verdict = unverified === undefined ? bad : (accepted?.verdict ?? 'unverified');
        return { name, version, integrity, verdict, ...(unverified && { unverified }) } as Verdict;
      },
      upstream: {
        get: async (url, headers, { maxBytes }) => {
          asked.push({ url: url.href, authorization: headers.authorization });
          const found = files.get(url.href);
          if (found === undefined) return { status: 404, headers: {}, body: undefined };
          if (!Buffer.isBuffer(found)) return found;
          assert.ok(found.length <= maxBytes);
          return { status: 200, headers: {}, body: found };
        },
        close: () => {},
      },
      store: more.store,
      waiting: more.waiting,
      ...(more.accept === undefined ? {} : { accept: more.accept }),
      maxArchiveBytes: 1 << 30,
      inspect: (filename, body, url) => inspector.archive(filename, body, gate.servedMetadata(url)),
      inspectMetadata: (body) => inspector.metadata(body),
      pathTo: () => [],
      onRefusal: async (result) => {
        refusals.push(result);
      },
    });
    const rows = Object.entries(listed).map(
      ([url, hash]) => `<a href="${url}#${more.algorithm ?? 'sha256'}=${hash}">x</a>`,
    );
    gate.admit('https://i.invalid/simple');
    const reply = {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: Buffer.from(rows.join('\n')),
    };
    files.set('https://i.invalid/simple/x/', reply);
    const page = await gate.handle(request('https://i.invalid/simple/x/'));
    const offers = String(page.body).match(/data-core-metadata="true"/g)?.length ?? 0;
    assert.equal(offers, more.offers === false ? 0 : rows.length);
    asked = [];
    return gate;
  };
  const urls = (): string[] => asked.map(({ url }) => url);
  const text = ({ body }: GateResponse): string => Buffer.from(body).toString();

  it('is the wheel’s own METADATA; the wheel is fetched once and scanned once', async () => {
    const gate = await gateOf();
    const metadata = await gate.handle(request(`${address}.metadata`));
    assert.deepEqual([metadata.status, text(metadata)], [200, metadataOf(one)]);
    const wheel = await gate.handle(request(address));
    assert.equal(wheel.status, 200);
    assert.deepEqual(wheel.body, bytes);
    assert.deepEqual(urls(), [address]);
    assert.deepEqual(scanned, [wheelName(one)]);
  });

  it('is not offered on a page that names a wheel of an earlier run, which is given from the store', async () => {
    const store = storeOf();
    await store.put(sha256(bytes), bytes);
    const other = address.replace(/[^/]+$/, 'other-1.0-py3-none-any.whl');
    const gate = await gateOf(
      { [other]: 'b'.repeat(64), [address]: sha256(bytes) },
      { store, offers: false },
    );
    assert.deepEqual((await gate.handle(request(address))).body, bytes);
    assert.deepEqual(urls(), []);
    assert.deepEqual(scanned, [wheelName(one)]);
  });

  it('is kept before the scan has ended; the wheel itself waits for its verdict', async () => {
    let open = (): void => {};
    gatekeeper = new Promise((resolve) => {
      open = resolve;
    });
    const gate = await gateOf();
    assert.equal((await gate.handle(request(`${address}.metadata`))).status, 200);
    let served: GateResponse | undefined;
    const pending = gate.handle(request(address)).then((response) => {
      served = response;
    });
    await settled();
    assert.deepEqual(scanned, [wheelName(one)]);
    assert.equal(served, undefined);
    open();
    await pending;
    assert.equal((served as GateResponse | undefined)?.status, 200);
  });

  it('refuses a flagged wheel when it is asked for, and nothing for one that is not', async () => {
    blocked.add(wheelName(one));
    const gate = await gateOf();
    assert.equal((await gate.handle(request(`${address}.metadata`))).status, 200);
    await settled();
    assert.deepEqual([scanned, refusals, gate.results], [[wheelName(one)], [], []]);
    const wheel = await gate.handle(request(address));
    assert.deepEqual([wheel.status, wheel.body], [403, '']);
    assert.deepEqual(
      refusals.map(({ verdict }) => verdict.verdict),
      ['block'],
    );
  });

  const info = 'one-1.0.dist-info';
  const broken: readonly [what: string, bytes: Buffer, code: string][] = [
    [
      'two folders of metadata',
      zip({ [`${info}/METADATA`]: Buffer.from('Name: one\n'), 'x-1.dist-info/WHEEL': Buffer.from('') }),
      'ambiguous',
    ],
    ['no METADATA', zip({ [`${info}/WHEEL`]: Buffer.from('x') }), 'damaged'],
    ['no folder of metadata', zip({ 'one.py': Buffer.from('') }), 'damaged'],
    ['no zip', Buffer.from('nothing of the kind'), 'damaged'],
    ['bytes behind its directory', Buffer.concat([bytes, Buffer.from('x')]), 'ambiguous'],
    [
      'a repository among its needs',
      buildWheel({ ...one, requires: ['two @ git+https://g.invalid/two'] }),
      'git-source',
    ],
  ];
  for (const [what, damaged, code] of broken) {
    it(`refuses a wheel with ${what}, as when it is asked for itself`, async () => {
      files.set(address, damaged);
      const direct = await gateOf({ [address]: sha256(damaged) });
      await direct.handle(request(address));
      // Installers find that themselves; but metadata that was offered must be answered, and there is none.
      const expected =
        what === 'no METADATA'
          ? { code: 'damaged', args: { why: 'no-metadata', file: wheelName(one) } }
          : refusals[0]?.verdict.unverified;
      assert.equal(expected?.code, code);
      const gate = await gateOf({ [address]: sha256(damaged) });
      refusals.length = 0;
      const metadata = await gate.handle(request(`${address}.metadata`));
      assert.deepEqual([metadata.status, metadata.body], [403, '']);
      assert.deepEqual(
        refusals.map(({ target, verdict }) => [target, verdict.verdict, verdict.unverified]),
        [[wheelName(one), 'unverified', expected]],
      );
    });
  }

  it('refuses other bytes than the index promised', async () => {
    files.set(address, buildWheel({ ...one, files: { 'one.py': 'value = 2\n' } }));
    const gate = await gateOf();
    const metadata = await gate.handle(request(`${address}.metadata`));
    assert.deepEqual([metadata.status, metadata.body], [403, '']);
    assert.equal(refusals[0]?.verdict.unverified?.code, 'integrity-mismatch');
    assert.deepEqual(scanned, []);
  });

  it('is kept for a wheel that the policy accepts unread', async () => {
    const odd = zip({
      [`${info}/METADATA`]: Buffer.from(metadataOf(one)),
      'x-1.dist-info/WHEEL': Buffer.from(''),
    });
    files.set(address, odd);
    const accept: Accept = async (verdict) => ({ ...verdict, verdict: 'allow' });
    const gate = await gateOf({ [address]: sha256(odd) }, { accept });
    const metadata = await gate.handle(request(`${address}.metadata`));
    assert.deepEqual([metadata.status, text(metadata)], [200, metadataOf(one)]);
    assert.equal((await gate.handle(request(address))).status, 200);
  });

  it('waits for the verdict where METADATA is no plain text', async () => {
    const strange = zip({ [`${info}/METADATA`]: Buffer.from('Name: one\nVersion: 1.0\n\n\0PK\x05\x06') });
    files.set(address, strange);
    blocked.add(wheelName(one));
    const gate = await gateOf({ [address]: sha256(strange) });
    assert.equal((await gate.handle(request(`${address}.metadata`))).status, 403);
    assert.equal(refusals[0]?.verdict.verdict, 'block');
  });

  /** A wheel of a little more than that size. */
  const padded = (at: number, size: number): Buffer => {
    const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, at), Buffer.alloc(16));
    return zip({
      [`p${at}-1.0.dist-info/METADATA`]: Buffer.from(`Name: p${at}\nVersion: 1.0\n`),
      'p.bin': noise.update(Buffer.alloc(size)),
    });
  };
  let six: Buffer[] | undefined;
  const twentyMegabytes = (): Buffer[] => {
    six ??= [0, 1, 2, 3, 4, 5].map((at) => padded(at, 20 << 20));
    return six;
  };
  const numbered = (at: number): string => `${origin}p${at}-1.0-py3-none-any.whl`;

  it('judges a wheel that is too large to wait before its metadata is served', async () => {
    const large = padded(0, 33 << 20);
    files.set(numbered(0), large);
    blocked.add('p0-1.0-py3-none-any.whl');
    const refusing = await gateOf({ [numbered(0)]: sha256(large) });
    assert.equal((await refusing.handle(request(`${numbered(0)}.metadata`))).status, 403);
    blocked.clear();
    const folder = mkdtempSync(join(tmpdir(), 'offered-'));
    stores.push(folder);
    const small = new FileStore(folder, 32 << 20);
    for (const kept of [{ store: storeOf() }, { waiting: storeOf() }, { store: small, waiting: storeOf() }]) {
      scanned.length = 0;
      const gate = await gateOf({ [numbered(0)]: sha256(large) }, kept);
      assert.equal((await gate.handle(request(`${numbered(0)}.metadata`))).status, 200);
      assert.equal(scanned.length, 1);
      assert.equal((await gate.handle(request(numbered(0)))).status, 200);
      assert.deepEqual(urls(), [numbered(0)]);
      assert.equal(scanned.length, 1);
    }
  }).timeout(60_000);

  for (const where of ['store', 'waiting', 'nowhere']) {
    it(`does not wait while much is held; what else comes is kept: ${where}`, async () => {
      let open = (): void => {};
      gatekeeper = new Promise((resolve) => {
        open = resolve;
      });
      const wheels = twentyMegabytes();
      for (const [at, body] of wheels.entries()) files.set(numbered(at), body);
      const hashes = Object.fromEntries(wheels.map((body, at) => [numbered(at), sha256(body)]));
      const gate = await gateOf(hashes, where === 'nowhere' ? {} : { [where]: storeOf() });
      for (const at of wheels.keys()) {
        assert.equal((await gate.handle(request(`${numbered(at)}.metadata`))).status, 200);
      }
      await settled();
      // Four are held, which is all there is room for.
      assert.equal(scanned.length, 4);
      open();
      for (const at of [5, 0, 1, 2, 3, 4]) {
        assert.deepEqual((await gate.handle(request(numbered(at)))).body, wheels[at]);
      }
      assert.equal(scanned.length, 6);
      assert.equal(new Set(urls()).size, 6);
      if (where !== 'nowhere') assert.equal(urls().length, 6);
      gate.close();
    }).timeout(60_000);
  }

  it('makes room with what is allowed and stored, though nobody asks for it', async () => {
    const wheels = twentyMegabytes();
    for (const [at, body] of wheels.entries()) files.set(numbered(at), body);
    const hashes = Object.fromEntries(wheels.map((body, at) => [numbered(at), sha256(body)]));
    const gate = await gateOf(hashes, { store: storeOf() });
    for (const at of wheels.keys()) await gate.handle(request(`${numbered(at)}.metadata`));
    for (let wait = 0; scanned.length < 6 && wait < 200; wait++) await settled();
    assert.equal(scanned.length, 6);
    gate.close();
  }).timeout(60_000);

  it('is answered again from the wheel that waits', async () => {
    const gate = await gateOf();
    for (let time = 0; time < 2; time++) {
      assert.equal(text(await gate.handle(request(`${address}.metadata`))), metadataOf(one));
    }
    assert.deepEqual([urls(), scanned], [[address], [wheelName(one)]]);
  });

  it('follows a redirect, and tells another host no password', async () => {
    const target = 'https://cdn.invalid/blob?signature=1';
    files.set(address, { status: 302, headers: { location: target }, body: undefined });
    files.set(target, bytes);
    const gate = await gateOf();
    const headers = { authorization: 'Basic eA==' };
    assert.equal(text(await gate.handle(request(`${address}.metadata`, headers))), metadataOf(one));
    assert.deepEqual(asked, [
      { url: address, authorization: 'Basic eA==' },
      { url: target, authorization: undefined },
    ]);
    assert.deepEqual((await gate.handle(request(address, headers))).body, bytes);
    assert.equal(asked.length, 2);
  });

  it('says what the index says of a wheel that it lists and has not', async () => {
    const gate = await gateOf();
    files.delete(address);
    assert.equal((await gate.handle(request(`${address}.metadata`))).status, 404);
    assert.deepEqual(refusals, []);
  });

  it('knows an address that the installer spells differently', async () => {
    const local = `${origin}one-1.0+cpu-py3-none-any.whl`;
    const spelt = local.replace('+', '%2B');
    files.set(spelt, bytes);
    const gate = await gateOf({ [local]: sha256(bytes) });
    assert.equal((await gate.handle(request(`${spelt}.metadata`))).status, 200);
    files.set(spelt, Buffer.from('other bytes'));
    const again = await gateOf({ [local]: sha256(bytes) });
    assert.equal((await again.handle(request(spelt))).status, 403);
    assert.equal(refusals.at(-1)?.verdict.unverified?.code, 'integrity-mismatch');
  });

  it('holds for a hash other than SHA-256', async () => {
    const md5 = createHash('md5').update(bytes).digest('hex');
    const gate = await gateOf({ [address]: md5 }, { algorithm: 'md5', store: storeOf() });
    assert.equal((await gate.handle(request(`${address}.metadata`))).status, 200);
    assert.equal((await gate.handle(request(address))).status, 200);
    assert.deepEqual(urls(), [address]);
  });
});
