/** npm's other installing commands behind the guard. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, readJson, Sandbox } from '../helpers/sandbox.js';

const touches = (name: string) => `node -e "fs.writeFileSync(process.env.CANARY+'/${name}','')"`;
const TOOL = `#!/usr/bin/env node\nrequire('fs').writeFileSync(process.env.CANARY+'/tool','');console.log('tool', ...process.argv.slice(2));process.exit(7)\n`;

describe("npm's other commands behind the guard", function () {
  this.timeout(120_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;
  let env: NodeJS.ProcessEnv;
  const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    sandbox = new Sandbox(`registry=${registry.url}`);
    canary = path.join(sandbox.root, 'canary');
    fs.mkdirSync(canary);
    env = { CANARY: canary };
  });

  afterEach(async () => {
    deepEqual(sandbox.leftovers(), []);
    sandbox.remove();
    await registry.stop();
  });

  const written = () => fs.readdirSync(canary).sort();
  const succeeded = ({ code, stdout, stderr }: Finished) => equal(code, 0, `${stderr}\n${stdout}`);
  const publishTool = () =>
    registry.publish(
      { name: 'tool', version: '1.0.0', bin: 'cli.js', dependencies: { dep: '1' } },
      { files: { 'cli.js': TOOL } },
    );

  it('npx and npm exec: scanned before they run, exit code and arguments of the tool', async () => {
    const dep = registry.publish({ name: 'dep', version: '1.0.0', scripts: { install: touches('dep') } });
    publishTool();
    const folder = sandbox.project('p');
    const blocked = await sandbox.guarded(
      folder,
      ['--yes', 'tool', '--flag'],
      { block: [dep], npx: true },
      env,
    );
    equal(blocked.code, 100);
    deepEqual(blocked.report.packages.map(({ target }) => target).sort(), ['dep@1.0.0', 'tool@1.0.0']);
    deepEqual(written(), []);
    const ran = await sandbox.guarded(folder, ['--yes', 'tool', '--flag'], { npx: true }, env);
    equal(ran.code, 7);
    match(ran.stdout, /^tool --flag$/m);
    ok(written().includes('tool'));
    const exec = await sandbox.guarded(
      folder,
      ['exec', '--yes', '--package=tool', '--', 'tool', 'x'],
      {},
      env,
    );
    equal(exec.code, 7);
  });

  it('npx does not trust what an unguarded npx has left in its folder', async () => {
    registry.publish({ name: 'dep', version: '1.0.0' });
    publishTool();
    const folder = sandbox.project('p');
    equal((await sandbox.plain(folder, ['exec', '--yes', 'tool'], env)).code, 7);
    fs.rmSync(path.join(canary, 'tool'));
    // Something has changed it since: what is on disk is what would run.
    const cache = path.join(sandbox.home, '.npm/_npx');
    const file = path.join(cache, fs.readdirSync(cache)[0]!, 'node_modules/dep/package.json');
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace('"dep"', '"dep", "description": "blocked-folder"'),
    );
    const blocked = await sandbox.guarded(folder, ['tool'], { npx: true }, env);
    equal(blocked.code, 100, blocked.stderr);
    deepEqual(blocked.report.packages.map(({ target }) => target).sort(), ['dep@1.0.0', 'tool@1.0.0']);
    deepEqual(written(), []);
    fs.rmSync(path.join(sandbox.home, '.npm/_npx'), { recursive: true });
    equal((await sandbox.guarded(folder, ['--yes', 'tool'], { npx: true }, env)).code, 7);
  });

  it('npx of a program the project has runs it, fetching nothing', async () => {
    registry.publish({ name: 'dep', version: '1.0.0' });
    const tool = publishTool();
    const folder = sandbox.project('p');
    succeeded(await sandbox.plain(folder, ['install', 'tool']));
    const asked = registry.requests.length;
    const result = await sandbox.guarded(folder, ['tool'], { npx: true, block: [tool] }, env);
    equal(result.code, 7);
    equal(result.report.kind, 'passed');
    equal(registry.requests.length, asked);
  });

  it('npm init NAME runs create-NAME, scanned', async () => {
    const create = registry.publish(
      { name: 'create-thing', version: '1.0.0', bin: 'cli.js' },
      { files: { 'cli.js': TOOL } },
    );
    const folder = sandbox.project('p');
    equal((await sandbox.guarded(folder, ['init', '--yes', 'thing'], { block: [create] }, env)).code, 100);
    deepEqual(written(), []);
    equal((await sandbox.guarded(folder, ['create', '--yes', 'thing', 'arg'], {}, env)).code, 7);
    deepEqual(written(), ['tool']);
  });

  it('update, dedupe, prune and uninstall give what plain npm gives, and are scanned', async () => {
    registry.publish({ name: 'leaf', version: '1.0.0' });
    registry.publish({ name: 'mid', version: '1.0.0', dependencies: { leaf: '~1.0.0' } });
    const manifest = { name: 'app', version: '1.0.0', dependencies: { mid: '^1.0.0', leaf: '^1.0.0' } };
    const made = sandbox.project('made', { 'package.json': manifest });
    succeeded(await sandbox.plain(made, ['install']));
    const newer = registry.publish({ name: 'leaf', version: '1.1.0', scripts: { install: touches('leaf') } });
    const lock = fs.readFileSync(path.join(made, 'package-lock.json'), 'utf8');
    for (const args of [
      ['update'],
      ['up', 'leaf'],
      ['dedupe'],
      ['uninstall', 'mid'],
      ['prune', '--omit=dev'],
    ]) {
      const compared: string[] = [];
      for (const kind of ['plain', 'guarded'] as const) {
        const folder = sandbox.project(`${args.join('')}/${kind}`, {
          'package.json': manifest,
          'package-lock.json': lock,
        });
        succeeded(await sandbox.plain(folder, ['ci', '--ignore-scripts']));
        const all = [...args, ...approved];
        succeeded(
          await (kind === 'plain' ? sandbox.plain(folder, all, env) : sandbox.guarded(folder, all, {}, env)),
        );
        compared.push(fingerprint(folder));
      }
      equal(compared[1], compared[0], args.join(' '));
    }
    for (const name of written()) fs.rmSync(path.join(canary, name));
    const folder = sandbox.project('blocked', { 'package.json': manifest, 'package-lock.json': lock });
    succeeded(await sandbox.plain(folder, ['ci']));
    const before = fingerprint(folder);
    equal((await sandbox.guarded(folder, ['update', ...approved], { block: [newer] }, env)).code, 100);
    equal(fingerprint(folder), before);
    deepEqual(written(), []);
  });

  it('rebuild scans what is on disk', async () => {
    registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    const folder = sandbox.project('p');
    succeeded(await sandbox.plain(folder, ['install', 'x', '--ignore-scripts']));
    succeeded(await sandbox.guarded(folder, ['rebuild', ...approved], {}, env));
    deepEqual(written(), ['x']);
    const manifest = path.join(folder, 'node_modules/x/package.json');
    const edited = {
      ...readJson(manifest),
      description: 'blocked-folder',
      scripts: { install: touches('edited') },
    };
    fs.writeFileSync(manifest, JSON.stringify(edited));
    const result = await sandbox.guarded(folder, ['rb', ...approved], {}, env);
    equal(result.code, 100);
    deepEqual(
      result.report.packages.map(({ verdict }) => verdict),
      ['block'],
    );
    deepEqual(written(), ['x']);
  });

  it('install-test runs the tests of the project after a guarded install', async () => {
    const bad = registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    const folder = sandbox.project('p', {
      'package.json': {
        name: 'app',
        version: '1.0.0',
        dependencies: { x: '1' },
        scripts: { test: touches('test') },
      },
    });
    equal((await sandbox.guarded(folder, ['it', ...approved], { block: [bad] }, env)).code, 100);
    deepEqual(written(), []);
    succeeded(await sandbox.guarded(folder, ['it', ...approved], {}, env));
    deepEqual(written(), ['test', 'x']);
  });

  it('audit fix installs only what was scanned', async () => {
    registry.publish({ name: 'x', version: '1.0.0' });
    const manifest = { name: 'app', version: '1.0.0', dependencies: { x: '^1.0.0' } };
    const folder = sandbox.project('p', { 'package.json': manifest });
    succeeded(await sandbox.plain(folder, ['install']));
    const fixed = registry.publish({ name: 'x', version: '1.0.1', scripts: { install: touches('fixed') } });
    const advisory = {
      id: 1,
      url: 'https://advisories.invalid/1',
      title: 'bad',
      severity: 'high',
      vulnerable_versions: '<1.0.1',
    };
    registry.audit = { x: [advisory] };
    const before = fingerprint(folder);
    equal((await sandbox.guarded(folder, ['audit', 'fix', ...approved], { block: [fixed] }, env)).code, 100);
    equal(fingerprint(folder), before);
    succeeded(await sandbox.guarded(folder, ['audit', 'fix', ...approved], {}, env));
    equal(readJson(folder, 'node_modules/x/package.json').version, '1.0.1');
    deepEqual(written(), ['fixed']);
  });

  it('link: the project itself, a global package, and one that is fetched for it', async () => {
    const bad = registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    const prefix = path.join(sandbox.root, 'prefix');
    const own = sandbox.project('own', { 'package.json': { name: 'own', version: '1.0.0' } });
    const folder = sandbox.project('p');
    const options = { ...env, npm_config_prefix: prefix };
    succeeded(await sandbox.guarded(own, ['link'], {}, options));
    succeeded(await sandbox.guarded(folder, ['link', 'own'], {}, options));
    equal(fs.realpathSync(path.join(folder, 'node_modules/own')), own);
    equal((await sandbox.guarded(folder, ['link', 'x', ...approved], { block: [bad] }, options)).code, 100);
    deepEqual(written(), []);
    succeeded(await sandbox.guarded(folder, ['link', 'x', ...approved], {}, options));
    ok(fs.existsSync(path.join(folder, 'node_modules/x/package.json')));
  });

  it('version in workspaces brings node_modules up to date behind the guard', async () => {
    const bad = registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
    const folder = sandbox.project('p', {
      'package.json': { name: 'app', version: '1.0.0', workspaces: ['a'] },
      'a/package.json': { name: 'a', version: '1.0.0', dependencies: { x: '1' } },
    });
    const args = ['version', 'patch', '-w', 'a', '--no-git-tag-version', ...approved];
    equal((await sandbox.guarded(folder, args, { block: [bad] }, env)).code, 100);
    equal(readJson(folder, 'a/package.json').version, '1.0.0');
    succeeded(await sandbox.guarded(folder, args, {}, env));
    equal(readJson(folder, 'a/package.json').version, '1.0.1');
  });

  for (const [why, where, more] of [
    ['the folder', 'a', {}],
    ['the environment', '', { npm_config_workspaces: 'true' }],
    ['.npmrc', '', {}],
  ] as const) {
    it(`version and init act in workspaces where ${why} says so`, async () => {
      const bad = registry.publish({ name: 'x', version: '1.0.0', scripts: { install: touches('x') } });
      const folder = sandbox.project('p', {
        'package.json': { name: 'app', version: '1.0.0', workspaces: ['a'] },
        'a/package.json': { name: 'a', version: '1.0.0', dependencies: { x: '1' } },
        ...(why === '.npmrc' ? { '.npmrc': 'workspaces=true\n' } : {}),
      });
      const cwd = path.join(folder, where);
      const args = ['version', 'patch', '--no-git-tag-version', ...approved];
      equal((await sandbox.guarded(cwd, args, { block: [bad] }, { ...env, ...more })).code, 100);
      deepEqual([written(), readJson(folder, 'a/package.json').version], [[], '1.0.0']);
      const init = await sandbox.guarded(cwd, ['init', '-y'], { block: [bad] }, { ...env, ...more });
      equal(init.code, 2, init.stderr);
      match(init.report.message ?? '', /^npm init fetches or runs packages/);
      succeeded(await sandbox.guarded(cwd, args, {}, { ...env, ...more }));
      equal(readJson(folder, 'a/package.json').version, '1.0.1');
      deepEqual(written(), ['x']);
    });
  }

  it('version of a project without workspaces installs nothing', async () => {
    const folder = sandbox.project('p');
    const { code, report } = await sandbox.guarded(folder, ['version', 'patch', '--no-git-tag-version']);
    deepEqual([code, report.kind, registry.requests.length], [0, 'passed', 0]);
  });

  it('refuses what is not guarded yet', async () => {
    const folder = sandbox.project('p');
    for (const args of [
      ['pack', 'github:a/b'],
      ['init', '-w', 'a'],
      ['cache', 'add', 'x'],
      ['edit', 'x'],
    ]) {
      const result = await sandbox.guarded(folder, args);
      equal(result.code, 2, `${args}: ${result.stderr}`);
      match(result.report.message ?? '', new RegExp(`^npm ${args[0]} .* not guarded yet`));
    }
    equal(registry.requests.length, 0);
  });
});
