import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openArtifact } from '../../lib/artifact/open.js';
import { installCommands, ownBuilds, ownScripts } from '../../lib/scan/own-scripts.js';

describe("a project's own install scripts", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'safe-install-own-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const write = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), text);
    }
  };
  const manifest = (scripts: Record<string, string>, more: Record<string, unknown> = {}): string =>
    JSON.stringify({ name: 'app', version: '1.0.0', scripts, ...more }, undefined, 2);
  const filesOf = async (folder = root): Promise<string[] | undefined> =>
    (await ownScripts([folder]))[0]?.input.files?.map((file) => file.path).sort();

  const commands: readonly [string, Record<string, string>, readonly string[]][] = [
    ['nothing an install runs', { test: 'mocha', start: 'node x', prepublishOnly: 'x', prepack: 'y' }, []],
    ['a script of its own', { postinstall: 'node x.js', test: 'mocha' }, ['node x.js']],
    ['in the order they run', { prepare: 'c', install: 'b', preinstall: 'a' }, ['a', 'b', 'c']],
    [
      'what a script runs',
      { prepare: 'npm run build', build: 'tsc', prebuild: 'x' },
      ['npm run build', 'x', 'tsc'],
    ],
    ["npm's script after a changed tree", { dependencies: 'node x' }, ['node x']],
    ["pnpm's own", { 'pnpm:devPreinstall': 'node x' }, ['node x']],
    ['a script that runs itself', { prepare: 'npm run prepare' }, ['npm run prepare']],
    ['no text', { postinstall: ' ' }, []],
  ];
  for (const [what, scripts, expected] of commands) {
    it(`commands: ${what}`, () => deepEqual(installCommands({ scripts }), expected));
  }

  const payload = { 'a/b/pay.js': '1', 'a/b/other.js': '2', 'src/app.js': '3' };
  const reached: readonly [string, Record<string, string>, Record<string, string>, readonly string[]][] = [
    ['a program by its path', { postinstall: 'node a/b/pay.js' }, {}, ['a/b/pay.js']],
    ['a program without its ending', { postinstall: 'node a/b/pay' }, {}, ['a/b/pay.js']],
    ['a program after cd', { postinstall: 'cd a/b && node pay.js' }, {}, ['a/b/pay.js']],
    [
      'a module of a module',
      { prepare: 'node x' },
      { 'x.js': "require('./a/b/pay')" },
      ['a/b/pay.js', 'x.js'],
    ],
    [
      'a folder by its index',
      { prepare: 'node x' },
      { 'x.js': "require('./a')", 'a/index.js': "require('./b/pay')" },
      ['a/b/pay.js', 'a/index.js', 'x.js'],
    ],
    [
      'a path put together from its parts',
      { prepare: 'node x.js' },
      { 'x.js': "require(require('path').join(__dirname, 'a', 'b', 'pay.js'))" },
      ['a/b/pay.js', 'x.js'],
    ],
    [
      'data that is no code by its name',
      { prepare: 'node x.js' },
      {
        'x.js': "eval(String(fs.readFileSync(`${__dirname}/logo.png`)), fs.readFileSync('logo.png'))",
        'logo.png': '4',
      },
      ['logo.png', 'x.js'],
    ],
    [
      'a shell script',
      { install: 'sh set-up' },
      { 'set-up': 'node ./a/b/pay.js\n' },
      ['a/b/pay.js', 'set-up'],
    ],
    [
      'a module of a Python program',
      { install: 'python3 x.py' },
      { 'x.py': 'from helper import go\n', 'helper.py': 'def go(): pass\n' },
      ['helper.py', 'x.py'],
    ],
    ['a script of another name', { prepare: 'npm run go', go: 'node a/b/pay.js' }, {}, ['a/b/pay.js']],
    ['a program of a dependency', { prepare: 'husky', postinstall: 'patch-package' }, {}, []],
    ['nothing outside what is named', { postinstall: 'node -e "1"' }, {}, []],
  ];
  for (const [what, scripts, files, expected] of reached) {
    it(`reads ${what}`, async () => {
      write({ ...payload, ...files, 'package.json': manifest(scripts) });
      deepEqual(await filesOf(), ['package.json', ...expected].sort());
    });
  }

  it('is nothing without scripts, without a manifest, and with one that is no JSON', async () => {
    deepEqual(await ownScripts([root, path.join(root, 'none')]), []);
    write({ 'package.json': manifest({ test: 'x' }) });
    equal(await filesOf(), undefined);
    write({ 'package.json': '{' });
    equal(await filesOf(), undefined);
  });

  it('is a binding.gyp, which npm builds unasked', async () => {
    write({ 'package.json': manifest({}), 'binding.gyp': '{"x": "<!(node a/b/pay.js)"}', ...payload });
    deepEqual(await filesOf(), ['a/b/pay.js', 'binding.gyp', 'package.json']);
    write({ 'package.json': manifest({}, { gypfile: false }) });
    equal(await filesOf(), undefined);
  });

  it('reads a file above a workspace, and follows links in a circle to their end', async () => {
    write({ 'tools/x.js': "require('./y')", 'tools/y.js': "require('./x')" });
    write({ 'packages/one/package.json': manifest({ postinstall: 'node ../../tools/x.js' }) });
    symlinkSync('.', path.join(root, 'tools/self'));
    deepEqual(await filesOf(path.join(root, 'packages/one')), ['package.json', 'tools/x.js', 'tools/y.js']);
  });

  it('stays the same when a dependency or other code changes, and not when a script does', async () => {
    const hash = async () => {
      const [own] = await ownScripts([root]);
      const opened = await openArtifact(own!.input);
      return opened.integrity;
    };
    write({ ...payload, 'package.json': manifest({ postinstall: 'node a/b/pay.js' }) });
    const first = await hash();
    write({
      'src/app.js': 'x',
      'package.json': manifest({ postinstall: 'node a/b/pay.js' }, { dependencies: { a: '1' } }),
    });
    equal(await hash(), first);
    write({ 'a/b/pay.js': 'x' });
    const second = await hash();
    equal(second === first, false);
    write({ 'package.json': manifest({ postinstall: 'node a/b/pay.js --now' }) });
    equal((await hash()) === second, false);
  });

  it('has each script on its own line and no other entry point', async () => {
    const text = manifest(
      { test: 'x', prepare: 'node x.js', postinstall: 'y' },
      { main: 'main.js', bin: 'bin.js' },
    );
    write({ 'package.json': text, 'x.js': '1', 'main.js': '2', 'bin.js': '3' });
    const [own] = await ownScripts([root]);
    const { entryPoints } = await openArtifact(own!.input);
    const lineOf = (key: string) => text.slice(0, text.indexOf(`"${key}"`)).split('\n').length;
    deepEqual(
      entryPoints.map(({ origin, phase, line }) => [origin, phase, line]),
      ['postinstall', 'prepare'].map((key) => [`package.json scripts.${key}`, 'install', lineOf(key)]),
    );
  });

  it('is not judged by a part where it names more than can be read', async () => {
    const names = Array.from({ length: 600 }, (_, at) => `d/f${at}.js`);
    write(Object.fromEntries(names.map((name) => [name, ''])));
    write({
      'package.json': manifest({ postinstall: 'node x.js' }),
      'x.js': names.map((n) => `'./${n}'`).join(),
    });
    const [own] = await ownScripts([root]);
    equal(own?.unverified?.code, 'too-large');
    match(String(own?.unverified?.args.file), /^d\/f\d+\.js$/);
  });

  const builds: readonly [string, Record<string, string>, readonly string[] | undefined][] = [
    ['nothing that builds', { 'app.py': '1' }, undefined],
    [
      'a backend from the index',
      { 'pyproject.toml': '[build-system]\nbuild-backend = "hatchling.build"' },
      undefined,
    ],
    ['setup.py alone', { 'setup.py': 'print(1)', 'app.py': '1' }, ['setup.py']],
    [
      'what setup.py imports and reads',
      {
        'setup.py': 'import pkg.meta\nexec(open("tools/run.py").read())',
        'pkg/__init__.py': '',
        'pkg/meta.py': '',
        'pkg/other.py': '',
        'tools/run.py': '',
      },
      ['pkg/__init__.py', 'pkg/meta.py', 'setup.py', 'tools/run.py'],
    ],
    [
      'a backend in its tree',
      {
        'pyproject.toml': '[build-system]\nbuild-backend = "mine.main"\nbackend-path = ["_build"]',
        '_build/mine/main.py': 'from . import rest',
        '_build/mine/rest.py': '',
        'src/app.py': '',
      },
      ['_build/mine/main.py', '_build/mine/rest.py', 'pyproject.toml'],
    ],
    [
      'what setup.cfg takes a value from',
      {
        'setup.cfg': '[metadata]\nversion = attr: pkg.about.VERSION',
        'pkg/about.py': 'VERSION = 1',
        'pkg/rest.py': '',
      },
      ['pkg/about.py', 'setup.cfg'],
    ],
    [
      "a build tool's own hook",
      { 'pyproject.toml': '[tool.hatch.build.hooks.custom]\npath = "hooks/build.py"', 'hooks/build.py': '' },
      ['hooks/build.py', 'pyproject.toml'],
    ],
  ];
  for (const [what, files, expected] of builds) {
    it(`builds: ${what}`, async () => {
      write(files);
      const [own] = await ownBuilds([root]);
      deepEqual(own?.input.files?.map((file) => file.path).sort(), expected);
      if (own === undefined) return;
      const { entryPoints, unverified } = await openArtifact(own.input);
      equal(unverified, undefined);
      deepEqual([...new Set(entryPoints.map(({ phase }) => phase))], ['install']);
    });
  }
});
