import { deepEqual, rejects } from 'node:assert/strict';
import { disagreements, factsOf, overlay, readTarballManifest } from '../../lib/npm/facts.js';
import { makeTarball, packageTarball } from '../helpers/tarball.js';

const facts = async (manifest: Record<string, unknown>, files: Record<string, string> = {}) =>
  factsOf(await readTarballManifest(packageTarball({ name: 'x', version: '1.0.0', ...manifest }, files)));

describe('facts of a tarball', () => {
  it('are read from package.json at its root, whatever the leading folder', async () => {
    const bytes = makeTarball(
      {
        'package.json': '\uFEFF{"scripts":{"install":"a"}}',
        'sub/package.json': '{"scripts":{"install":"b"}}',
      },
      'odd name',
    );
    deepEqual((await readTarballManifest(bytes)).manifest, { scripts: { install: 'a' } });
  });

  it('take the last of several package.json files, as an unpacker does', async () => {
    const once = makeTarball({ 'package.json': '{"name":"first"}' });
    deepEqual((await readTarballManifest(once)).manifest, { name: 'first' });
    const twice = makeTarball({ 'package.json': '{"name":"first"}', './package.json': '{"name":"second"}' });
    deepEqual((await readTarballManifest(twice)).manifest, { name: 'second' });
  });

  it('reject what npm could not read', async () => {
    await rejects(readTarballManifest(makeTarball({ 'package.json': '{"name":' })));
    await rejects(readTarballManifest(Buffer.from('no archive at all')));
  });

  it('hold the build npm would run for a binding.gyp', async () => {
    deepEqual((await facts({}, { 'binding.gyp': '{}' })).scripts, { install: 'node-gyp rebuild' });
    deepEqual((await facts({ gypfile: false }, { 'binding.gyp': '{}' })).scripts, {});
    deepEqual((await facts({ scripts: { preinstall: 'x' } }, { 'binding.gyp': '{}' })).scripts, {
      preinstall: 'x',
    });
  });

  it('bring bins to one form', async () => {
    deepEqual((await facts({ bin: './a/../cli.js' })).bin, { x: 'cli.js' });
    deepEqual((await facts({ bin: { '../../evil': '../../etc/passwd' } })).bin, { evil: 'etc/passwd' });
    deepEqual(
      (await facts({ directories: { bin: './bin' } }, { 'bin/one': '', 'bin/.hidden': '', 'lib/two': '' }))
        .bin,
      { one: 'bin/one' },
    );
  });
});

describe('registry and tarball', () => {
  const publishedForms: [
    string,
    Record<string, unknown>,
    Record<string, unknown>,
    Record<string, string>?,
  ][] = [
    ['nothing at all', {}, {}],
    ['bin as text or map', { bin: { x: 'cli.js' } }, { bin: './cli.js' }],
    [
      'optional dependencies copied',
      { dependencies: { a: '1', b: '2' }, optionalDependencies: { b: '2' } },
      { dependencies: { a: '1' }, optionalDependencies: { b: '2' } },
    ],
    ['empty range', { dependencies: { a: '*' } }, { dependencies: { a: '' } }],
    ['bundled or bundle', { bundleDependencies: ['a'] }, { bundledDependencies: ['a'] }],
    [
      'bundle everything',
      { dependencies: { a: '1' }, bundleDependencies: ['a'] },
      { dependencies: { a: '1' }, bundleDependencies: true },
    ],
    ['os as text', { os: ['linux'] }, { os: 'linux' }],
    [
      'gyp script noticed on publishing',
      { scripts: { install: 'node-gyp rebuild' }, gypfile: true },
      {},
      { 'binding.gyp': '' },
    ],
    ['gyp script not noticed', {}, {}, { 'binding.gyp': '' }],
    ['other scripts', { scripts: { test: 'a' } }, { scripts: { test: 'b', build: 'c' } }],
    ['directories.bin', { bin: { one: 'bin/one' } }, { directories: { bin: 'bin' } }, { 'bin/one': '' }],
  ];
  for (const [title, registry, tarball, files] of publishedForms) {
    it(`agree: ${title}`, async () => {
      deepEqual(disagreements({ name: 'x', version: '1.0.0', ...registry }, await facts(tarball, files)), []);
    });
  }

  it('disagree: each fact by name, and the tarball wins', async () => {
    const registry: Record<string, unknown> = {
      name: 'x',
      scripts: { postinstall: 'evil', test: 'kept?' },
      hasInstallScript: true,
      gypfile: true,
      bin: { git: 'x.js' },
      dependencies: { extra: '1' },
      bundledDependencies: ['extra'],
      os: ['plan9'],
      license: 'MIT',
    };
    const own = await facts({ dependencies: { hidden: '1' }, peerDependencies: { p: '2' } });
    const keys = disagreements(registry, own);
    deepEqual(keys, ['scripts', 'bin', 'dependencies', 'peerDependencies', 'bundleDependencies', 'os']);
    overlay(registry, own, keys);
    deepEqual(registry, {
      name: 'x',
      license: 'MIT',
      dependencies: { hidden: '1' },
      peerDependencies: { p: '2' },
    });
    deepEqual(disagreements(registry, own), []);
  });

  it('disagree: a script the registry hides', async () => {
    const registry: Record<string, unknown> = { name: 'x' };
    const own = await facts({ scripts: { install: 'node x.js' } });
    overlay(registry, own, disagreements(registry, own));
    deepEqual(registry, { name: 'x', scripts: { install: 'node x.js' }, hasInstallScript: true });
  });
});
