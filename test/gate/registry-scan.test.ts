/** The gate of managers that resolve by themselves: what it tells the scanner of a name's first date. */
import assert from 'node:assert/strict';
import type { GateRequest, GateResponse } from '../../lib/gate/proxy.js';
import { ScanningRegistry } from '../../lib/gate/registry-scan.js';
import type { ScanInput, Verdict } from '../../lib/types.js';
import { packageTarball } from '../helpers/tarball.js';

const CREATED = '2026-06-01T00:00:00.000Z';
const TARBALL = 'https://registry.example.invalid/@acme/lib/-/lib-1.0.0.tgz';
const FULL = 'https://registry.example.invalid/@acme%2flib';

describe('gate/registry-scan', () => {
  let dates: (string | undefined)[];
  let seen: string[];

  /** A registry with this full packument, before it a manager that sends a token; `asks`: the scanner wants the date. */
  function registryOf(packument: GateResponse, asks = true): ScanningRegistry {
    dates = [];
    seen = [];
    const upstream = async ({ url, headers }: GateRequest): Promise<GateResponse> => {
      seen.push(`${headers.authorization ?? 'nobody'} ${url.href}`);
      return /\.tgz$/.test(url.pathname)
        ? { status: 200, body: packageTarball({ name: '@acme/lib', version: '1.0.0' }) }
        : packument;
    };
    return new ScanningRegistry({
      scan: async ({ firstPublished }: ScanInput): Promise<Verdict> => {
        if (asks) dates.push(await firstPublished?.());
        return {
          ecosystem: 'npm',
          name: '@acme/lib',
          version: '1.0.0',
          integrity: '',
          verdict: 'allow',
          findings: [],
          evidence: [],
          opaqueFiles: 0,
          durationMs: 0,
        };
      },
      upstream,
      inspect: async () => undefined,
      onRefusal: async () => {},
      needsDates: false,
      maxArchiveBytes: 1_000_000,
    });
  }
  const fetched = (registry: ScanningRegistry, address: string, accept: string) =>
    registry.handle({
      method: 'GET',
      url: new URL(address),
      headers: { accept, authorization: 'Bearer token' },
      body: Buffer.alloc(0),
    });
  const packument = (time: unknown): GateResponse => ({
    status: 200,
    body: Buffer.from(JSON.stringify({ name: '@acme/lib', time })),
  });

  it('asks for the full packument, with what the manager authenticates by, once', async () => {
    const registry = registryOf(packument({ created: CREATED, '1.0.0': '2026-06-10T00:00:00.000Z' }));
    await fetched(registry, TARBALL, '*/*');
    await fetched(registry, TARBALL.replace('1.0.0', '1.0.1'), '*/*');
    assert.deepEqual(dates, [CREATED, CREATED]);
    assert.deepEqual(
      seen.filter((line) => line.endsWith(FULL)),
      [`Bearer token ${FULL}`],
    );
  });

  it('asks for nothing the scanner does not want to know', async () => {
    await fetched(registryOf(packument({ created: CREATED }), false), TARBALL, '*/*');
    assert.deepEqual(seen, [`Bearer token ${TARBALL}`]);
  });

  for (const [what, answer] of [
    ['without dates', packument(undefined)],
    ['with a date that is none', packument({ created: 'once' })],
    ['that is not there', { status: 404, body: Buffer.from('{}') }],
    ['that is no JSON', { status: 200, body: Buffer.from('no') }],
  ] as const) {
    it(`gives no date for a packument ${what}`, async () => {
      await fetched(registryOf(answer), TARBALL, '*/*');
      assert.deepEqual(dates, [undefined]);
    });
  }

  it('gives none for an address outside the registry form', async () => {
    await fetched(
      registryOf(packument({ created: CREATED })),
      'https://host.example.invalid/lib-1.0.0.tgz',
      '*/*',
    );
    assert.deepEqual(dates, [undefined]);
    assert.equal(seen.length, 1);
  });
});
