/** New names between the thresholds: when the scanner asks for their date, and what it makes of the answer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createScanner, type Scanner, type ScannerOptions } from '../../lib/scan.js';
import type { ScanInput } from '../../lib/types.js';
import { mergePolicies } from '../../lib/verdict/policy.js';
import type { PolicyFile } from '../../lib/verdict/policy-file.js';
import { npmBetween } from '../fixtures/between.js';
import { MALICIOUS, type PackageFixture, TWINS } from '../fixtures/packages.js';
import { packageTarball, sha512 } from '../helpers/tarball.js';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const YESTERDAY = '2026-06-14T09:00:00.000Z';
const LONG_AGO = '2024-06-14T09:00:00.000Z';

const tarballOf = ({ manifest, files }: PackageFixture): Buffer =>
  packageTarball({ name: 'fresh', version: '1.0.0', ...manifest }, files);

describe('scan of names that may be new', function () {
  this.timeout(60_000);
  let between: Buffer;
  let folder: string;
  let asked: number;
  const { XDG_CACHE_HOME } = process.env;

  before(async () => {
    between = tarballOf(await npmBetween());
  });
  beforeEach(() => {
    asked = 0;
    // Scores are kept in a folder of the test.
    folder = mkdtempSync(join(tmpdir(), 'safe-install-newcomer-'));
    process.env.XDG_CACHE_HOME = folder;
  });
  afterEach(() => {
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
    rmSync(folder, { recursive: true });
  });

  const policyOf = (content: PolicyFile) =>
    mergePolicies([{ source: 'user', path: 'policy.json', text: '', content }], () => false);
  const input = (bytes: Buffer, date: () => Promise<string | undefined>): ScanInput => ({
    ecosystem: 'npm',
    filename: 'fresh-1.0.0.tgz',
    bytes,
    firstPublished: () => {
      asked++;
      return date();
    },
  });
  async function withScanner<T>(options: ScannerOptions, use: (scanner: Scanner) => Promise<T>): Promise<T> {
    const scanner = await createScanner({ threads: 1, now: () => NOW, ...options });
    try {
      return await use(scanner);
    } finally {
      await scanner.close();
    }
  }

  it('blocks one of yesterday with its evidence, and gives the same bytes of an old name the same score', () =>
    withScanner({}, async ({ scan }) => {
      const fresh = await scan(input(between, async () => YESTERDAY));
      assert.deepEqual([fresh.verdict, fresh.policy], ['block', 'newcomer']);
      assert.deepEqual(fresh.newcomer, { firstPublished: YESTERDAY, daysAgo: 1 });
      assert(fresh.evidence.length > 0);
      const old = await scan(input(between, async () => LONG_AGO));
      assert.deepEqual([old.verdict, old.policy, old.score], ['allow', undefined, fresh.score]);
      assert.deepEqual(old.evidence, []);
      assert.equal(asked, 2);
    }));

  for (const [what, date] of [
    ['does not say', async () => undefined],
    ['says nonsense', async () => 'some day'],
    ['cannot be asked', () => Promise.reject(new Error('no route'))],
    [
      'breaks while it is asked',
      () => {
        throw new Error('broken');
      },
    ],
    ['never answers', () => new Promise<never>(() => {})],
  ] as const) {
    it(`keeps to the plain threshold where the registry ${what}`, () =>
      withScanner({ dateWaitMs: 50 }, async ({ scan }) => {
        const { verdict, newcomer } = await scan(input(between, date));
        assert.deepEqual([verdict, newcomer, asked], ['allow', undefined, 1]);
      }));
  }

  it('keeps to it where nobody can be asked', () =>
    withScanner({}, async ({ scan }) => {
      const { firstPublished: _, ...file } = input(between, async () => YESTERDAY);
      assert.equal((await scan(file)).verdict, 'allow');
    }));

  it('asks for no date that cannot change the verdict', () =>
    withScanner({}, async ({ scan }) => {
      const harmless = TWINS.find(({ kind }) => kind === 'a client library with its own settings')!;
      assert.equal((await scan(input(tarballOf(harmless), async () => YESTERDAY))).verdict, 'allow');
      const flagged = await scan(input(tarballOf(MALICIOUS[0]!), async () => YESTERDAY));
      assert.deepEqual([flagged.verdict, flagged.policy, flagged.newcomer], ['block', undefined, undefined]);
      assert.equal(asked, 0);
    }));

  it('asks for none where the policy judges new names like others', () =>
    withScanner({ policy: policyOf({ newcomers: 'plain' }) }, async ({ scan }) => {
      assert.equal((await scan(input(between, async () => YESTERDAY))).verdict, 'allow');
      assert.equal(asked, 0);
    }));

  it('lets no new name through for a score of an earlier run, and an old one without reading it again', async () => {
    const expectedIntegrity = sha512(between);
    await withScanner({ cache: true }, async ({ scan }) => {
      assert.equal((await scan(input(between, async () => LONG_AGO))).verdict, 'allow');
    });
    asked = 0;
    await withScanner({ cache: true }, async ({ scan, recall }) => {
      const { bytes: _, ...fresh } = { ...input(between, async () => YESTERDAY), expectedIntegrity };
      assert.equal(await recall(fresh), undefined);
      const { bytes: __, ...old } = { ...input(between, async () => LONG_AGO), expectedIntegrity };
      assert.equal((await recall(old))?.verdict, 'allow');
      assert.equal(asked, 2);
      const again = await scan(input(between, async () => YESTERDAY));
      assert.deepEqual([again.verdict, again.policy], ['block', 'newcomer']);
      assert(again.evidence.length > 0);
    });
  });
});
