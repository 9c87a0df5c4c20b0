/** Wheels read before they are asked for, with an index in the test's own memory. */
import { deepEqual, equal } from 'node:assert/strict';
import { PypiGate } from '../../lib/gate/index-pypi.js';
import type { GateRequest } from '../../lib/gate/proxy.js';
import type { UpstreamReply } from '../../lib/gate/upstream.js';
import type { Verdict } from '../../lib/types.js';

describe('wheels whose metadata was asked for', () => {
  const wheel = (at: number): string => `https://files.invalid/p${at}-1.0-py3-none-any.whl`;
  const request = (address: string): GateRequest => ({
    method: 'GET',
    url: new URL(address),
    headers: {},
    body: Buffer.alloc(0),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

  let fetched: string[];
  let underWay: number;
  let most: number;
  let scanned: string[];
  /** Wheels wait until this is called. */
  let release: () => void;

  const gateOf = (size: number, gated = false): PypiGate => {
    fetched = [];
    scanned = [];
    underWay = 0;
    most = 0;
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    release = open;
    const get = async (url: URL): Promise<UpstreamReply> => {
      if (url.href.endsWith('.metadata')) return { status: 200, headers: {}, body: Buffer.from('Name: p\n') };
      fetched.push(url.href);
      most = Math.max(most, ++underWay);
      if (gated) await opened;
      underWay--;
      return { status: 200, headers: {}, body: Buffer.alloc(size, url.href) };
    };
    const gate = new PypiGate({
      scan: async ({ filename }) => {
        scanned.push(filename);
        return { verdict: 'allow', name: filename, version: '1.0' } as Verdict;
      },
      upstream: { get, close: () => {} },
      maxArchiveBytes: 1 << 30,
      inspect: async () => undefined,
      inspectMetadata: () => undefined,
      pathTo: () => [],
      onRefusal: async () => {},
    });
    gate.admit(wheel(0));
    return gate;
  };

  it('are all fetched and scanned before that, four at a time, and once', async () => {
    const gate = gateOf(1000, true);
    for (let at = 0; at < 40; at++) await gate.handle(request(`${wheel(at)}.metadata`));
    await settled();
    equal(fetched.length, 4);
    release();
    await settled();
    equal(most, 4);
    equal(scanned.length, 40);
    for (let at = 0; at < 40; at++) equal((await gate.handle(request(wheel(at)))).status, 200);
    deepEqual([fetched.length, scanned.length], [40, 40]);
    gate.close();
  });

  it('wait while much is held, and what is asked for does not wait with them', async () => {
    const gate = gateOf(20 << 20);
    for (let at = 0; at < 30; at++) {
      await gate.handle(request(`${wheel(at)}.metadata`));
      await settled();
    }
    equal(fetched.length, 4);
    equal((await gate.handle(request(wheel(29)))).status, 200);
    deepEqual(fetched.slice(4), [wheel(29)]);
    // One is taken: there is room for the next few.
    equal((await gate.handle(request(wheel(0)))).status, 200);
    await settled();
    deepEqual(fetched.slice(5), [4, 5, 6, 7].map(wheel));
    gate.close();
  }).timeout(20_000);
});
