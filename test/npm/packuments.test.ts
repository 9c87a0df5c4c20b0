import { deepEqual, equal } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { FrozenPackuments } from '../../lib/npm/packuments.js';

const pickManifest = createRequire(
  createRequire(createRequire(import.meta.url).resolve('@npmcli/arborist')).resolve('pacote'),
)('npm-pick-manifest') as (packument: unknown, wanted: string, options?: object) => { version: string };

const ADDRESS = 'https://r.invalid/x';
const versions = ['1.0.0', '1.1.0', '1.2.0-rc.1', '1.2.0', '2.0.0', '2.1.0', '3.0.0-alpha.1'];
const packument = () => ({
  name: 'x',
  readme: 'long',
  'dist-tags': { latest: '2.0.0', next: '3.0.0-alpha.1', old: '1.1.0' },
  versions: Object.fromEntries(
    versions.map((version) => [
      version,
      {
        name: 'x',
        version,
        description: 'for people',
        ...(version === '1.2.0' && { deprecated: 'no' }),
        ...(version === '2.1.0' && { engines: { node: '>=999' } }),
      },
    ]),
  ),
  time: Object.fromEntries(versions.map((version, at) => [version, `2020-0${at + 1}-01T00:00:00.000Z`])),
});

describe('packuments, reduced', () => {
  const specs = [
    '',
    'latest',
    'next',
    'old',
    '^1.0.0',
    '1.x',
    '~1.1.0',
    '>=1',
    '*',
    '^2.0.0',
    '2.1.0',
    '^3.0.0-alpha',
  ];

  it('answer every question of the resolver as before', () => {
    for (const options of [{}, { before: new Date('2020-04-15') }]) {
      const whole = packument();
      const answers = specs.map((spec) => {
        try {
          return pickManifest(whole, spec, options).version;
        } catch (error) {
          return (error as NodeJS.ErrnoException).code;
        }
      });
      const store = new FrozenPackuments();
      store.set(`full:${ADDRESS}`, packument());
      for (const version of answers) if (/^\d/.test(version!)) store.pick('x', version!);
      store.reduce();
      const left = store.find(ADDRESS, 'full')!;
      for (const [at, spec] of specs.entries()) {
        if (!/^\d/.test(answers[at]!)) continue;
        equal(pickManifest(left, spec, options).version, answers[at], `${spec} ${JSON.stringify(options)}`);
      }
    }
  });

  it('hold what was picked, and what only people read not at all', () => {
    const store = new FrozenPackuments();
    store.set(`full:${ADDRESS}`, packument());
    equal(store.find(ADDRESS)?.readme, undefined);
    store.pick('x', '1.1.0');
    store.reduce();
    const left = store.find(ADDRESS, 'full') as ReturnType<typeof packument>;
    deepEqual(Object.keys(left.versions), ['1.1.0']);
    equal(JSON.stringify(left).includes('for people'), false);
  });

  it('do not stand for the form nobody asked for, so that an audit sees every version', () => {
    const store = new FrozenPackuments();
    store.set(`full:${ADDRESS}`, packument());
    equal(store.find(ADDRESS, 'corgi')?.name, 'x');
    store.pick('x', '1.1.0');
    store.reduce();
    equal(store.find(ADDRESS, 'corgi'), undefined);
  });

  it('stay whole where the resolver does not say which form it asked for', () => {
    const store = new FrozenPackuments();
    store.set(ADDRESS, packument());
    store.pick('x', '1.1.0');
    store.reduce();
    for (const form of ['full', 'corgi'] as const) {
      deepEqual(Object.keys((store.find(ADDRESS, form) as ReturnType<typeof packument>).versions), versions);
    }
  });

  it('stay whole where more than versions decides, or where nothing was picked', () => {
    const store = new FrozenPackuments();
    store.set(`full:${ADDRESS}`, { ...packument(), policyRestrictions: { versions: {} } });
    store.set('full:https://r.invalid/y', { ...packument(), name: 'y' });
    store.pick('x', '1.1.0');
    store.reduce();
    for (const address of [ADDRESS, 'https://r.invalid/y']) {
      const left = store.find(address, 'full') as ReturnType<typeof packument>;
      deepEqual(Object.keys(left.versions), versions);
    }
  });
});
