/**
 * Random archives, built from the parts that readers disagree about. Whatever `openArtifact` calls read must be
 * byte for byte what npm (pacote) or pip puts on disk; what it does not call read proves nothing here.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { openArtifact } from '../../lib/artifact/open.js';
import {
  differences,
  digestsOf,
  type PythonUnpacker,
  startPythonUnpacker,
  type Unpacked,
  unpackWithPacote,
} from '../helpers/unpack.js';
import { longName, pax, type TarEntry, tar, type ZipEntry, zip } from './build.js';

// A short run is the same on every machine; a long one (`npm run fuzz`) looks where none has looked.
const run = process.env.FUZZ_RUNS ? { numRuns: Number(process.env.FUZZ_RUNS) } : { numRuns: 150, seed: 1 };
const { numRuns } = run;

const part = fc.constantFrom(
  'package',
  'a',
  'b',
  'A',
  'c.js',
  '.',
  '',
  'x y',
  '.gitignore',
  '.npmignore',
  'é',
  'e\u0301',
);
const name = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ['package', ...parts].join('/')),
  },
  { weight: 1, arbitrary: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'package/../x',
      '/abs/x',
      'package\\x',
      'package/c:/x',
      './package/x',
      'package/',
    ),
  },
);
const body = fc.constantFrom('', '1', '22', 'x'.repeat(512), 'y'.repeat(1300));
const plain = fc.record({ name, body });
const entry: fc.Arbitrary<TarEntry[]> = fc.oneof(
  { weight: 8, arbitrary: plain.map((file) => [file]) },
  { weight: 1, arbitrary: name.map((path) => [{ name: path, type: '5' }]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, name, fc.constantFrom('1', '2'))
      .map(([path, linkname, type]) => [{ name: path, linkname, type }]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(name, fc.constantFrom('7', '3', '6', 'S', 'D', 'V', 'Z', '\0'))
      .map(([path, type]) => [{ name: path, type, body: 'z' }]),
  },
  { weight: 1, arbitrary: fc.tuple(name, plain).map(([path, file]) => [longName(path), file]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.dictionary(
          fc.constantFrom('path', 'size', 'mtime', 'linkpath', 'comment'),
          fc.oneof(name, fc.constantFrom('0', '1', '22', '512')),
        ),
        fc.constantFrom('x', 'g'),
        plain,
      )
      .map(([records, type, file]) => [pax(records, type), file]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(plain, fc.constantFrom('p', 'package'))
      .map(([file, prefix]) => [{ ...file, prefix }]),
  },
);
const MANIFEST: TarEntry = { name: 'package/package.json', body: '{"name":"x","version":"1.0.0"}' };
const entries = fc.array(entry, { minLength: 1, maxLength: 7 }).map((parts) => [MANIFEST, ...parts.flat()]);
const end = fc.boolean();
const member: fc.Arbitrary<ZipEntry> = fc
  .record(
    {
      name,
      body,
      method: fc.constantFrom(0, 8),
      flags: fc.constantFrom(0, 0x800),
      localName: name,
      hidden: fc.boolean(),
      mode: fc.constantFrom(0o100644, 0o100755, 0),
    },
    { requiredKeys: ['name', 'body'] },
  )
  .map(({ localName, hidden, ...rest }) => ({
    ...rest,
    ...(localName?.length === 3 && { localName }),
    ...(hidden && rest.body === '22' && { hidden }),
  }));

describe('random archives against the installing tools', () => {
  let folder = '';
  let python: PythonUnpacker;
  let read = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'safe-install-differential-'));
    python = startPythonUnpacker();
  });
  beforeEach(() => {
    read = 0;
  });
  after(async () => {
    python.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function compare(
    filename: string,
    bytes: Uint8Array,
    unpack: (path: string) => Promise<Unpacked>,
  ): Promise<void> {
    const ecosystem = filename.endsWith('.tgz') ? 'npm' : 'pypi';
    const artifact = await openArtifact({ ecosystem, filename, bytes });
    if (artifact.unverified !== undefined) return;
    const path = join(folder, filename);
    await writeFile(path, bytes);
    const theirs = await unpack(path);
    // What the tool refuses is not installed; being more tolerant than it does no harm.
    if (theirs.files === undefined) return;
    read++;
    assert.deepEqual(differences(digestsOf(artifact), theirs.files), []);
  }

  it('npm tarballs', async () => {
    const property = fc.asyncProperty(entries, end, fc.boolean(), (list, hasEnd, packed) => {
      const bytes = tar(list, { end: hasEnd });
      return compare('x.tgz', packed ? gzipSync(bytes) : bytes, unpackWithPacote);
    });
    await fc.assert(property, run);
    assert.ok(read > numRuns / 10, `only ${read} of ${numRuns} were read at all`);
  });
  it('source archives', async () => {
    const property = fc.asyncProperty(entries, end, (list, hasEnd) =>
      compare('x.tar.gz', gzipSync(tar(list, { end: hasEnd })), python.unpack),
    );
    await fc.assert(property, run);
    assert.ok(read > numRuns / 10, `only ${read} of ${numRuns} were read at all`);
  });
  it('zips', async () => {
    const members = fc.array(member, { minLength: 1, maxLength: 6 });
    const property = fc.asyncProperty(members, (list) => compare('x.zip', zip(list), python.unpack));
    await fc.assert(property, run);
    assert.ok(read > numRuns / 10, `only ${read} of ${numRuns} were read at all`);
  });
  it('wheels', async () => {
    const metadata = { name: 'x-1.dist-info/METADATA', body: 'Name: x\n' };
    const property = fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 6 }), (list) =>
      compare('x-1-py3-none-any.whl', zip([...list, metadata]), python.unpack),
    );
    await fc.assert(property, run);
    assert.ok(read > numRuns / 10, `only ${read} of ${numRuns} were read at all`);
  });
});
