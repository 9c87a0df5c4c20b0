import { deepEqual, equal } from 'node:assert/strict';
import npa from 'npm-package-arg';
import type { NpmLibraries } from '../../lib/npm/libraries.js';
import { nameDates } from '../../lib/npm/name-dates.js';

describe('npm/name-dates', () => {
  let asked: Record<string, unknown>[];

  /** Dates of a registry that gives these packuments by name, and 404 for others. */
  function datesFrom(packuments: Record<string, unknown>): (name: string) => Promise<string | undefined> {
    asked = [];
    const packument = async (spec: npa.Result, options: Record<string, unknown>): Promise<unknown> => {
      asked.push(options);
      const found = packuments[spec.name ?? ''];
      if (found === undefined) throw new Error('E404');
      return found;
    };
    const libraries = { npa, pacote: { packument } } as unknown as NpmLibraries;
    return nameDates(libraries, { registry: 'https://registry.example.invalid/', timeout: 300_000 });
  }

  it("takes the earliest date of a full packument, with the user's settings, and asks once", async () => {
    const dates = datesFrom({
      '@acme/lib': {
        time: {
          modified: '2026-03-01T00:00:00.000Z',
          '1.0.0': '2026-01-01T00:00:00.000Z',
          created: '2026-01-02T00:00:00.000Z',
          unpublished: { versions: [] },
        },
      },
    });
    const both = await Promise.all([dates('@acme/lib'), dates('@acme/lib')]);
    deepEqual(both, ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z']);
    equal(asked.length, 1);
    const options = asked[0]!;
    deepEqual([options.fullMetadata, options.registry], [true, 'https://registry.example.invalid/']);
    equal(Number(options.timeout) < 15_000, true);
  });

  for (const [what, packument] of [
    ['has no dates', {}],
    ['has an empty list of dates', { time: {} }],
    ['has a date that is none', { time: { created: '2026-01-01', '1.0.0': 'once' } }],
    ['is not there', undefined],
  ] as const) {
    it(`has no date where the packument ${what}`, async () => {
      equal(await datesFrom({ a: packument })('a'), undefined);
    });
  }

  for (const name of [
    'git+ssh://host.invalid/x.git',
    'github:a/b',
    'a/b',
    './folder',
    'file:../x',
    'a@1',
    ' ',
    '',
  ]) {
    it(`asks for nothing by the name ${JSON.stringify(name)}`, async () => {
      equal(await datesFrom({})(name), undefined);
      deepEqual(asked, []);
    });
  }
});
