/**
 * Property tests of the archive and manifest readers. `test/fuzz/support.ts` says how long.
 */
import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parseIni } from '../../lib/artifact/ini.js';
import { installFacts, registryAgrees, registryFacts } from '../../lib/artifact/install-facts.js';
import { cleanPath } from '../../lib/artifact/layout.js';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Ecosystem, OpenedArtifact } from '../../lib/types.js';
import { runs as runsOf } from '../fuzz/support.js';
import { npmPackage, pax, sdist, tar, wheel, zip } from './build.js';

const runs = runsOf(300);

const FILENAMES = ['x.tgz', 'x-1.0.tar.gz', 'x-1.0-py3-none-any.whl', 'x.zip', ''] as const;
const reader = fc.record({
  ecosystem: fc.constantFrom<Ecosystem>('npm', 'pypi'),
  filename: fc.constantFrom(...FILENAMES),
});

/** What holds for every artifact, whatever was in it. */
function sound(artifact: OpenedArtifact): void {
  assert.match(artifact.integrity, /^sha512-/);
  for (const [path, file] of artifact.files) {
    assert.equal(cleanPath(path), path);
    assert.equal(file.path, path);
  }
  for (const { run, line } of artifact.entryPoints) {
    assert.ok(line >= 1);
    if (run.type === 'file') assert.ok(artifact.files.has(run.path), run.path);
  }
  // A fault of the reader itself also ends as unverified; here it is a failure.
  assert.notEqual(artifact.unverified?.code, 'scan-failed', JSON.stringify(artifact.unverified));
}
async function check(
  kind: { ecosystem: Ecosystem; filename: string },
  bytes: Uint8Array,
): Promise<OpenedArtifact> {
  const artifact = await openArtifact({ ...kind, bytes });
  sound(artifact);
  return artifact;
}

const NPM = npmPackage({
  'package.json': '{"name":"a","version":"1.0.0","scripts":{"install":"x"}}',
  'index.js': 'a',
  'b/c.js': 'b',
});
const SDIST = sdist({ 'PKG-INFO': 'Name: a\n', 'setup.py': 'x', 'a/__init__.py': 'y' });
const LONG = gzipSync(tar([pax({ path: `package/${'x/'.repeat(90)}y` }), { name: 'package/z', body: 'z' }]));
const WHEEL = wheel({ 'a/__init__.py': 'x'.repeat(500), 'b.pth': 'import a' });
const STORED = zip([{ name: 'a/package.json', body: '{}', method: 0 }], { comment: 'c' });
const SAMPLES = [NPM, SDIST, LONG, WHEEL, STORED];

/** Bytes overwritten, cut out, doubled and cut off. */
const damage = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'cut', 'repeat', 'end'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 600 }),
    value: fc.integer({ min: 0, max: 255 }),
  }),
  { minLength: 1, maxLength: 6 },
);
function damaged(
  bytes: Buffer,
  steps: readonly { kind: string; at: number; length: number; value: number }[],
): Buffer {
  let out = Buffer.from(bytes);
  for (const { kind, at, length, value } of steps) {
    const from = Math.floor(at * out.length);
    if (kind === 'set' && out.length > 0) out[Math.min(from, out.length - 1)] = value;
    else if (kind === 'cut') out = Buffer.concat([out.subarray(0, from), out.subarray(from + length)]);
    else if (kind === 'repeat') out = Buffer.concat([out.subarray(0, from + length), out.subarray(from)]);
    else out = out.subarray(0, from);
  }
  return out;
}

describe('archive readers, for any input', () => {
  it('never throw on arbitrary bytes', () =>
    fc.assert(
      fc.asyncProperty(
        reader,
        fc.uint8Array({ maxLength: 3000 }),
        fc.boolean(),
        async (kind, bytes, packed) => {
          await check(kind, packed ? gzipSync(bytes) : bytes);
        },
      ),
      runs,
    ));

  it('never throw on damaged archives', () =>
    fc.assert(
      fc.asyncProperty(reader, fc.constantFrom(...SAMPLES), damage, async (kind, sample, steps) => {
        await check(kind, damaged(sample, steps));
      }),
      runs,
    ));

  it('never throw on archives damaged below their compression', () =>
    fc.assert(
      fc.asyncProperty(reader, fc.constantFrom(NPM, SDIST, LONG), damage, async (kind, sample, steps) => {
        await check(kind, gzipSync(damaged(gunzipSync(sample), steps)));
      }),
      runs,
    ));

  const segment = fc.stringMatching(/^[A-Za-z0-9_@ +-][A-Za-z0-9_.@ +-]{0,11}$/);
  const tree = fc
    .dictionary(
      fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      fc.uint8Array({ maxLength: 700 }),
      { minKeys: 1, maxKeys: 8 },
    )
    // No file where a folder is, and nothing that changes its name on the way.
    .filter((files) =>
      Object.keys(files).every((path) => !Object.keys(files).some((other) => other.startsWith(`${path}/`))),
    );

  for (const [name, pack, kind] of [
    ['npm tarball', npmPackage, { ecosystem: 'npm', filename: 'x.tgz' }],
    ['source archive', sdist, { ecosystem: 'pypi', filename: 'x.tar.gz' }],
    [
      'wheel',
      (files: Record<string, Uint8Array>) =>
        zip([
          ...Object.entries(files).map(([path, body]) => ({ name: path, body })),
          { name: 'x-1.dist-info/WHEEL' },
        ]),
      { ecosystem: 'pypi', filename: 'x.whl' },
    ],
  ] as const) {
    it(`give back what was packed: ${name}`, () =>
      fc.assert(
        fc.asyncProperty(tree, async (files) => {
          const artifact = await check(kind, pack(files));
          assert.equal(artifact.unverified, undefined);
          const seen = Object.fromEntries(
            [...artifact.files]
              .filter(([path]) => !path.startsWith('x-1.dist-info/'))
              .map(([path, file]) => [path, Buffer.from(file.bytes).toString('hex')]),
          );
          const packed = Object.fromEntries(
            Object.entries(files).map(([path, body]) => [path, Buffer.from(body).toString('hex')]),
          );
          assert.deepEqual(seen, packed);
        }),
        runs,
      ));
  }
});

describe('manifest readers, for any input', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const path = fc.constantFrom(
    './index',
    'lib/',
    './lib/*.js',
    '../..',
    '',
    '*',
    '/',
    './x/*/y',
    'index.js',
    '__proto__',
  );
  const value = fc.oneof(
    json,
    path,
    fc.dictionary(fc.oneof(path, fc.string()), fc.oneof(json, path)),
    fc.array(path),
  );
  const FILES = { 'index.js': '', 'lib/a.js': '', 'lib/index.js': '', 'binding.gyp': '{}', 'x/a/y': '' };

  it('take any package.json', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            name: json,
            version: json,
            main: value,
            module: value,
            bin: value,
            exports: value,
            scripts: value,
            directories: value,
            bundleDependencies: value,
            gypfile: json,
            dependencies: value,
          },
          { requiredKeys: [] },
        ),
        fc.option(
          fc.record(
            {
              scripts: value,
              bin: value,
              dependencies: value,
              name: json,
              version: json,
              hasInstallScript: json,
            },
            { requiredKeys: [] },
          ),
        ),
        async (manifest, registry) => {
          const bytes = npmPackage({ ...FILES, 'package.json': JSON.stringify(manifest) });
          const artifact = await openArtifact({
            ecosystem: 'npm',
            filename: 'x.tgz',
            bytes,
            ...(registry !== null && { registryManifest: registry }),
          });
          sound(artifact);
          assert.equal(artifact.unverified, undefined);
          const facts = registry === null ? undefined : registryFacts(registry);
          // What the score cache goes by, without the archive.
          if (facts !== undefined && registryAgrees(installFacts(artifact.files, artifact.manifest), facts))
            assert.deepEqual(
              artifact.findings.filter(({ code }) => code === 'manifest-mismatch'),
              [],
            );
        },
      ),
      runs,
    ));

  it('take any binding.gyp', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.constantFrom(
              "'",
              '"',
              '{',
              '}',
              '[',
              ']',
              '(',
              ')',
              '<!(',
              '<!@(',
              ',',
              ':',
              '#',
              '\n',
              '\\',
              "'action'",
              'x.gypi',
              "'a'",
            ),
            fc.string(),
          ),
          { maxLength: 60 },
        ),
        async (parts) => {
          const bytes = npmPackage({
            'package.json': '{"name":"a","version":"1.0.0"}',
            'binding.gyp': parts.join(''),
          });
          const artifact = await check({ ecosystem: 'npm', filename: 'x.tgz' }, bytes);
          assert.equal(artifact.unverified, undefined);
        },
      ),
      runs,
    ));

  const lines = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '[metadata]',
          '[options]',
          '[project]',
          '[build-system]',
          '[tool.hatch.build.hooks.custom]',
          'name = x',
          'name: x',
          'Name: x',
          'cmdclass =',
          '  a = b.c',
          'version = attr: a.b',
          'build-backend = "x"',
          'backend-path = ["."]',
          '[console_scripts]',
          'a = b:c',
          'import os',
          '\t',
          '#',
        ),
        fc.string(),
      ),
      { maxLength: 20 },
    )
    .map((all) => all.join('\n'));

  it('take any metadata, setup.cfg, pyproject.toml, entry points, .pth', () =>
    fc.assert(
      fc.asyncProperty(lines, lines, lines, fc.boolean(), async (one, two, three, isWheel) => {
        const files = {
          'setup.cfg': one,
          'pyproject.toml': two,
          'x.pth': three,
          'a/__init__.py': '',
          'a/b.py': '',
          'x.py': '',
        };
        const info = {
          'x-1.dist-info/METADATA': one,
          'x-1.dist-info/entry_points.txt': two,
          'x-1.dist-info/RECORD': three,
          'x-1.dist-info/top_level.txt': one,
        };
        const egg = {
          'PKG-INFO': three,
          'x.egg-info/entry_points.txt': one,
          'x.egg-info/top_level.txt': two,
        };
        const artifact = isWheel
          ? await check(
              { ecosystem: 'pypi', filename: 'x.whl' },
              zip(Object.entries({ ...files, ...info }).map(([name, body]) => ({ name, body }))),
            )
          : await check({ ecosystem: 'pypi', filename: 'x.tar.gz' }, sdist({ ...files, ...egg }));
        assert.equal(artifact.unverified, undefined);
      }),
      runs,
    ));

  it('read back an INI file', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,10}$/);
    const text = fc.stringMatching(/^[A-Za-z0-9 =:.,;]{0,20}$/).map((t) => t.trim());
    fc.assert(
      fc.property(fc.dictionary(word, fc.dictionary(word, text)), (sections) => {
        const written = Object.entries(sections).map(([name, keys]) =>
          [`[${name}]`, ...Object.entries(keys).map(([k, v]) => `${k} = ${v}`)].join('\n'),
        );
        const read = Object.fromEntries(
          [...parseIni(written.join('\n'))].map(([name, keys]) => [
            name,
            Object.fromEntries([...keys].map(([k, v]) => [k, v.value])),
          ]),
        );
        assert.deepEqual(read, JSON.parse(JSON.stringify(sections)));
      }),
      runs,
    );
  });
});
