import assert from 'node:assert/strict';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Ecosystem, EntryPoint, OpenedArtifact } from '../../lib/types.js';
import { npmPackage, sdist, wheel } from './build.js';

type Texts = Readonly<Record<string, string>>;

const openBytes = (
  ecosystem: Ecosystem,
  filename: string,
  bytes: Uint8Array,
  registryManifest?: Record<string, unknown>,
) =>
  openArtifact({ ecosystem, filename, bytes, ...(registryManifest !== undefined && { registryManifest }) });
const npm = (manifest: Record<string, unknown>, files: Texts = {}, registry?: Record<string, unknown>) =>
  openBytes(
    'npm',
    'demo.tgz',
    npmPackage({
      'package.json': JSON.stringify({ name: 'demo', version: '1.0.0', ...manifest }, null, 2),
      ...files,
    }),
    registry,
  );
const source = (files: Texts) => openBytes('pypi', 'demo-1.0.tar.gz', sdist(files));
const built = (files: Texts) => openBytes('pypi', 'demo-1.0-py3-none-any.whl', wheel(files));

/** `kind:phase what` of each entry, in order. */
const shown = (artifact: OpenedArtifact) =>
  artifact.entryPoints.map((entry) => `${entry.kind}:${entry.phase} ${what(entry)}`);
const what = ({ run }: EntryPoint) =>
  run.type === 'file'
    ? run.path
    : run.type === 'command'
      ? `$ ${run.command}${run.cwd === '' ? '' : ` in ${run.cwd}`}`
      : run.code.trim().replaceAll('\n', '; ');

interface Case {
  readonly name: string;
  readonly open: () => Promise<OpenedArtifact>;
  readonly entries: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "install scripts in npm's order, then imports, then what npm does not run for a dependency",
    open: () =>
      npm(
        {
          scripts: {
            postinstall: 'node c.js',
            preinstall: 'node a.js',
            install: 'node b.js',
            prepare: 'tsc',
            test: 'mocha',
          },
        },
        { 'index.js': '' },
      ),
    entries: [
      'lifecycle:install $ node a.js',
      'lifecycle:install $ node b.js',
      'lifecycle:install $ node c.js',
      'import:import index.js',
      'lifecycle:runtime $ tsc',
    ],
  },
  {
    name: 'main without suffix',
    open: () => npm({ main: 'lib/main' }, { 'lib/main.js': '' }),
    entries: ['import:import lib/main.js'],
  },
  {
    name: 'main that is a folder',
    open: () => npm({ main: './lib/' }, { 'lib/index.js': '' }),
    entries: ['import:import lib/index.js'],
  },
  {
    name: 'main that leads nowhere: index.js',
    open: () => npm({ main: 'gone.js' }, { 'index.js': '' }),
    entries: ['import:import index.js'],
  },
  {
    name: 'exports of every condition and pattern, declarations left out, each file once',
    open: () =>
      npm(
        {
          main: './index.cjs',
          exports: {
            '.': { types: './index.d.ts', import: './index.mjs', require: './index.cjs' },
            './x/*': './x/*.js',
            './deep': [{ node: './deep.js' }, './deep-other.js'],
            './no': null,
          },
        },
        {
          'index.cjs': '',
          'index.mjs': '',
          'index.d.ts': '',
          'x/a.js': '',
          'x/b.js': '',
          'deep.js': '',
          'deep-other.js': '',
        },
      ),
    entries: [
      'import:import index.cjs',
      'import:import index.mjs',
      'import:import x/a.js',
      'import:import x/b.js',
      'import:import deep.js',
      'import:import deep-other.js',
    ],
  },
  {
    name: 'exports as a string',
    open: () => npm({ exports: './a.js' }, { 'a.js': '' }),
    entries: ['import:import a.js'],
  },
  {
    name: 'module',
    open: () => npm({ main: 'a.js', module: 'b.js' }, { 'a.js': '', 'b.js': '' }),
    entries: ['import:import a.js', 'import:import b.js'],
  },
  {
    name: 'bin as string, object and folder',
    open: async () =>
      npm(
        { bin: { one: './cli.js', 'x/../two': 'other', three: '../../cli3.js' } },
        { 'cli.js': '', other: '', 'cli3.js': '' },
      ),
    entries: ['bin:import cli.js', 'bin:import other', 'bin:import cli3.js'],
  },
  { name: 'bin as string', open: () => npm({ bin: 'run' }, { run: '' }), entries: ['bin:import run'] },
  {
    name: 'directories.bin',
    open: () => npm({ directories: { bin: './bin' } }, { 'bin/a': '', 'bin/b.js': '' }),
    entries: ['bin:import bin/a', 'bin:import bin/b.js'],
  },
  {
    name: 'binding.gyp without a script: npm runs node-gyp, gyp runs commands',
    open: () =>
      npm(
        {},
        {
          'index.js': '',
          'binding.gyp': `# comment with "quote
{ 'targets': [ { 'target_name': 'x', "include_dirs": ["<!@(node -p \\"require('a').include\\")",],
  'includes': ['common.gypi'],
  'actions': [ { 'action_name': 'g', 'action': ['python', 'gen.py', '--out', 'a b'], } ] } ] }`,
          'common.gypi': `{ 'variables': { 'v': '<!(sh -c "echo (1)")' } }`,
        },
      ),
    entries: [
      'lifecycle:install $ node-gyp rebuild',
      `gyp:install $ node -p "require('a').include"`,
      'gyp:install $ python gen.py --out "a b"',
      'gyp:install $ sh -c "echo (1)"',
      'import:import index.js',
    ],
  },
  {
    name: 'binding.gyp beside an install script is read, gypfile false alone is not run',
    open: () => npm({ gypfile: false }, { 'index.js': '', 'binding.gyp': "{'a': '<!(x)'}" }),
    entries: ['import:import index.js'],
  },
  {
    name: 'a gyp file that is no literal still shows its expansions',
    open: () => npm({}, { 'index.js': '', 'binding.gyp': `if x: '<!(curl http://h.invalid)` }),
    entries: [
      'lifecycle:install $ node-gyp rebuild',
      'gyp:install $ curl http://h.invalid',
      'import:import index.js',
    ],
  },
  {
    name: 'scripts of bundled packages run on install',
    open: () =>
      npm(
        { bundleDependencies: ['a'] },
        {
          'index.js': '',
          'node_modules/a/package.json': '{"scripts":{"postinstall":"node x"}}',
          'node_modules/@s/b/package.json': '{"scripts":{"install":"y"}}',
        },
      ),
    entries: [
      'lifecycle:install $ y in node_modules/@s/b',
      'lifecycle:install $ node x in node_modules/a',
      'import:import index.js',
    ],
  },
  {
    name: 'packages lying in node_modules unbundled do not run',
    open: () =>
      npm({}, { 'index.js': '', 'node_modules/a/package.json': '{"scripts":{"postinstall":"node x"}}' }),
    entries: ['lifecycle:runtime $ node x in node_modules/a', 'import:import index.js'],
  },
  {
    name: 'no manifest, index.js: imported as Node would',
    open: () => openBytes('npm', 'x.tgz', npmPackage({ 'index.js': '' })),
    entries: ['import:import index.js'],
  },
  {
    name: 'no manifest: one fallback entry',
    open: () =>
      openBytes('npm', 'x.tgz', npmPackage({ 'lib/deep/z.js': '', 'lib/b.js': '', 'lib/a.js': '' })),
    entries: ['fallback:import lib/a.js'],
  },
  {
    name: 'entries that lead nowhere: one fallback entry',
    open: () => npm({ main: 'gone.js', scripts: { prepare: 'x' } }, { 'src/index.ts': '', 'a.js': '' }),
    entries: ['lifecycle:runtime $ x', 'fallback:import src/index.ts'],
  },
  {
    name: 'types only: nothing runs',
    open: () => npm({ types: 'index.d.ts' }, { 'index.d.ts': '' }),
    entries: [],
  },
  {
    name: 'setup.py, then the package',
    open: () =>
      source({
        'setup.py': '',
        'demo/__init__.py': '',
        'demo/sub/__init__.py': '',
        'tests/__init__.py': '',
        'tests/conftest.py': '',
      }),
    entries: ['setup:install setup.py', 'import:import demo/__init__.py', 'import:runtime tests/conftest.py'],
  },
  {
    name: 'setup.cfg attr and cmdclass, src layout',
    open: () =>
      source({
        'setup.cfg':
          '[metadata]\nversion = attr: demo.about.__version__\n[options]\npackage_dir =\n    = src\ncmdclass =\n    install = hook.Install\n',
        'src/demo/__init__.py': '',
        'src/demo/about.py': '',
        'hook.py': '',
      }),
    entries: [
      'setup:install src/demo/about.py',
      'setup:install hook.py',
      'import:import hook.py',
      'import:import src/demo/__init__.py',
    ],
  },
  {
    name: 'in-tree build backend',
    open: () =>
      source({
        'pyproject.toml': '[build-system]\nbuild-backend = "backend:api"\nbackend-path = ["_build"]\n',
        '_build/backend.py': '',
        'demo.py': '',
      }),
    entries: ['build-backend:install _build/backend.py', 'import:import demo.py'],
  },
  {
    name: 'build hooks of poetry, hatch, pdm',
    open: () =>
      source({
        'pyproject.toml':
          '[tool.poetry.build]\nscript = "b.py"\n[tool.hatch.build.hooks.custom]\n[tool.setuptools.dynamic]\nversion = {attr = "demo.v.x"}\n',
        'b.py': '',
        'hatch_build.py': '',
        'pdm_build.py': '',
        'demo/__init__.py': '',
        'demo/v.py': '',
      }),
    entries: [
      'build-backend:install b.py',
      'build-backend:install hatch_build.py',
      'build-backend:install pdm_build.py',
      'setup:install demo/v.py',
      'import:import b.py',
      'import:import hatch_build.py',
      'import:import pdm_build.py',
      'import:import demo/__init__.py',
    ],
  },
  {
    name: 'wheel: .pth lines, customisation modules, packages, modules',
    open: () =>
      built({
        'a.pth': '# note\nimport os; x\n/some/path\nimport\tsys\nimports\n',
        'sitecustomize.py': '',
        'demo/__init__.py': '',
        'demo/b.pth': 'import no',
        'one.py': '',
      }),
    entries: [
      'pth:install import os; x',
      'pth:install import\tsys',
      'pth:install sitecustomize.py',
      'import:import one.py',
      'import:import demo/__init__.py',
    ],
  },
  {
    name: 'wheel: .pth that the data scheme carries into site-packages',
    open: () =>
      built({ 'demo-1.0.data/data/lib/python3.11/site-packages/x.pth': 'import evil', 'demo.py': '' }),
    entries: ['pth:install import evil', 'import:import demo.py'],
  },
  {
    name: 'wheel: namespace package and top_level.txt',
    open: () =>
      built({
        'ns/demo/__init__.py': '',
        'other/__init__.py': '',
        'demo-1.0.dist-info/top_level.txt': 'ns\n',
      }),
    entries: ['import:import ns/demo/__init__.py'],
  },
  {
    name: 'wheel: a top_level.txt that names what is not there hides nothing',
    open: () => built({ 'other/__init__.py': '', 'demo-1.0.dist-info/top_level.txt': 'gone\n' }),
    entries: ['import:import other/__init__.py'],
  },
  {
    name: 'wheel: commands, plug-ins, scripts',
    open: () =>
      built({
        'demo/__init__.py': '',
        'demo/__main__.py': '',
        'demo-1.0.dist-info/entry_points.txt':
          '[console_scripts]\nrun = demo.cli:main.go\n[pytest11]\nplug = demo.plug\n',
        'demo-1.0.data/scripts/tool': '#!python\n',
      }),
    entries: [
      'import:import demo/__init__.py',
      'bin:runtime demo/__main__.py',
      'bin:import demo-1.0.data/scripts/tool',
      'bin:import from demo.cli import main; main.go()',
      'import:runtime import demo.plug',
    ],
  },
  {
    name: 'commands of setup.cfg and pyproject.toml',
    open: () =>
      source({
        'setup.cfg': '[options.entry_points]\nconsole_scripts =\n  a = demo:a\n',
        'pyproject.toml': '[project.scripts]\nb = "demo.x:b"\n',
        'demo/__init__.py': '',
      }),
    entries: [
      'import:import demo/__init__.py',
      'bin:import from demo import a; a()',
      'bin:import from demo.x import b; b()',
    ],
  },
  {
    name: 'no manifest, no package: one fallback entry',
    open: () => source({ 'stuff/deep/a.py': '', 'tests/b.py': '' }),
    entries: ['fallback:import tests/b.py'],
  },
  {
    name: 'a manifest, and code among the documents alone: no entry',
    open: () =>
      source({ 'pyproject.toml': '[build-system]\nbuild-backend = "maturin"\n', 'docs/conf.py': '' }),
    entries: [],
  },
  {
    name: 'a manifest, and code among the test tools alone: no entry',
    open: () => npm({ main: 'gone.js' }, { 'testing/a.js': '' }),
    entries: [],
  },
  {
    name: 'a manifest, and code among what was built: one fallback entry',
    open: () => npm({ main: 'gone.js' }, { 'dist/a.js': '' }),
    entries: ['fallback:import dist/a.js'],
  },
  {
    name: 'sample packages beside the package: no entry',
    open: () =>
      source({ 'setup.py': '', 'a/__init__.py': '', 'sample/__init__.py': '', 'tools/__init__.py': '' }),
    entries: ['setup:install setup.py', 'import:import a/__init__.py'],
  },
];

describe('entry points', () => {
  for (const { name, open, entries } of CASES) {
    it(name, async () => {
      const artifact = await open();
      assert.equal(artifact.unverified, undefined);
      assert.deepEqual(shown(artifact), entries);
    });
  }
  it('says where an entry stands', async () => {
    const artifact = await npm({ scripts: { postinstall: 'x' } }, { 'index.js': '' });
    const { origin, file, line } = artifact.entryPoints[0]!;
    assert.deepEqual(
      { origin, file, line },
      { origin: 'package.json scripts.postinstall', file: 'package.json', line: 5 },
    );
  });
});

describe('manifests', () => {
  it('names a package by its own manifest', async () => {
    const { name, version } = await npm({});
    assert.deepEqual({ name, version }, { name: 'demo', version: '1.0.0' });
    const python = await source({
      'PKG-INFO': 'Name: Demo.Pkg\nVersion: 2.0\nRequires-Dist: a\nRequires-Dist: b\n\nName: not this\n',
    });
    assert.deepEqual(python.manifest, { name: 'Demo.Pkg', version: '2.0', requires_dist: ['a', 'b'] });
  });
  it('reads them from the project files when there is no metadata', async () => {
    const toml = await source({ 'pyproject.toml': '[project]\nname = "p"\nversion = "1"\n' });
    assert.deepEqual([toml.name, toml.version], ['p', '1']);
    const cfg = await source({ 'setup.cfg': '[metadata]\nname = c\nversion = 3\n' });
    assert.deepEqual([cfg.name, cfg.version], ['c', '3']);
  });
});

describe('manifest against the registry', () => {
  const fields = async (own: Record<string, unknown>, registry: Record<string, unknown>, files: Texts = {}) =>
    (await npm(own, { 'index.js': '', ...files }, { name: 'demo', version: '1.0.0', ...registry })).findings
      .filter((f) => f.code === 'manifest-mismatch')
      .map((f) => f.args.field);
  it('finds a hidden script, dependency and command, in both directions', async () => {
    assert.deepEqual(await fields({ scripts: { install: 'x' } }, { scripts: {} }), ['scripts.install']);
    assert.deepEqual(await fields({}, { scripts: { postinstall: 'x' } }), ['scripts.postinstall']);
    assert.deepEqual(await fields({ dependencies: { a: '1' } }, { dependencies: {} }), ['dependencies.a']);
    assert.deepEqual(await fields({}, { dependencies: { a: '1' } }), ['dependencies.a']);
    assert.deepEqual(await fields({ bin: { x: 'a.js' } }, { bin: { x: 'b.js' } }), ['bin']);
    assert.deepEqual(await fields({}, { version: '1.0.1' }), ['version']);
    assert.deepEqual(await fields({ scripts: { install: 'x' } }, { hasInstallScript: false }), ['scripts']);
  });
  it('lets pass what publishing itself changes', async () => {
    assert.deepEqual(await fields({ bin: './x.js' }, { bin: { demo: 'x.js' } }), []);
    assert.deepEqual(await fields({ version: 'v1.0.0' }, {}), []);
    assert.deepEqual(
      await fields({}, { scripts: { install: 'node-gyp rebuild' }, gypfile: true }, { 'binding.gyp': '{}' }),
      [],
    );
    assert.deepEqual(
      await fields(
        { optionalDependencies: { a: '1' } },
        { dependencies: { a: '1' }, optionalDependencies: { a: '1' } },
      ),
      [],
    );
    assert.deepEqual(await fields({ scripts: { test: 'x' } }, { scripts: { test: 'y' } }), []);
    assert.deepEqual(await fields({ scripts: { install: 'x' } }, { hasInstallScript: true }), []);
  });
});

describe('RECORD of a wheel', () => {
  it('names code that is not listed or has another hash', async () => {
    const artifact = await built({
      'a.py': '',
      'b.py': '',
      'demo-1.0.dist-info/RECORD': 'a.py,sha256=AAAA,0\n',
    });
    assert.deepEqual(
      artifact.findings.map(({ code, file, args }) => [code, file, args.why]),
      [
        ['record-mismatch', 'a.py', 'other-hash'],
        ['record-mismatch', 'b.py', 'not-listed'],
      ],
    );
  });
});
