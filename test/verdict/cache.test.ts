import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CacheKey, ScoreCache } from '../../lib/verdict/cache.js';
import type { Facts } from '../../lib/verdict/decide.js';

const key: CacheKey = {
  integrity: `sha512-${'A'.repeat(86)}==`,
  ecosystem: 'npm',
  reader: 'npm-tarball',
  registryManifest: { scripts: { install: 'x' }, bin: {} },
};
const versions = { model: '1', taxonomy: '1', limits: '1', code: '1' };
const facts: Facts = {
  ecosystem: 'npm',
  name: 'a',
  version: '1.0.0',
  integrity: key.integrity,
  score: { value: 0.125, threshold: 0.9, evidence: [] },
  findings: [{ code: 'manifest-mismatch', phase: 'install', file: 'package.json', line: 1, args: {} }],
  opaqueFiles: 2,
  installs: { manifest: { scripts: { install: 'x' } }, files: ['binding.gyp'] },
  durationMs: 5,
};

describe('verdict/cache', () => {
  let folder: string;
  const open = (changed = {}, most?: number) => new ScoreCache({ ...versions, ...changed }, folder, most);
  const fill = async () => {
    const cache = open();
    cache.put(key, facts);
    await cache.close();
  };
  const entries = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-cache-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives back what was kept', async () => {
    await fill();
    assert.deepEqual(await open().get(key), {
      name: 'a',
      version: '1.0.0',
      score: 0.125,
      threshold: 0.9,
      findings: facts.findings,
      opaqueFiles: 2,
      installs: facts.installs,
    });
  });

  it("the order of a registry's keys does not matter", async () => {
    await fill();
    assert(await open().get({ ...key, registryManifest: { bin: {}, scripts: { install: 'x' } } }));
  });

  const others: readonly [string, Partial<CacheKey>, object][] = [
    ['other bytes', { integrity: `sha512-${'B'.repeat(86)}==` }, {}],
    ['another ecosystem', { ecosystem: 'pypi' }, {}],
    ['another reader', { reader: 'sdist' }, {}],
    ['another registry manifest', { registryManifest: { scripts: { install: 'y' }, bin: {} } }, {}],
    ['no registry manifest', { registryManifest: null }, {}],
    ['another model', {}, { model: '2' }],
    ['another taxonomy', {}, { taxonomy: '2' }],
    ['other limits', {}, { limits: '2' }],
    ['other code', {}, { code: '2' }],
  ];
  for (const [what, change, version] of others) {
    it(`${what}: not found`, async () => {
      await fill();
      assert.equal(await open(version).get({ ...key, ...change }), undefined);
    });
  }

  it('keeps neither alarms nor what was not read', async () => {
    const cache = open();
    cache.put(key, { ...facts, score: { value: 0.9, threshold: 0.9, evidence: [] } });
    cache.put(key, { ...facts, unverified: { code: 'scan-budget', args: {} } });
    const { score: _, ...unscored } = facts;
    cache.put(key, unscored);
    await cache.close();
    assert.deepEqual(entries(), []);
  });

  it('a damaged entry is not believed, at whichever byte', async () => {
    await fill();
    const path = entries()[0]!;
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 4;
      writeFileSync(path, damaged);
      assert.equal(await open().get(key), undefined, `byte ${at}`);
    }
    for (const length of [0, 10, whole.length - 5]) {
      writeFileSync(path, whole.subarray(0, length));
      assert.equal(await open().get(key), undefined, `cut at ${length}`);
    }
  });

  it("an entry in another's place is not believed", async () => {
    await fill();
    const first = entries()[0]!;
    const cache = open();
    const second = { ...key, reader: 'folder' };
    cache.put(second, facts);
    await cache.close();
    const path = entries().find((entry) => entry !== first)!;
    writeFileSync(path, readFileSync(first));
    assert.equal(await open().get(second), undefined);
  });

  it('a folder that cannot be written is left alone', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const cache = new ScoreCache(versions, join(file, 'below'));
    cache.put(key, facts);
    await cache.close();
    assert.equal(await cache.get(key), undefined);
  });

  it('is bounded, and many at once do not disturb each other', async () => {
    const keys = Array.from({ length: 600 }, (_, i) => ({ ...key, reader: `r${i}` }));
    const caches = [open({}, 256), open({}, 256)];
    for (const cache of caches) for (const each of keys) cache.put(each, facts);
    await Promise.all(caches.map((cache) => cache.close()));
    assert(entries().length <= 256, `${entries().length} entries`);
    const found = await Promise.all(keys.map((each) => open().get(each)));
    assert(found.some((entry) => entry?.score === 0.125));
  });
});
