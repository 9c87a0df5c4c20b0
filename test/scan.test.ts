import assert from 'node:assert/strict';
import { createScanner, type Scanner, type ScannerOptions } from '../lib/scan.js';
import type { ScanInput, Verdict } from '../lib/types.js';

const MODULE = new URL('./scan/worker-fixture.js', import.meta.url);
const input = (filename: string, content = filename): ScanInput => ({
  ecosystem: 'npm',
  filename,
  bytes: Buffer.from(content),
});

async function withScanner<T>(options: ScannerOptions, use: (scanner: Scanner) => Promise<T>): Promise<T> {
  const scanner = await createScanner({ module: MODULE, threads: 2, ...options });
  try {
    return await use(scanner);
  } finally {
    await scanner.close();
  }
}
const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;
const why = ({ verdict, unverified }: Verdict) => `${verdict} ${unverified?.code} ${unverified?.args.why}`;

describe('scanner', () => {
  it("gives the verdict of the model's score", () =>
    withScanner({}, async ({ scan }) => {
      assert.equal((await scan(input('good'))).verdict, 'allow');
      assert.equal((await scan(input('evil'))).verdict, 'block');
    }));

  for (const [filename, expected] of [
    ['crash', 'unverified scan-failed exit 3'],
    ['throw', 'unverified scan-failed out of the event loop'],
    ['failure', 'unverified scan-failed said so'],
    ['hang', 'unverified scan-failed watchdog'],
    [
      'memory',
      'unverified scan-failed Worker terminated due to reaching memory limit: JS heap out of memory',
    ],
  ] as const) {
    it(`goes on when an artifact makes its worker ${filename}`, () =>
      withScanner({ watchdogMs: 1500, heapMb: 64 }, async ({ scan }) => {
        const good = ['a', 'b', 'c', 'd'].map((name) => scan(input(name)));
        const bad = scan(input(filename));
        const more = ['e', 'f', 'g'].map((name) => scan(input(name)));
        assert.equal(why(await bad), expected);
        for (const verdict of await Promise.all([...good, ...more])) assert.equal(verdict.verdict, 'allow');
      })).timeout(120_000);
  }

  it('does not take a thread that gets no processor time for one that hangs', () =>
    withScanner({ threads: 1, watchdogMs: 1500 }, async ({ scan }) => {
      assert.equal(why(await scan(input('starved'))), 'allow undefined undefined');
    })).timeout(30_000);

  it('ends a thread that waits for what will not come', () =>
    withScanner({ threads: 1, stillSeconds: 3 }, async ({ scan }) => {
      assert.equal(why(await scan(input('stuck'))), 'unverified scan-failed watchdog');
      assert.equal((await scan(input('a'))).verdict, 'allow');
    })).timeout(30_000);

  it('tries an artifact again in a fresh thread when its neighbour may have spoilt the first', () =>
    withScanner({ threads: 1 }, async ({ scan }) => {
      await scan(input('a'));
      assert.equal((await scan(input('crash-when-used'))).verdict, 'allow');
    }));

  it('rejects when the scanner itself cannot work', () =>
    withScanner({}, async ({ scan }) => {
      await assert.rejects(scan(input('model')), {
        name: 'KnownError',
        code: 'model-missing',
        exitCode: 102,
      });
    }));

  it('works on equal inputs once, and not on those that differ in what the registry says', () =>
    withScanner({ threads: 1 }, async ({ scan }) => {
      const [one, two] = await Promise.all([scan(input('x', 'same')), scan(input('y', 'same'))]);
      assert.deepEqual([one.name, two.name], ['x', 'x']);
      const other = await scan({ ...input('z', 'same'), registryManifest: { name: 'z' } });
      assert.equal(other.name, 'z');
      const wheel = await scan({ ...input('w.whl', 'same'), ecosystem: 'pypi' });
      assert.equal(wheel.name, 'w.whl');
    }));

  it('forgets what it has judged when it is to live long', () =>
    withScanner({ threads: 1, forget: true }, async ({ scan }) => {
      const [one, two] = await Promise.all([scan(input('x', 'same')), scan(input('y', 'same'))]);
      assert.deepEqual([one.name, two.name], ['x', 'x'], 'at a time it is worked on once');
      assert.equal((await scan(input('y', 'same'))).name, 'y');
    }));

  it('leaves no thread behind, and rejects what was waiting', async () => {
    const before = threads();
    const scanner = await createScanner({ module: MODULE, threads: 1 });
    const hanging = scanner.scan(input('hang')).catch((error: Error) => error.message);
    const waiting = scanner.scan(input('a')).catch((error: Error) => error.message);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await scanner.close();
    assert.deepEqual([await hanging, await waiting], ['the scanner is closed', 'the scanner is closed']);
    await assert.rejects(scanner.scan(input('b')), /closed/);
    assert.equal(threads(), before);
  });
});
