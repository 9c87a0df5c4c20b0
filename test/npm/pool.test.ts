import { deepEqual, equal } from 'node:assert/strict';
import { Lanes } from '../../lib/npm/pool.js';

describe('lanes', () => {
  /** Work that ends when told to. */
  function gate(): { opened: Promise<void>; open: () => void } {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { opened, open };
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('run as many at a time as allowed, in order', async () => {
    const lanes = new Lanes(2, 100);
    const gates = [gate(), gate(), gate(), gate()];
    const begun: number[] = [];
    const all = gates.map(({ opened }, at) =>
      lanes.run(async () => {
        begun.push(at);
        await opened;
      }),
    );
    await settle();
    deepEqual(begun, [0, 1]);
    gates[1]!.open();
    await settle();
    deepEqual(begun, [0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(all);
    deepEqual(begun, [0, 1, 2, 3]);
  });

  it('begin nothing while too much is held, also when places are free', async () => {
    const lanes = new Lanes(2, 100);
    const first = gate();
    const begun: string[] = [];
    const holding = lanes.run(async ({ hold, release }) => {
      hold(150);
      release();
      await first.opened;
    });
    await settle();
    const rest = ['a', 'b', 'c'].map((name) => lanes.run(async () => void begun.push(name)));
    await settle();
    deepEqual(begun, []);
    first.open();
    await Promise.all([holding, ...rest]);
    deepEqual(begun, ['a', 'b', 'c']);
  });

  it('give places back when work fails', async () => {
    const lanes = new Lanes(1, 100);
    const failed = lanes.run(() => Promise.reject(new Error('no'))).catch((error: Error) => error.message);
    equal(await lanes.run(async () => 'next'), 'next');
    equal(await failed, 'no');
  });
});
