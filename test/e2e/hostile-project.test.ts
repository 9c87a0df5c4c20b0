/** A hostile project just cloned, with the built command, the bundled model and the real npm. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { MALICIOUS, type PackageFixture, TWINS } from '../fixtures/packages.js';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, Sandbox } from '../helpers/sandbox.js';

describe('a project just cloned', function () {
  this.timeout(180_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    registry.publish({ name: 'leaf', version: '1.0.0' });
    sandbox = new Sandbox(`registry=${registry.url}`);
    canary = path.join(sandbox.root, 'canary');
    fs.mkdirSync(canary);
  });
  afterEach(async () => {
    sandbox.remove();
    await registry.stop();
  });

  const safeInstall = (cwd: string, argv: readonly string[]): Promise<Finished> =>
    sandbox.command(cwd, argv, { CANARY: canary });

  /** The fixture's scripts and files as those of the folder `at` of a project, whose other scripts are ordinary. */
  function clone({ manifest, files }: PackageFixture, at = ''): string {
    const root = { name: 'app', version: '1.0.0', dependencies: { leaf: '1' }, workspaces: ['packages/*'] };
    return sandbox.project('app', {
      'package.json': at === '' ? { ...root, ...manifest } : root,
      [`${at === '' ? 'packages/one' : at}/package.json`]: {
        name: 'one',
        version: '1.0.0',
        ...(at === '' ? {} : manifest),
      },
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [path.join(at, name), text])),
    });
  }
  const hooked = MALICIOUS.filter(({ manifest }) => manifest.scripts !== undefined);
  const [twin] = TWINS.filter(({ manifest }) => manifest.scripts !== undefined);

  for (const [command, fixture, at] of [
    ['install', hooked[0]!, ''],
    ['ci', hooked[1]!, ''],
    ['update', hooked[0]!, 'packages/one'],
    ['install', hooked[1]!, 'packages/one'],
  ] as const) {
    it(`${command}: stops ${fixture.kind} of ${at || 'the root'} before anything is asked for`, async () => {
      const folder = clone(fixture, at);
      const before = fingerprint(folder);
      const { code, stdout, stderr } = await safeInstall(folder, [command]);
      assert.equal(code, 100, stderr);
      assert.equal(stdout, '');
      const name = at === '' ? 'app' : 'one';
      assert.match(stderr, new RegExp(`✗ blocked ${name}@1\\.0\\.0 \\(this project's own scripts\\)`));
      assert.match(stderr, /\n {4}safe-install trust\n/);
      assert.doesNotMatch(stderr, /safe-install allow/);
      assert.deepEqual(registry.requests, []);
      assert.deepEqual(fs.readdirSync(canary), []);
      assert.equal(fingerprint(folder), before);
    });
  }

  it('an honest script runs and nothing is said of it', async () => {
    const folder = clone(twin!);
    const { code, stderr } = await safeInstall(folder, []);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^safe-install: 1 package read, none flagged/m);
    assert.doesNotMatch(stderr, /own scripts|trust/);
    assert.deepEqual(fs.readdirSync(canary), ['ran']);
  });

  it('flagged scripts run once they are accepted, which is said, and only as long as they stay as they are', async () => {
    const folder = clone(hooked[0]!);
    const trusted = await safeInstall(folder, ['trust']);
    assert.equal(trusted.code, 0, trusted.stderr);
    assert.match(trusted.stderr, /✗ blocked app@1\.0\.0[\s\S]*accepted as they stand now\n$/);
    const first = await safeInstall(folder, []);
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stderr,
      /the install scripts of .*app are flagged; you have accepted them as they are/,
    );
    assert.deepEqual(fs.readdirSync(canary), ['ran']);
    fs.appendFileSync(path.join(folder, 'setup.js'), '// changed\n');
    const second = await safeInstall(folder, []);
    assert.equal(second.code, 100, second.stderr);
    const elsewhere = path.join(sandbox.root, 'elsewhere');
    fs.cpSync(folder, elsewhere, { recursive: true });
    assert.equal((await safeInstall(elsewhere, [])).code, 100);
  });

  it('a policy that loosens, and settings, are said before anything is asked for, and loosen nothing', async () => {
    registry.publish({ name: 'evil', version: '1.0.0', ...hooked[0]!.manifest }, { files: hooked[0]!.files });
    const folder = sandbox.project('app', {
      'package.json': { name: 'app', version: '1.0.0', dependencies: { evil: '1' } },
      'safe-install.json': { threshold: { npm: 1 }, own: [registry.url] },
      '.npmrc': 'git=./git\n',
    });
    let said = '';
    registry.fault('evil', {
      kind: 'call',
      run: () => {
        said ||= 'asked';
      },
    });
    const { code, stderr } = await safeInstall(folder, []);
    assert.equal(code, 100, stderr);
    assert.equal(said, 'asked');
    const lines = stderr.split('\n');
    assert.match(lines[0]!, /policy: .*safe-install\.json would let more through/);
    assert.match(lines[1]!, /this project's \.npmrc sets git=.*git: npm will run this/);
    assert.equal(stderr.match(/would let more through/g)?.length, 1);
    assert.deepEqual(fs.readdirSync(canary), []);
  });
});
