/**
 * Real pnpm, Yarn and Bun behind the gate, against a registry in this process. Canary files prove what ran; every script
 * here only touches one.
 */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ManagerSandbox, RELEASES, type RealManager, realManager } from '../helpers/managers.js';
import { TestRegistry } from '../helpers/registry.js';
import { packageTarball } from '../helpers/tarball.js';

/** `MANAGERS=full` (`npm run test:managers`) runs all; otherwise the first three of each manager are run. */
const more = process.env.MANAGERS === 'full' ? it : it.skip;

const touch = (name: string) => ({
  install: `node -e "require('fs').writeFileSync(process.env.CANARY_FOLDER+'/${name}','')"`,
});

for (const release of RELEASES) {
  describe(`${release.title} behind the gate`, () => {
    let real: RealManager;
    let registry: TestRegistry;
    let sandbox: ManagerSandbox;
    let thief: string;
    let honest: string;

    before(async function () {
      this.timeout(180_000);
      try {
        real = realManager(release);
      } catch (error) {
        console.log(`      skipped: ${(error as Error).message.split('\n')[0]}`);
        this.skip();
      }
      registry = await new TestRegistry().start();
      thief = registry.publish({ name: 'thief', version: '1.0.0', scripts: touch('thief') });
      honest = registry.publish({ name: 'honest', version: '1.0.0', scripts: touch('honest') });
      registry.publish({ name: 'parent', version: '1.0.0', dependencies: { thief: '1.0.0' } });
      registry.publish({ name: 'maybe', version: '1.0.0', optionalDependencies: { thief: '1.0.0' } });
    });
    after(() => registry?.stop());
    beforeEach(() => {
      sandbox = new ManagerSandbox(real, registry.url);
    });
    afterEach(() => sandbox?.remove());

    const installCommand = () => (real.manager === 'yarn' ? [] : ['install']);
    const contents = (folder: string) => readdirSync(folder).sort();

    it('an honest tree is installed, its scripts run, the lockfile holds no address of the gate', async () => {
      const project = sandbox.project('project', { honest: '1.0.0' });
      const { code, stderr, stdout, report } = await sandbox.guarded(project, installCommand());
      equal(code, 0, stderr + stdout);
      deepEqual(report, { kind: 'ran', packages: ['allow honest@1.0.0'], notes: [] });
      deepEqual(sandbox.canaries(), ['honest']);
      const lockfile = readFileSync(path.join(project, real.lockfile), 'utf8');
      match(lockfile, /honest/);
      for (const [address] of lockfile.matchAll(/https?:\/\/[^\s"']+/g)) {
        if (address.includes('127.0.0.1')) equal(address.startsWith(registry.url), true, address);
      }
      const ports = [...lockfile.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
      equal(
        ports.every((port) => registry.url.includes(`:${port}/`)),
        true,
        lockfile,
      );
      if (process.env.MANAGERS !== 'full') return;
      // The same command by itself finds nothing to complain of.
      const again = await sandbox.plain(project, installCommand());
      equal(again.code, 0, again.stderr + again.stdout);
    });

    it('a flagged package deep in the tree: 100, no script of any package runs, the project is as before', async () => {
      // Of an optional dependency, whose failures managers swallow.
      const project = sandbox.project('project', { honest: '1.0.0', maybe: '1.0.0' });
      const before = contents(project);
      const { code, stdout, stderr, report } = await sandbox.guarded(project, installCommand(), {
        block: [thief],
      });
      equal(code, 100, stderr + stdout);
      equal(report.kind, 'blocked');
      equal(report.packages.includes('block thief@1.0.0'), true, report.packages.join());
      deepEqual(sandbox.canaries(), []);
      deepEqual(contents(project), before);
    });

    more('a flagged dependency of a dependency is not installed', async () => {
      const project = sandbox.project('project', { parent: '1.0.0' });
      const { code, stderr } = await sandbox.guarded(project, installCommand(), { block: [thief] });
      equal(code, 100, stderr);
      deepEqual(sandbox.canaries(), []);
      equal(existsSync(path.join(project, 'node_modules', 'thief')), false);
    });

    it('what an unguarded run left in a warm store or cache is read all the same', async () => {
      const other = sandbox.project('other', { thief: '1.0.0', honest: '1.0.0' });
      const quiet =
        real.title === 'Yarn 4' ? ['install', '--mode=skip-build'] : ['install', '--ignore-scripts'];
      const warm = await sandbox.plain(other, quiet);
      equal(warm.code, 0, warm.stderr + warm.stdout);
      deepEqual(sandbox.canaries(), []);
      const project = sandbox.project('project', { thief: '1.0.0' });
      writeFileSync(path.join(project, real.lockfile), readFileSync(path.join(other, real.lockfile)));
      const { code, stderr } = await sandbox.guarded(project, installCommand(), { block: [thief] });
      equal(code, 100, stderr);
      deepEqual(sandbox.canaries(), []);
      if (process.env.MANAGERS !== 'full') return;
      // And with everything in place but its scripts.
      const inPlace = await sandbox.guarded(other, installCommand(), { block: [thief] });
      equal(inPlace.code, 100, inPlace.stderr);
      deepEqual(sandbox.canaries(), []);
    });

    if (release.title === 'Yarn 4') {
      it('a cache committed with the project, wherever it says that is, is read', async () => {
        registry.publish({ name: 'noted', version: '1.0.0', description: 'blocked' });
        const project = sandbox.project('project', { noted: '1.0.0' });
        writeFileSync(
          path.join(project, '.yarnrc.yml'),
          'nodeLinker: node-modules\nenableGlobalCache: false\ncacheFolder: ./vendored\n',
        );
        const made = await sandbox.plain(project, ['install']);
        equal(made.code, 0, made.stderr + made.stdout);
        rmSync(path.join(project, 'node_modules'), { recursive: true });
        const { code, stderr, report } = await sandbox.guarded(project, ['install']);
        equal(code, 100, stderr);
        deepEqual(report.packages, ['block noted@1.0.0']);
        equal(existsSync(path.join(project, 'node_modules')), false);
      });
    }

    more('adding a flagged package: 100, package.json and lockfile as before', async () => {
      const project = sandbox.project('project', { honest: '1.0.0' });
      const first = await sandbox.guarded(project, installCommand());
      equal(first.code, 0, first.stderr + first.stdout);
      const manifest = readFileSync(path.join(project, 'package.json'), 'utf8');
      const lockfile = readFileSync(path.join(project, real.lockfile), 'utf8');
      const { code, stderr } = await sandbox.guarded(project, ['add', 'thief@1.0.0'], { block: [thief] });
      equal(code, 100, stderr);
      equal(readFileSync(path.join(project, 'package.json'), 'utf8'), manifest);
      equal(readFileSync(path.join(project, real.lockfile), 'utf8'), lockfile);
      deepEqual(sandbox.canaries(), ['honest']);
      const added = await sandbox.guarded(project, ['add', 'maybe@1.0.0']);
      equal(added.code, 0, added.stderr + added.stdout);
      match(readFileSync(path.join(project, 'package.json'), 'utf8'), /"maybe"/);
      const removed = await sandbox.guarded(project, ['remove', 'maybe']);
      equal(removed.code, 0, removed.stderr + removed.stdout);
      doesNotMatch(readFileSync(path.join(project, 'package.json'), 'utf8'), /"maybe"/);
    });

    more('unverified: 101; a failing scanner: 102; nothing runs', async () => {
      const project = sandbox.project('project', { honest: '1.0.0' });
      const before = contents(project);
      const unverified = await sandbox.guarded(project, installCommand(), { unverified: [honest] });
      equal(unverified.code, 101, unverified.stderr);
      const crashed = await sandbox.guarded(project, installCommand(), { crash: [honest] });
      equal(crashed.code, 102, crashed.stderr);
      equal(crashed.report.message, 'the model is missing');
      deepEqual(sandbox.canaries(), []);
      deepEqual(contents(project), before);
    });

    more('a git source is unverified and not fetched', async () => {
      const project = sandbox.project('project', { x: 'git+https://host.invalid/x.git' });
      const { code, report } = await sandbox.guarded(project, installCommand());
      equal(code, 101);
      deepEqual(report.packages, ['unverified git+https://host.invalid/x.git']);
    });

    more('an archive that lies in the project is read', async () => {
      const project = sandbox.project('project', { local: 'file:./local.tgz' });
      const bytes = packageTarball({ name: 'local', version: '1.0.0', scripts: touch('local') });
      writeFileSync(path.join(project, 'local.tgz'), bytes);
      const { sha512 } = await import('../helpers/tarball.js');
      const { code, stderr } = await sandbox.guarded(project, installCommand(), { block: [sha512(bytes)] });
      equal(code, 100, stderr);
      deepEqual(sandbox.canaries(), []);
    });

    more('what cannot be resolved is the manager’s to explain', async () => {
      const project = sandbox.project('project', { 'not-there': '1.0.0' });
      const before = contents(project);
      const { code, report, stdout, stderr } = await sandbox.guarded(project, installCommand());
      equal(code === 0 || (code ?? 0) >= 100, false, String(code));
      equal(report.kind === 'refused' || report.kind === 'ran', true, report.kind);
      match(stdout + stderr, /not-there/);
      deepEqual(contents(project), before);
    });

    more('commands that install nothing pass with their own exit code', async () => {
      const project = sandbox.project('project', {});
      const { code, report } = await sandbox.guarded(project, ['run', 'fail']);
      equal(report.kind, 'passed');
      equal(code, (await sandbox.plain(project, ['run', 'fail'])).code);
      const asked = await sandbox.guarded(project, ['--version']);
      equal(asked.code, 0);
      match(asked.stdout, /^\d+\.\d+\.\d+/);
    });

    // Seen to run scripts of packages when not guarded: pnpm 12 installs before `run`, the others install after.
    const installing: Readonly<Record<string, readonly (readonly string[])[]>> = {
      'pnpm 10': [['run', 'hello']],
      'pnpm 12': [['run', 'hello']],
      'Yarn 4': [['version', 'patch']],
      'Bun 1.4': [['r', 'other']],
    };
    for (const argv of installing[release.title] ?? []) {
      it(`what installs on the way runs no script of a flagged package: ${argv.join(' ')}`, async () => {
        const project = sandbox.project('project', { thief: '1.0.0' });
        const file = path.join(project, 'package.json');
        const manifest = { ...JSON.parse(readFileSync(file, 'utf8')), version: '1.0.0' };
        manifest.scripts = { ...manifest.scripts, hello: 'echo hello' };
        writeFileSync(file, JSON.stringify(manifest));
        if (real.manager === 'pnpm') {
          const asked =
            'verifyDepsBeforeRun: install\nonlyBuiltDependencies: [thief]\nallowBuilds: {thief: true}\n';
          writeFileSync(path.join(project, 'pnpm-workspace.yaml'), asked);
        }
        const { code, stdout, stderr } = await sandbox.guarded(project, argv, { block: [thief] });
        equal(code, real.manager === 'pnpm' ? 0 : 100, stderr + stdout);
        if (real.manager === 'pnpm') match(stdout, /hello/);
        else equal(JSON.parse(readFileSync(file, 'utf8')).version, '1.0.0');
        deepEqual(sandbox.canaries(), []);
        equal(existsSync(path.join(project, 'node_modules', 'thief')), false);
      });
    }

    if (release.title === 'Yarn 4') {
      it('version bumps once, and what it installs came through the gate', async () => {
        const project = sandbox.project('project', { honest: '1.0.0' });
        const file = path.join(project, 'package.json');
        const manifest = { ...JSON.parse(readFileSync(file, 'utf8')), version: '1.0.0' };
        writeFileSync(file, JSON.stringify(manifest));
        const { code, stdout, stderr, report } = await sandbox.guarded(project, ['version', 'patch']);
        equal(code, 0, stderr + stdout);
        deepEqual(report.packages, ['allow honest@1.0.0']);
        equal(JSON.parse(readFileSync(file, 'utf8')).version, '1.0.1');
        deepEqual(sandbox.canaries(), ['honest']);
      });
    }

    if (release.title === 'Yarn 4') {
      it('set resolution installs what was judged, and nothing when that is flagged', async () => {
        const scripts = touch('later');
        const later = registry.publish({ name: 'chosen', version: '1.1.0', scripts });
        registry.publish({ name: 'chosen', version: '1.0.0', scripts: touch('chosen') });
        const project = sandbox.project(
          'project',
          { chosen: '~1' },
          { dependenciesMeta: { chosen: { built: true } } },
        );
        const locked = () => readFileSync(path.join(project, 'yarn.lock'), 'utf8');
        const first = await sandbox.guarded(project, ['set', 'resolution', 'chosen@npm:~1', 'npm:1.0.0']);
        equal(first.code, 0, first.stderr + first.stdout);
        deepEqual(first.report, { kind: 'ran', packages: ['allow chosen@1.0.0'], notes: [] });
        match(locked(), /resolution: "chosen@npm:1\.0\.0"/);
        deepEqual(sandbox.canaries(), ['chosen']);
        const before = locked();
        const argv = ['set', 'resolution', 'chosen@npm:~1', 'npm:1.1.0'];
        const { code, stderr } = await sandbox.guarded(project, argv, { block: [later] });
        equal(code, 100, stderr);
        equal(locked(), before);
        deepEqual(sandbox.canaries(), ['chosen']);
      });
    }

    more('a project cannot lead the manager past the gate, and programs it brings are said', async () => {
      const project = sandbox.project('project', { honest: '1.0.0' });
      writeFileSync(path.join(project, '.npmrc'), 'noproxy=127.0.0.1\n');
      const { code, report } = await sandbox.guarded(project, installCommand());
      equal(code, 2);
      match(report.message ?? '', /\.npmrc sets noproxy, which would lead past the gate/);
      rmSync(path.join(project, '.npmrc'));
      writeFileSync(path.join(project, '.npmrc'), 'script-shell=/bin/sh\n');
      const said = await sandbox.guarded(project, installCommand());
      match(said.stderr, /SETTINGS .*script-shell/);
    });

    it('scripts of the project itself and of a workspace are judged before anything is asked for', async () => {
      const scripts = { preinstall: 'node -e "0" blocked-script' };
      const project = sandbox.project('project', { honest: '1.0.0' }, { scripts });
      const asked = registry.requests.length;
      const root = await sandbox.guarded(project, installCommand());
      deepEqual([root.code, root.report.packages], [100, ['block app@1.0.0']]);
      const other = sandbox.files('other', {
        'package.json': JSON.stringify({ name: 'top', private: true, workspaces: ['packages/*'] }),
        'packages/one/package.json': JSON.stringify({ name: 'one', version: '1.0.0', scripts }),
      });
      const workspace = await sandbox.guarded(other, installCommand());
      deepEqual([workspace.code, workspace.report.packages], [100, ['block one@1.0.0']]);
      equal(registry.requests.length, asked);
    });
  });
}
