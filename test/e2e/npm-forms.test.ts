/** Every way of saying where and what: options before and after the command, workspaces, other folders, git sources. */
import { deepEqual, equal, match } from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, Sandbox } from '../helpers/sandbox.js';

/** `npm run test:matrix` runs all; otherwise every fifth is run. */
const full = process.env.MATRIX === 'full';

const touches = (name: string) => `node -e "fs.writeFileSync(process.env.CANARY+'/${name}','')"`;

describe('forms of npm commands behind the guard', function () {
  this.timeout(120_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let x: string;
  const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    sandbox = new Sandbox(`registry=${registry.url}`);
    registry.publish({ name: 'x', version: '1.0.0' });
    x = registry.publish({ name: 'x', version: '1.1.0', scripts: { install: touches('x') } });
    registry.publish({ name: 'y', version: '1.0.0' });
    registry.publish(
      { name: 'tool', version: '1.0.0', bin: 'cli.js', dependencies: { x: '^1.1.0' } },
      { files: { 'cli.js': '#!/usr/bin/env node\nconsole.log("tool", ...process.argv.slice(2))\n' } },
    );
  });
  afterEach(async () => {
    deepEqual(sandbox.leftovers(), []);
    sandbox.remove();
    await registry.stop();
  });

  /** A project with a workspace `a`, a folder `sub` of its own, a global prefix and a place for canaries. */
  function world(name: string, dependencies: Record<string, string>) {
    const manifest = (own: string) => ({ name: own, version: '1.0.0', dependencies });
    const folder = sandbox.project(name, {
      'package.json': { ...manifest('app'), workspaces: ['a'] },
      'a/package.json': manifest('a'),
      'sub/package.json': manifest('sub'),
      'canary/.keep': '',
      'global/lib/.keep': '',
    });
    const env = { CANARY: path.join(folder, 'canary'), npm_config_prefix: path.join(folder, 'global') };
    const wrote = () => fs.readdirSync(env.CANARY).filter((entry) => entry !== '.keep');
    return { folder, env, wrote };
  }
  function gitWithCanary(): string {
    const git = path.join(sandbox.root, 'git');
    fs.writeFileSync(git, '#!/bin/sh\n: > "$CANARY/git"\nexit 1\n', { mode: 0o755 });
    return git;
  }
  const succeeded = ({ code, stdout, stderr }: Finished) => equal(code, 0, `${stderr}\n${stdout}`);
  const both = { x: '^1.0.0', y: '^1.0.0' };

  /** Each fetches x 1.1.0, whose script writes a canary. `before`: what plain npm did earlier. */
  const FORMS: readonly { line: string; has?: Record<string, string>; before?: string }[] = [
    { line: 'install -w a x' },
    { line: '-w a install x' },
    { line: 'install --workspace=a x' },
    { line: 'i -ws x' },
    { line: 'install -g x' },
    { line: '-g install x' },
    { line: 'install --location=global x' },
    { line: 'install --prefix sub x' },
    { line: '--prefix=sub i x' },
    { line: '-C sub add x' },
    { line: 'install -- x' },
    { line: 'install --save-dev -- x y' },
    { line: 'ci --prefix sub', has: both, before: 'install --package-lock-only --prefix sub' },
    { line: '-w a ci', has: both, before: 'install --package-lock-only' },
    { line: 'exec --yes -- tool one' },
    { line: '--prefix sub exec --yes tool one' },
    { line: 'exec --yes --package=tool -- tool --flag' },
    { line: '-y x tool' },
    { line: 'update -w a', has: both },
    { line: '--prefix sub update', has: both },
    { line: 'update -- x', has: both },
    { line: 'update -g', before: 'install -g x@1.0.0' },
    { line: '-g update x', before: 'install -g x@1.0.0' },
    { line: 'uninstall -w a y', has: both },
    { line: 'uninstall --prefix sub y', has: both },
    { line: '-C sub rm y', has: both },
    { line: 'uninstall -- y', has: both },
  ];
  for (const [index, { line, has = {}, before }] of FORMS.entries()) {
    const form = full || index % 5 === 0 ? it : it.skip;
    form(`npm ${line}`, async () => {
      const argv = [...approved, ...line.split(' ')];
      const made = async (name: string) => {
        const made = world(name, has);
        if (before !== undefined) succeeded(await sandbox.plain(made.folder, before.split(' '), made.env));
        return made;
      };
      const guarded = await made('guarded');
      const old = fingerprint(guarded.folder);
      const blocked = await sandbox.guarded(guarded.folder, argv, { block: [x] }, guarded.env);
      equal(blocked.code, 100, blocked.stderr);
      deepEqual([guarded.wrote(), fingerprint(guarded.folder) === old], [[], true]);
      const ran = await sandbox.guarded(guarded.folder, argv, {}, guarded.env);
      succeeded(ran);
      deepEqual(guarded.wrote(), ['x']);
      fs.rmSync(path.join(sandbox.home, '.npm/_npx'), { recursive: true, force: true });
      const plain = await made('plain');
      const asBefore = await sandbox.plain(plain.folder, argv, plain.env);
      succeeded(asBefore);
      equal(fingerprint(guarded.folder), fingerprint(plain.folder));
      if (line.includes('tool')) equal(ran.stdout, asBefore.stdout);
    });
  }

  it('npm uninstall -g takes away what is there and fetches nothing', async () => {
    const { folder, env } = world('p', {});
    succeeded(await sandbox.plain(folder, ['install', '-g', 'y'], env));
    const asked = registry.requests.length;
    succeeded(await sandbox.guarded(folder, ['uninstall', '-g', 'y'], { block: [x] }, env));
    equal(fs.existsSync(path.join(folder, 'global/lib/node_modules/y')), false);
    equal(registry.requests.length, asked);
  });

  /** What fetches, and builds, a git source on the way; `git` is a program of this test that leaves a canary. */
  const GIT: readonly [string, number][] = [
    ...[
      'pack git+https://host.invalid/x.git',
      'pack github:a/b',
      'pack y @s/n@a/b',
      'diff --diff=git+https://host.invalid/x.git',
      'diff --diff=y@1.0.0 --diff=a/b',
      'view a/b',
      'view git@host.invalid:a/b',
      'info git+ssh://git@host.invalid/x.git name',
      'publish git+file:///nowhere/x',
      'docs a/b',
      'fund a/b',
      'cache add git+https://host.invalid/x.git',
      'cache add a/b',
      'cache add y',
      'edit y',
    ].map((line): [string, number] => [line, 2]),
    ['install git+https://host.invalid/x.git', 101],
    ['install -g a/b', 101],
    ['exec --yes git+https://host.invalid/x.git', 101],
  ];
  for (const [index, [line, code]] of GIT.entries()) {
    const form = full || index % 5 === 0 ? it : it.skip;
    form(`npm ${line}: exit ${code}, git is not asked`, async () => {
      const { folder, env, wrote } = world('p', {});
      const old = fingerprint(folder);
      const {
        code: ended,
        report,
        stderr,
      } = await sandbox.guarded(folder, line.split(' '), {}, { ...env, npm_config_git: gitWithCanary() });
      equal(ended, code, stderr);
      deepEqual([wrote(), fingerprint(folder) === old], [[], true]);
      if (code === 2)
        match(report.message ?? '', /fetches or runs packages in a way that is not guarded yet/);
      else
        equal(
          report.packages.some(({ verdict }) => verdict === 'unverified'),
          true,
        );
    });
  }

  it('npm exec in a workspace is refused before anything is fetched', async () => {
    const { folder, env, wrote } = world('p', {});
    const run = await sandbox.guarded(folder, ['exec', '--yes', '-w', 'a', '--', 'tool'], {}, env);
    equal(run.code, 2);
    match(run.report.message ?? '', /run it in the workspace's own folder$/);
    deepEqual([wrote(), registry.requests.length], [[], 0]);
  });

  it('npm audit fix in a project with a git source: exit 101, git is not asked', async () => {
    const { folder, env, wrote } = world('p', {});
    const dependencies = { y: '1.0.0', z: 'git+https://host.invalid/z.git' };
    const manifest = { name: 'app', version: '1.0.0', dependencies };
    const resolved = `${dependencies.z}#${'a'.repeat(40)}`;
    const packages = { '': manifest, 'node_modules/z': { version: '1.0.0', resolved } };
    const lock = { name: 'app', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
    fs.writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify(lock));
    const run = await sandbox.guarded(
      folder,
      ['audit', 'fix'],
      {},
      { ...env, npm_config_git: gitWithCanary() },
    );
    equal(run.code, 101, run.stderr);
    deepEqual(wrote(), []);
    equal(fs.existsSync(path.join(folder, 'node_modules')), false);
  });
});
