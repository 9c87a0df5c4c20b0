/** The real npm behind the guard, against a registry in this process. Verdicts come by hash. */

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, readJson, Sandbox } from '../helpers/sandbox.js';
import { packageTarball } from '../helpers/tarball.js';

/** A script that leaves a file behind where the test can see it. */
const touches = (name: string) => `node -e "fs.writeFileSync(process.env.CANARY+'/${name}','')"`;

describe('npm behind the guard', function () {
  this.timeout(120_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;
  let env: NodeJS.ProcessEnv;
  /** npm 12 runs scripts of dependencies only where they are approved. */
  const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    sandbox = new Sandbox(`registry=${registry.url}`);
    canary = path.join(sandbox.root, 'canary');
    fs.mkdirSync(canary);
    env = { CANARY: canary };
  });

  afterEach(async () => {
    deepEqual(sandbox.leftovers(), [], 'the guard leaves no temporary folder');
    sandbox.remove();
    await registry.stop();
  });

  const written = () => fs.readdirSync(canary).sort();
  const succeeded = ({ code, stdout, stderr }: Finished) => equal(code, 0, `${stderr}\n${stdout}`);

  /** `app → a0 → a1 → a2 → deep`, and 26 more beside it. @returns integrity of `deep` */
  function publishThirty(): string {
    const deep = registry.publish({
      name: 'deep',
      version: '1.0.0',
      scripts: { postinstall: touches('deep') },
    });
    registry.publish({ name: 'a2', version: '1.0.0', dependencies: { deep: '^1.0.0' } });
    registry.publish({ name: 'a1', version: '1.0.0', dependencies: { a2: '^1.0.0' } });
    registry.publish({
      name: 'a0',
      version: '1.0.0',
      dependencies: { a1: '^1.0.0' },
      scripts: { install: touches('a0') },
    });
    const others = Array.from({ length: 26 }, (_, index) => `b${index}`);
    for (const name of others) registry.publish({ name, version: '1.0.0' });
    const dependencies = Object.fromEntries(others.map((name) => [name, '*']));
    registry.publish({ name: 'top', version: '1.0.0', dependencies: { ...dependencies, a0: '*' } });
    return deep;
  }

  it('stops a tree of which one package, four levels down, is blocked', async () => {
    const deep = publishThirty();
    const folder = sandbox.project('p', {
      'package.json': { name: 'app', version: '1.0.0', dependencies: { top: '1' } },
    });
    const before = fingerprint(folder);
    const result = await sandbox.guarded(folder, ['install', ...approved], { block: [deep] }, env);
    equal(result.code, 100);
    equal(result.report.kind, 'blocked');
    equal(result.report.packages.length, 31);
    deepEqual(
      result.report.packages.filter(({ verdict }) => verdict === 'block'),
      [
        {
          target: 'deep@1.0.0',
          verdict: 'block',
          path: ['app', 'top@1.0.0', 'a0@1.0.0', 'a1@1.0.0', 'a2@1.0.0', 'deep@1.0.0'],
        },
      ],
    );
    deepEqual(written(), []);
    equal(fingerprint(folder), before);
  });

  it('installs the same tree when all of it is allowed, and its scripts run', async () => {
    publishThirty();
    const folder = sandbox.project('p', {
      'package.json': { name: 'app', version: '1.0.0', dependencies: { top: '1' } },
    });
    const result = await sandbox.guarded(folder, ['install', ...approved], {}, env);
    succeeded(result);
    deepEqual(written(), ['a0', 'deep']);
    ok(fs.existsSync(path.join(folder, 'node_modules/deep/package.json')));
  });

  it('unverified stops too, with its own exit code', async () => {
    const bad = registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    const folder = sandbox.project('p');
    const result = await sandbox.guarded(folder, ['install', 'x'], { unverified: [bad] }, env);
    equal(result.code, 101);
    equal(fs.existsSync(path.join(folder, 'node_modules')), false);
  });

  describe('gives what plain npm gives', () => {
    /** Runs the same arguments plainly and guarded, each in a fresh copy, and compares all that is on disk. */
    async function same(files: Record<string, unknown>, args: string[], where = '.'): Promise<string> {
      const plain = sandbox.project('plain/app', files);
      const guarded = sandbox.project('guarded/app', files);
      succeeded(await sandbox.plain(path.join(plain, where), args, env));
      const ran = written();
      for (const name of ran) fs.rmSync(path.join(canary, name));
      const result = await sandbox.guarded(path.join(guarded, where), args, {}, env);
      succeeded(result);
      deepEqual(written(), ran, 'the same scripts ran');
      equal(fingerprint(guarded), fingerprint(plain));
      const list = await sandbox.plain(plain, ['ls', '--all', '--json']);
      const guardedList = await sandbox.plain(guarded, ['ls', '--all', '--json']);
      equal(guardedList.stdout.replaceAll(guarded, plain), list.stdout);
      equal(guardedList.code, list.code);
      return guarded;
    }

    beforeEach(() => {
      registry.publish(
        { name: 'leaf', version: '1.0.0', bin: 'cli.js' },
        { files: { 'cli.js': '#!/usr/bin/env node\n' } },
      );
      registry.publish(
        { name: 'leaf', version: '1.2.0', bin: { leaf: './cli.js' } },
        { files: { 'cli.js': '#!/usr/bin/env node\n' } },
      );
      registry.publish({ name: 'leaf', version: '2.0.0-beta.1' }, { tag: 'next' });
      registry.publish({
        name: 'mid',
        version: '1.0.0',
        dependencies: { leaf: '~1.0.0' },
        scripts: { postinstall: touches('mid') },
      });
      registry.publish({ name: 'native-linux', version: '1.0.0', os: ['linux'] });
      registry.publish({ name: 'native-other', version: '1.0.0', os: ['plan9'] });
      registry.publish({
        name: 'peering',
        version: '1.0.0',
        peerDependencies: { leaf: '1' },
        optionalDependencies: { 'native-linux': '1', 'native-other': '1' },
      });
    });

    it('for a fresh add', async () => {
      const folder = await same({}, ['install', 'leaf', 'mid', 'peering', ...approved]);
      const lock = readJson(folder, 'package-lock.json') as {
        packages: Record<string, { resolved: string }>;
      };
      equal(lock.packages['node_modules/mid']?.resolved, `${registry.url}mid/-/mid-1.0.0.tgz`);
      deepEqual(written(), ['mid']);
    });

    it('for a conflict it passes over, with the same words', async () => {
      registry.publish({ name: 'wants-old', version: '1.0.0', peerDependencies: { leaf: '~1.0.0' } });
      const manifest = { name: 'app', version: '1.0.0', dependencies: { leaf: '~1.2.0', 'wants-old': '1' } };
      const args = ['install', '--force'];
      const words = ({ stderr }: Finished) =>
        stderr.split('\n').filter((line) => line.startsWith('npm warn'));
      const plain = await sandbox.plain(sandbox.project('a/app', { 'package.json': manifest }), args);
      const guarded = await sandbox.guarded(sandbox.project('b/app', { 'package.json': manifest }), args);
      ok(words(plain).some((line) => line.includes('ERESOLVE')));
      deepEqual(words(guarded), words(plain));
      await same({ 'package.json': manifest }, args);
    });

    it('for a script that fails: the project is as before', async () => {
      registry.publish({ name: 'failing', version: '1.0.0', scripts: { install: 'exit 3' } });
      const folder = sandbox.project('p');
      const before = fingerprint(folder);
      const args = ['install', 'failing', 'mid', ...approved];
      const result = await sandbox.guarded(folder, args, {}, env);
      notEqual(result.code, 0);
      equal(result.report.kind, 'ran');
      equal(fingerprint(folder), before);
    });

    it('for -D, a tag, an alias and a range', async () => {
      await same({}, ['-D', 'install', 'leaf@next', 'other@npm:leaf@^1.0.0', 'mid@1.x', ...approved]);
    });

    it('for a project with a lockfile: install and ci', async () => {
      const manifest = {
        name: 'app',
        version: '1.0.0',
        dependencies: { mid: '1' },
        devDependencies: { leaf: '1' },
      };
      const made = sandbox.project('made', { 'package.json': manifest });
      succeeded(await sandbox.plain(made, ['install', '--ignore-scripts']));
      const files = {
        'package.json': manifest,
        'package-lock.json': fs.readFileSync(path.join(made, 'package-lock.json'), 'utf8'),
      };
      registry.publish({ name: 'mid', version: '1.9.0' });
      await same(files, ['install', ...approved]);
      fs.rmSync(path.join(sandbox.root, 'plain'), { recursive: true });
      fs.rmSync(path.join(sandbox.root, 'guarded'), { recursive: true });
      await same(files, ['ci', '--omit=dev', ...approved]);
    });

    it('for a lockfile without addresses and one without integrity', async () => {
      const manifest = { name: 'app', version: '1.0.0', dependencies: { mid: '1' } };
      const made = sandbox.project('made', { 'package.json': manifest });
      succeeded(await sandbox.plain(made, ['install', '--ignore-scripts']));
      const lock = readJson(made, 'package-lock.json') as {
        packages: Record<string, Record<string, unknown>>;
      };
      for (const [drop, command] of [
        ['resolved', 'ci'],
        ['integrity', 'ci'],
        ['integrity', 'install'],
      ] as const) {
        const copy = structuredClone(lock);
        for (const entry of Object.values(copy.packages)) delete entry[drop];
        await same({ 'package.json': manifest, 'package-lock.json': copy }, [command, ...approved]);
        fs.rmSync(path.join(sandbox.root, 'plain'), { recursive: true });
        fs.rmSync(path.join(sandbox.root, 'guarded'), { recursive: true });
      }
    });

    it('for a lockfile of hashes by SHA-1, as npm 5 wrote it', async () => {
      const manifest = { name: 'app', version: '1.0.0', dependencies: { mid: '1' } };
      const made = sandbox.project('made', { 'package.json': manifest });
      succeeded(await sandbox.plain(made, ['install', '--ignore-scripts']));
      const lock = readJson(made, 'package-lock.json') as {
        packages: Record<string, { resolved?: string; integrity?: string }>;
      };
      for (const entry of Object.values(lock.packages)) {
        if (entry.resolved === undefined) continue;
        const bytes = Buffer.from(await (await fetch(entry.resolved)).arrayBuffer());
        entry.integrity = `sha1-${createHash('sha1').update(bytes).digest('base64')}`;
      }
      for (const command of ['ci', 'install']) {
        await same({ 'package.json': manifest, 'package-lock.json': lock }, [command, ...approved]);
        fs.rmSync(path.join(sandbox.root, 'plain'), { recursive: true });
        fs.rmSync(path.join(sandbox.root, 'guarded'), { recursive: true });
      }
    });

    it("for a lockfile with the public registry's addresses, served by another registry", async () => {
      const manifest = { name: 'app', version: '1.0.0', dependencies: { mid: '1' } };
      const made = sandbox.project('made', { 'package.json': manifest });
      succeeded(await sandbox.plain(made, ['install', '--ignore-scripts']));
      const lock = fs.readFileSync(path.join(made, 'package-lock.json'), 'utf8');
      const elsewhere = lock.replaceAll(registry.url, 'https://registry.npmjs.org/');
      await same({ 'package.json': manifest, 'package-lock.json': elsewhere }, ['ci', ...approved]);
    });

    it('for node_modules in part there already, with its programs unlinked', async () => {
      const manifest = { name: 'app', version: '1.0.0', dependencies: { mid: '1', leaf: '~1.0.0' } };
      const made = sandbox.project('made', { 'package.json': manifest });
      succeeded(await sandbox.plain(made, ['install', '--ignore-scripts']));
      fs.rmSync(path.join(made, 'node_modules/.bin'), { recursive: true });
      fs.rmSync(path.join(made, 'node_modules/mid'), { recursive: true });
      for (const kind of ['plain', 'guarded'])
        fs.cpSync(made, path.join(sandbox.root, kind, 'app'), { recursive: true, verbatimSymlinks: true });
      await same({ 'package.json': manifest }, ['install', ...approved]);
    });

    it('for the nested and the linked layout', async () => {
      for (const strategy of ['nested', 'linked']) {
        await same({}, ['install', 'mid', 'peering', `--install-strategy=${strategy}`, ...approved]);
        fs.rmSync(path.join(sandbox.root, 'plain'), { recursive: true });
        fs.rmSync(path.join(sandbox.root, 'guarded'), { recursive: true });
      }
    });

    it('for packages that bring a shrinkwrap or bundled dependencies', async () => {
      const locked = {
        name: 'wrapped',
        version: '1.0.0',
        lockfileVersion: 3,
        packages: {
          '': { name: 'wrapped', version: '1.0.0', dependencies: { leaf: '^1.0.0' } },
          'node_modules/leaf': { version: '1.0.0', resolved: `${registry.url}leaf/-/leaf-1.0.0.tgz` },
        },
      };
      registry.publish(
        { name: 'wrapped', version: '1.0.0', dependencies: { leaf: '^1.0.0' } },
        { files: { 'npm-shrinkwrap.json': JSON.stringify(locked) }, packument: { _hasShrinkwrap: true } },
      );
      const inside = { name: 'inside', version: '1.0.0', scripts: { install: touches('inside') } };
      registry.publish(
        { name: 'bundling', version: '1.0.0', dependencies: { inside: '1' }, bundleDependencies: ['inside'] },
        { files: { 'node_modules/inside/package.json': JSON.stringify(inside) } },
      );
      const folder = await same({}, ['install', 'wrapped', 'bundling', ...approved]);
      const nested = path.join(folder, 'node_modules/wrapped/node_modules/leaf');
      equal(
        readJson(fs.existsSync(nested) ? nested : path.join(folder, 'node_modules/leaf'), 'package.json')
          .version,
        '1.0.0',
      );
    });

    it('for a workspace project, all of it and one workspace', async () => {
      const files = {
        'package.json': { name: 'app', version: '1.0.0', workspaces: ['packages/*'] },
        'packages/one/package.json': { name: 'one', version: '1.0.0', dependencies: { leaf: '1', two: '*' } },
        'packages/two/package.json': { name: 'two', version: '1.0.0', dependencies: { mid: '1' } },
      };
      await same(files, ['install', ...approved]);
      fs.rmSync(path.join(sandbox.root, 'plain'), { recursive: true });
      fs.rmSync(path.join(sandbox.root, 'guarded'), { recursive: true });
      await same(files, ['i', 'peering', '-w', 'packages/two', ...approved]);
    });

    it('for folders, local tarballs and remote tarballs', async () => {
      fs.writeFileSync(
        path.join(sandbox.root, 'local.tgz'),
        packageTarball({ name: 'local', version: '3.0.0' }),
      );
      const remote =
        npmMajor() >= 12 ? ['--allow-remote=all', '--allow-file=all', '--allow-directory=all'] : [];
      sandbox.project('folder', {
        'package.json': { name: 'folder', version: '1.0.0', dependencies: { leaf: '1' } },
      });
      const spec = `${registry.url}leaf/-/leaf-1.0.0.tgz`;
      await same({}, ['install', '../../local.tgz', '../../folder', spec, ...remote]);
    });

    it('for a private scope with a token of its own', async () => {
      const secret = await new TestRegistry().start();
      try {
        secret.token = 'open-sesame';
        secret.publish({
          name: '@corp/tool',
          version: '1.0.0',
          dependencies: { leaf: '1' },
          scripts: { install: touches('tool') },
        });
        const host = new URL(secret.url).host;
        const npmrc = `registry=${registry.url}\n@corp:registry=${secret.url}\n//${host}/:_authToken=open-sesame\n`;
        const folder = await same({ '.npmrc': npmrc }, ['install', '@corp/tool', ...approved]);
        const lock = readJson(folder, 'package-lock.json') as {
          packages: Record<string, { resolved: string }>;
        };
        equal(lock.packages['node_modules/@corp/tool']?.resolved, `${secret.url}@corp/tool/-/tool-1.0.0.tgz`);
        equal(
          registry.requests.some(({ authorization }) => authorization !== undefined),
          false,
          'the token stays with its registry',
        );
      } finally {
        await secret.stop();
      }
    });

    it('for a global install into a prefix of its own', async () => {
      for (const kind of ['plain', 'guarded'] as const) {
        const prefix = path.join(sandbox.root, `prefix-${kind}`);
        const args = ['install', '-g', 'leaf', 'mid', `--prefix=${prefix}`, ...approved];
        succeeded(
          await (kind === 'plain'
            ? sandbox.plain(sandbox.root, args, env)
            : sandbox.guarded(sandbox.root, args, {}, env)),
        );
      }
      equal(
        fingerprint(path.join(sandbox.root, 'prefix-guarded')),
        fingerprint(path.join(sandbox.root, 'prefix-plain')),
      );
      ok(fs.existsSync(path.join(sandbox.root, 'prefix-guarded/bin/leaf')));
    });

    it('for scripts: their environment is the one plain npm gives', async () => {
      const show = `node -e "fs.writeFileSync('env.json',JSON.stringify(process.env,Object.keys(process.env).sort(),1))"`;
      registry.publish({ name: 'shows', version: '1.0.0', scripts: { install: show } });
      const read = (folder: string) => {
        const all = readJson(folder, 'node_modules/shows/env.json') as Record<string, string>;
        return Object.fromEntries(
          Object.entries(all).map(([key, value]) => [key, value.replaceAll(folder, '.')]),
        );
      };
      const extra = {
        ...env,
        npm_config_loglevel: 'error',
        NODE_OPTIONS: '--no-deprecation',
        NO_PROXY: 'elsewhere.invalid',
        NPM_CONFIG_CACHE: path.join(sandbox.root, 'cache'),
      };
      const plain = sandbox.project('plain');
      const guarded = sandbox.project('guarded');
      succeeded(await sandbox.plain(plain, ['install', 'shows', ...approved], extra));
      succeeded(await sandbox.guarded(guarded, ['install', 'shows', ...approved], {}, extra));
      deepEqual(read(guarded), read(plain));
    });

    it('for what cannot be met: npm says so itself', async () => {
      const folder = sandbox.project('p');
      for (const args of [
        ['install', 'nowhere'],
        ['install', 'leaf@9'],
        ['ci'],
        ['install', 'peering', 'leaf@next'],
      ]) {
        const plain = await sandbox.plain(folder, args);
        const guarded = await sandbox.guarded(folder, args);
        notEqual(plain.code, 0);
        equal(guarded.code, plain.code);
        match(guarded.report.kind, /^(npm-refused|ran)$/);
        ok(!fs.existsSync(path.join(folder, 'node_modules')));
        const code = plain.stderr.match(/npm error code (\w+)/)?.[1];
        match(guarded.stderr, new RegExp(`npm error code ${code}`));
      }
    });
  });

  describe('pins what was scanned', () => {
    it('when the registry answers the second request for a tarball with other bytes', async () => {
      registry.publish({ name: 'x', version: '1.0.0' }, { integrity: 'none' });
      const evil = packageTarball({ name: 'x', version: '1.0.0', scripts: { install: touches('evil') } });
      registry.fault('x-1.0.0.tgz', { kind: 'bytes', bytes: evil }, 2);
      const folder = sandbox.project('p');
      succeeded(await sandbox.guarded(folder, ['install', 'x', ...approved], {}, env));
      deepEqual(written(), []);
      equal(readJson(folder, 'node_modules/x/package.json').scripts, undefined);
      equal(registry.seen('.tgz').length, 1, 'one request');
    });

    it('when a newer version appears in between', async () => {
      registry.publish({ name: 'x', version: '1.0.0' });
      const newer = () => {
        registry.publish({ name: 'x', version: '1.0.1', scripts: { install: touches('newer') } });
      };
      registry.fault('x-1.0.0.tgz', { kind: 'call', run: newer });
      const folder = sandbox.project('p');
      succeeded(await sandbox.guarded(folder, ['install', 'x', ...approved], {}, env));
      equal(readJson(folder, 'node_modules/x/package.json').version, '1.0.0');
      deepEqual(written(), []);
    });

    it('when the cache already holds other metadata and other bytes', async () => {
      const evil = packageTarball({ name: 'x', version: '1.0.0', scripts: { install: touches('evil') } });
      registry.publish(
        { name: 'x', version: '1.0.0', scripts: { install: touches('evil') } },
        { tarball: evil, integrity: 'none' },
      );
      const first = sandbox.project('first');
      succeeded(await sandbox.plain(first, ['install', 'x', '--ignore-scripts']));
      registry.publish({ name: 'x', version: '1.0.0' });
      const folder = sandbox.project('p');
      const result = await sandbox.guarded(folder, ['install', 'x', ...approved], { block: [] }, env);
      succeeded(result);
      deepEqual(written(), []);
    });

    it('when the packument has a script the tarball has not: it does not run', async () => {
      registry.publish(
        { name: 'x', version: '1.0.0' },
        { packument: { scripts: { postinstall: touches('hidden') }, hasInstallScript: true } },
      );
      const folder = sandbox.project('p');
      succeeded(await sandbox.guarded(folder, ['install', 'x', ...approved], {}, env));
      deepEqual(written(), []);
      fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
      succeeded(await sandbox.guarded(folder, ['ci', ...approved], {}, env));
      deepEqual(written(), []);
    });

    it('when the tarball has a script the packument hides: what npm knows of it is the tarball', async () => {
      registry.publish(
        { name: 'x', version: '1.0.0', scripts: { postinstall: touches('real') } },
        { packument: { scripts: undefined, hasInstallScript: undefined } },
      );
      const folder = sandbox.project('p');
      succeeded(await sandbox.guarded(folder, ['install', 'x', ...approved], {}, env));
      deepEqual(written(), ['real']);
      const lock = readJson(folder, 'package-lock.json') as {
        packages: Record<string, { hasInstallScript?: boolean }>;
      };
      equal(lock.packages['node_modules/x']?.hasInstallScript, true);
    });

    it('when the packument adds a dependency the tarball has not, or hides one it has', async () => {
      registry.publish({ name: 'extra', version: '1.0.0', scripts: { install: touches('extra') } });
      const hidden = registry.publish({ name: 'hidden', version: '1.0.0' });
      registry.publish({ name: 'x', version: '1.0.0' }, { packument: { dependencies: { extra: '1' } } });
      registry.publish(
        { name: 'y', version: '1.0.0', dependencies: { hidden: '1' } },
        { packument: { dependencies: undefined } },
      );
      const folder = sandbox.project('p');
      succeeded(await sandbox.guarded(folder, ['install', 'x', 'y', ...approved], {}, env));
      deepEqual(fs.readdirSync(path.join(folder, 'node_modules')).sort(), [
        '.package-lock.json',
        'hidden',
        'x',
        'y',
      ]);
      deepEqual(written(), []);
      const other = sandbox.project('q');
      equal(
        (await sandbox.guarded(other, ['install', 'y', ...approved], { block: [hidden] }, env)).code,
        100,
      );
    });
  });

  describe('fails closed', () => {
    const faults = {
      'answers 500': { kind: 'status', status: 500 },
      'resets the connection': { kind: 'reset' },
      'sends half a tarball': { kind: 'truncate' },
      'sends other bytes than promised': {
        kind: 'bytes',
        bytes: packageTarball({ name: 'x', version: '1.0.0', evil: true }),
      },
    } as const;
    for (const [title, fault] of Object.entries(faults)) {
      it(`when the registry ${title}`, async () => {
        registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
        registry.fault('.tgz', fault);
        const folder = sandbox.project('p');
        const before = fingerprint(folder);
        const result = await sandbox.guarded(folder, ['install', 'x', ...approved], {}, env);
        equal(result.code, 102);
        match(result.report.message ?? '', /^cannot fetch x@1\.0\.0: [^\n]+$/);
        equal(fingerprint(folder), before);
        deepEqual(written(), []);
      });
    }

    it('when the packument cannot be had', async () => {
      registry.publish({ name: 'x', version: '1.0.0' });
      registry.fault('/x', { kind: 'status', status: 500 });
      const folder = sandbox.project('p');
      const before = fingerprint(folder);
      const result = await sandbox.guarded(folder, ['install', 'x'], {}, env);
      equal(result.code, 102);
      match(result.report.message ?? '', /^cannot resolve the dependency tree: E500[^\n]+$/);
      equal(fingerprint(folder), before);
    });

    it('for git dependencies, direct, deep, optional and in a lockfile: nothing is fetched or run', async () => {
      registry.publish({
        name: 'gitty',
        version: '1.0.0',
        dependencies: { g: 'git+ssh://git@host.invalid/a/b.git' },
      });
      registry.publish({
        name: 'maybe',
        version: '1.0.0',
        optionalDependencies: { g: 'github:a/b#1234567890123456789012345678901234567890' },
      });
      const lock = {
        name: 'app',
        version: '1.0.0',
        lockfileVersion: 3,
        requires: true,
        packages: {
          '': { name: 'app', version: '1.0.0', dependencies: { g: 'git+https://host.invalid/a/b.git' } },
          'node_modules/g': {
            version: '1.0.0',
            resolved: 'git+https://host.invalid/a/b.git#1234567890123456789012345678901234567890',
          },
        },
      };
      const cases: [string[], Record<string, unknown>][] = [
        [['install', 'git+https://host.invalid/a/b.git'], {}],
        [['install', 'gitty'], {}],
        [['install', 'maybe'], {}],
        [
          ['ci'],
          {
            'package.json': {
              name: 'app',
              version: '1.0.0',
              dependencies: { g: 'git+https://host.invalid/a/b.git' },
            },
            'package-lock.json': lock,
          },
        ],
      ];
      for (const [index, [args, files]] of cases.entries()) {
        const folder = sandbox.project(`p${index}`, files);
        const before = fingerprint(folder);
        // npm 12 refuses git sources by itself unless told otherwise.
        const result = await sandbox.guarded(folder, [...args, '--allow-git=all'], {}, env);
        equal(result.code, 101, `${args}: ${result.stderr}`);
        match(result.report.packages[0]?.target ?? '', /host\.invalid|github:a\/b/);
        equal(fingerprint(folder), before);
      }
    });
  });

  it('stops npm when it asks for what was not scanned, and node_modules is as before', async () => {
    registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    registry.publish({ name: 'y', version: '1.0.0' });
    registry.publish({ name: 'late', version: '1.0.0', scripts: { install: touches('late') } });
    const manifest = { name: 'app', version: '1.0.0', dependencies: { y: '1' } };
    for (const kind of ['dependencies', 'optionalDependencies']) {
      const folder = sandbox.project(kind, { 'package.json': manifest });
      succeeded(await sandbox.plain(folder, ['install']));
      const before = fingerprint(path.join(folder, 'node_modules'));
      // The project changes while its dependencies are scanned; for an optional one npm would go on without it.
      const text = JSON.stringify({
        ...manifest,
        [kind]: { ...(kind === 'dependencies' ? { y: '1' } : {}), late: '1' },
      });
      const write = { file: path.join(folder, 'package.json'), text };
      const result = await sandbox.guarded(folder, ['install', 'x', ...approved], { write }, env);
      equal(result.code, 102, result.stderr);
      match(result.report.message ?? '', /^npm asked for http\S+late-1\.0\.0\.tgz, which was not scanned/);
      deepEqual(written(), []);
      equal(fingerprint(path.join(folder, 'node_modules')), before);
    }
  });

  it('ends npm when it is ended, and leaves nothing running', async () => {
    const waits = `node -e "fs.writeFileSync(process.env.CANARY+'/pid',String(process.ppid));setTimeout(()=>{},4000)"`;
    registry.publish({ name: 'x', version: '1.0.0', scripts: { install: waits } });
    const folder = sandbox.project('p');
    const guard = sandbox.startGuarded(folder, ['install', 'x', ...approved], env);
    const ended = new Promise<number | null>((resolve) => guard.on('exit', (code) => resolve(code)));
    while (!fs.existsSync(path.join(canary, 'pid'))) await new Promise((resolve) => setTimeout(resolve, 50));
    guard.kill('SIGTERM');
    notEqual(await ended, 0);
    equal(fs.existsSync(path.join(folder, 'node_modules/x')), false, 'npm has put node_modules back');
  });

  it("keeps npm's own policies: ignore-scripts, min-release-age, strict settings", async () => {
    registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    registry.publish(
      { name: 'x', version: '1.1.0', scripts: { install: touches('x11') } },
      { published: new Date().toISOString() },
    );
    const manifest = { name: 'app', version: '1.0.0', allowScripts: { x: false } };
    const cases: [string[], Record<string, unknown>][] = [
      [['install', 'x', '--ignore-scripts'], {}],
      [['install', 'x', '--min-release-age=3'], {}],
      [['install', 'x'], { 'package.json': manifest }],
      [['install', 'x', '--strict-allow-scripts'], {}],
      [['install', 'x', '--dry-run'], {}],
      [['install', 'x', '--package-lock-only'], {}],
    ];
    for (const [index, [args, files]] of cases.entries()) {
      const plain = sandbox.project(`plain${index}/p`, files);
      const guarded = sandbox.project(`guarded${index}/p`, files);
      const expected = await sandbox.plain(plain, args, env);
      const ran = written();
      for (const name of ran) fs.rmSync(path.join(canary, name));
      const result = await sandbox.guarded(guarded, args, {}, env);
      equal(result.code, expected.code, `${args}: ${result.stderr}`);
      deepEqual(written(), ran, `${args}`);
      for (const name of ran) fs.rmSync(path.join(canary, name));
      equal(fingerprint(guarded), fingerprint(plain), `${args}`);
    }
  });

  describe('is asked by npm', () => {
    const asked = ({ stderr }: Finished): string[] =>
      [...stderr.matchAll(/^npm http fetch GET 200 (\S+)/gm)].map(([, url]) =>
        url!.replace(registry.url, ''),
      );

    beforeEach(() => {
      registry.publish({ name: 'leaf', version: '1.0.0' });
      registry.publish({ name: 'mid', version: '1.0.0', dependencies: { leaf: '1' } });
    });

    it('for what was typed only, in a project with neither lockfile nor packages', async () => {
      const result = await sandbox.guarded(sandbox.project('p'), ['install', 'mid', '--loglevel=http']);
      succeeded(result);
      deepEqual(asked(result), ['mid']);
    });

    it('for nothing, in a project with a lockfile', async () => {
      const folder = sandbox.project('p');
      succeeded(await sandbox.plain(folder, ['install', 'mid']));
      fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
      const result = await sandbox.guarded(folder, ['ci', '--loglevel=http']);
      succeeded(result);
      deepEqual(asked(result), []);
    });

    it('for a tarball that is not any more what was read, and is given that', async () => {
      const folder = sandbox.project('p', { '.npmrc': `cache=${path.join(sandbox.root, 'cache')}` });
      // While it is judged: the bytes in npm's cache become others.
      const content = path.join(sandbox.root, 'cache/_cacache/content-v2/sha512');
      succeeded(await sandbox.plain(folder, ['install', 'leaf']));
      for (const name of ['node_modules', 'package-lock.json'])
        fs.rmSync(path.join(folder, name), { recursive: true });
      const files = fs.readdirSync(content, { recursive: true, encoding: 'utf8' });
      const stored = files
        .map((name) => path.join(content, name))
        .filter((name) => fs.statSync(name).isFile());
      for (const file of stored) fs.chmodSync(file, 0o644);
      const tarball = stored.find((file) => fs.readFileSync(file)[0] === 0x1f)!;
      const setup = { write: { file: tarball, text: 'other bytes' } };
      const result = await sandbox.guarded(folder, ['install', 'leaf', '--loglevel=http'], setup);
      succeeded(result);
      deepEqual(asked(result), ['leaf', 'leaf/-/leaf-1.0.0.tgz']);
      equal(readJson(folder, 'node_modules/leaf/package.json').name, 'leaf');
    });
  });

  it('works offline from a warm cache', async () => {
    registry.publish({ name: 'x', version: '1.0.0' });
    succeeded(await sandbox.plain(sandbox.project('first'), ['install', 'x']));
    const asked = registry.requests.length;
    const folder = sandbox.project('p');
    succeeded(await sandbox.guarded(folder, ['install', 'x', '--offline'], {}, env));
    equal(registry.requests.length, asked);
    ok(fs.existsSync(path.join(folder, 'node_modules/x')));
  });

  it('is not talked out of the gate by the command line, the project or the environment', async () => {
    registry.publish({ name: 'x', version: '1.0.0' }, { integrity: 'none' });
    const evil = packageTarball({ name: 'x', version: '1.0.0', scripts: { install: touches('evil') } });
    registry.fault('x-1.0.0.tgz', { kind: 'bytes', bytes: evil }, 2);
    const host = new URL(registry.url).hostname;
    const folder = sandbox.project('p', {
      '.npmrc': `noproxy=${host}\ncafile=/nowhere.pem\nprefer-offline=true\n`,
    });
    const args = [
      'install',
      '--https-proxy=http://127.0.0.1:1',
      '--cafile',
      '/nowhere.pem',
      `--registry=${registry.url}`,
      'x',
      ...approved,
    ];
    succeeded(await sandbox.guarded(folder, args, {}, { ...env, NO_PROXY: host, npm_config_noproxy: host }));
    equal(registry.seen('.tgz').length, 1);
    deepEqual(written(), []);
    const refused = await sandbox.guarded(folder, ['install', 'x', `--noproxy=${host}`], {}, env);
    equal(refused.code, 2);
    match(refused.report.message ?? '', /^--noproxy on the command line/);
  });

  it("passes npm's security report on to the user's registry", async () => {
    registry.publish({ name: 'x', version: '1.0.0' });
    const folder = sandbox.project('p');
    succeeded(await sandbox.guarded(folder, ['install', 'x', '--audit'], {}, env));
    deepEqual(registry.audited, { x: ['1.0.0'] });
  });

  it('passes commands that install nothing straight through', async () => {
    const folder = sandbox.project('p');
    const result = await sandbox.guarded(folder, ['pkg', 'get', 'version']);
    match(result.stdout, /1\.0\.0/);
    equal(result.report.kind, 'passed');
    equal((await sandbox.guarded(folder, ['run', 'nothing'])).code, 1);
  });
});
