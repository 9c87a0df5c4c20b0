import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import { createAuthority } from '../../lib/gate/certificate.js';
import { type Gate, type GateRequest, openGate } from '../../lib/gate/proxy.js';
import { registryHandler, tarballKey } from '../../lib/gate/registry.js';
import { FrozenPackuments } from '../../lib/npm/packuments.js';

const fetch = createRequire(import.meta.url)('npm-registry-fetch') as (
  url: string,
  options: Record<string, unknown>,
) => Promise<{ status: number; text(): Promise<string> }>;

const through = (gate: Gate, url: string, options: Record<string, unknown> = {}) =>
  fetch(url, {
    proxy: gate.proxy,
    ca: gate.certificate,
    noProxy: 'none.invalid',
    fetchRetries: 0,
    ...options,
  });

describe('gate', () => {
  let gate: Gate | undefined;
  let seen: GateRequest[];

  const open = async (): Promise<Gate> => {
    seen = [];
    gate = await openGate(async (request) => {
      seen.push(request);
      return { status: 200, body: '{"answer":1}' };
    });
    return gate;
  };

  afterEach(() => gate?.close());

  it('answers for https and http addresses, by name and by number, under their real names', async () => {
    const at = await open();
    const urls = [
      'https://registry.npmjs.org/x',
      'https://some.host.invalid:8443/p/x?y=1',
      'http://plain.invalid/x',
      'https://10.1.2.3/x',
    ];
    for (const url of urls) equal(await (await through(at, url)).text(), '{"answer":1}');
    deepEqual(
      seen.map(({ url }) => url.href),
      urls,
    );
  });

  it('hands on method, headers and body', async () => {
    const at = await open();
    await through(at, 'https://registry.npmjs.org/-/report', {
      method: 'POST',
      body: { a: 1 },
      headers: { 'npm-command': 'x' },
    });
    equal(seen[0]?.method, 'POST');
    equal(seen[0]?.headers['npm-command'], 'x');
    equal(seen[0]?.body.toString(), '{"a":1}');
  });

  it('refuses who does not know the secret', async () => {
    const at = await open();
    const proxy = new URL(at.proxy);
    proxy.password = 'guess';
    await rejects(through({ ...at, proxy: proxy.href }, 'https://registry.npmjs.org/x'));
    const status = await new Promise((resolve) => {
      http.get({ host: '127.0.0.1', port: proxy.port, path: 'http://plain.invalid/x' }, ({ statusCode }) =>
        resolve(statusCode),
      );
    });
    equal(status, 407);
    equal(seen.length, 0);
  });

  it('answers a failing handler with an error, never with content', async () => {
    gate = await openGate(() => Promise.reject(new Error('broken')));
    await rejects(through(gate, 'https://registry.npmjs.org/x'), { code: 'E502' });
  });

  it('makes certificates that say what they should', () => {
    const { certificate } = createAuthority();
    const parsed = new X509Certificate(certificate);
    equal(parsed.ca, true);
    equal(parsed.checkIssued(parsed), true);
    match(parsed.subject, /^CN=safe-install gate [0-9a-f]{8}$/);
  });
});

describe('gate as a registry', () => {
  const upstream: string[] = [];
  const missed: string[] = [];
  const packuments = new FrozenPackuments();
  const bytes = Buffer.from('tarball');
  const handler = registryHandler({
    packuments,
    tarballs: {
      byAddress: async (key) => (key === tarballKey('https://r.invalid/x/-/x-1.0.0.tgz') ? bytes : undefined),
      byIntegrity: async (integrity) => (integrity === 'sha512-known' ? bytes : undefined),
    },
    upstream: async ({ url }) => {
      upstream.push(url.href);
      return { status: 200, body: JSON.stringify({ name: 'late', versions: {} }) };
    },
    onMiss: (url) => missed.push(url),
  });
  const ask = (url: string, headers: http.IncomingHttpHeaders = {}, method = 'GET') =>
    handler({ method, url: new URL(url), headers, body: Buffer.alloc(0) });

  beforeEach(() => {
    upstream.length = 0;
    missed.length = 0;
  });

  it('hands out allowed tarballs, with or without default port and fragment', async () => {
    for (const url of ['https://r.invalid/x/-/x-1.0.0.tgz', 'https://r.invalid:443/x/-/x-1.0.0.tgz#sha']) {
      equal((await ask(url)).body, bytes);
    }
    deepEqual(missed, []);
  });

  it('hands out nothing else, and says so', async () => {
    const others = [
      'https://r.invalid/y/-/y-1.0.0.tgz',
      'https://other.invalid/x/-/x-1.0.0.tgz',
      'http://r.invalid/x/-/x-1.0.0.tgz',
      'https://r.invalid/download',
      'https://r.invalid/x/-/x-1.0.0.tgz?a=b',
    ];
    for (const url of others)
      equal((await ask(url, { 'pacote-req-type': 'tarball', accept: '*/*' })).status, 403);
    equal((await ask('https://r.invalid/x/-/y.tgz', { accept: 'application/json' })).status, 403);
    equal((await ask('https://r.invalid/x', { accept: 'application/json' }, 'PUT')).status, 403);
    equal(missed.length, others.length + 2);
    deepEqual(upstream, []);
  });

  it('asks the registry once for a packument, and stays with the first answer', async () => {
    const url = 'https://r.invalid/@scope%2flate';
    const first = await ask(url, { accept: 'application/json' });
    const second = await ask('https://r.invalid/@scope%2Flate', {
      accept: 'application/vnd.npm.install-v1+json',
    });
    equal(second.body, first.body);
    deepEqual(upstream, [url]);
  });

  it('keeps the first packument pacote stores, and corrects it by the tarballs', () => {
    const store = new FrozenPackuments();
    const version = (script: string) => ({
      name: 'x',
      dist: { tarball: 'https://r.invalid/x/-/x-1.0.0.tgz' },
      scripts: { install: script },
    });
    store.set('full:https://r.invalid/x', { name: 'x', versions: { '1.0.0': version('first') } });
    store.set('full:https://r.invalid/x', { name: 'x', versions: { '1.0.0': version('second') } });
    deepEqual(store.version('x', '1.0.0')?.scripts, { install: 'first' });
    const none = {
      bin: {},
      dependencies: {},
      optionalDependencies: {},
      peerDependencies: {},
      peerDependenciesMeta: {},
      bundleDependencies: [],
      engines: {},
      os: [],
      cpu: [],
      libc: [],
    };
    store.learn(['https://r.invalid/x/-/x-1.0.0.tgz'], { ...none, scripts: {} });
    deepEqual([...store.correct()], [['https://r.invalid/x/-/x-1.0.0.tgz', ['scripts']]]);
    deepEqual([...store.correct()], []);
    equal(store.find('https://r.invalid/x')?.name, 'x');
    equal(store.version('x', '1.0.0')?.scripts, undefined);
  });
});
