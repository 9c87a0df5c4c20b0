/**
 * The main job with nothing replaced: the built command, the bundled model, the real npm, a registry in this process. A
 * tree of 30 packages in which one, four levels down, is malicious; and the same tree with its honest twin.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { MALICIOUS, type PackageFixture, TWINS } from '../fixtures/packages.js';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, Sandbox } from '../helpers/sandbox.js';

describe('the main job', function () {
  this.timeout(180_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;
  /** npm 12 runs scripts of dependencies only where they are approved. */
  const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];

  beforeEach(async () => {
    registry = await new TestRegistry().start();
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

  /** `app → top → a0 → a1 → deep`, and 26 more beside it. */
  function publishThirty({ manifest, files }: PackageFixture): void {
    registry.publish({ name: 'deep', version: '1.0.0', ...manifest }, { files });
    registry.publish({ name: 'a1', version: '1.0.0', dependencies: { deep: '^1.0.0' } });
    registry.publish({ name: 'a0', version: '1.0.0', dependencies: { a1: '^1.0.0' } });
    const others = Array.from({ length: 26 }, (_, index) => `b${index}`);
    for (const name of others) {
      const code = `module.exports = function ${name}(list) { return list.filter(Boolean).length; };\n`;
      registry.publish({ name, version: '1.0.0' }, { files: { 'index.js': code } });
    }
    const dependencies = Object.fromEntries(others.map((name) => [name, '*']));
    registry.publish({ name: 'top', version: '1.0.0', dependencies: { ...dependencies, a0: '*' } });
  }

  const project = (): string =>
    sandbox.project('app', {
      'package.json': { name: 'app', version: '1.0.0', dependencies: { top: '1' } },
    });

  for (const fixture of MALICIOUS) {
    it(`stops ${fixture.kind}, four levels down in a tree of thirty`, async () => {
      publishThirty(fixture);
      const folder = project();
      const before = fingerprint(folder);
      const status = path.join(sandbox.root, 'status.json');
      const { code, stdout, stderr } = await safeInstall(folder, ['--status-file', status]);
      assert.equal(code, 100, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /✗ blocked deep@1\.0\.0 \(npm\)/);
      assert.match(stderr, /came in: app → top@1\.0\.0 → a0@1\.0\.0 → a1@1\.0\.0 → deep@1\.0\.0/);
      assert.match(stderr, /safe-install: 1 blocked of 30 packages; nothing was installed/);
      assert.deepEqual(JSON.parse(fs.readFileSync(status, 'utf8')), {
        schema: 1,
        outcome: 'blocked',
        exitCode: 100,
      });
      assert.deepEqual(fs.readdirSync(canary), []);
      assert.equal(fingerprint(folder), before);
    });
  }

  for (const fixture of TWINS) {
    it(`installs the same tree with ${fixture.kind}`, async () => {
      publishThirty(fixture);
      const folder = project();
      const { code, stderr } = await safeInstall(folder, approved);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^safe-install: 30 packages read, none flagged/m);
      assert(fs.existsSync(path.join(folder, 'node_modules/deep/package.json')));
      assert.deepEqual(fs.readdirSync(canary), fixture.manifest.scripts === undefined ? [] : ['ran']);
    });
  }

  it('a malformed policy: exit 2, one line, nothing installed', async () => {
    publishThirty(TWINS[0]!);
    const folder = project();
    fs.writeFileSync(path.join(folder, 'safe-install.json'), '{ "own": "@acme" }');
    const before = fingerprint(folder);
    const { code, stderr } = await safeInstall(folder, []);
    assert.equal(code, 2);
    assert.match(stderr, /^safe-install: policy .*safe-install\.json:1: own: a list expected \[policy\]\n$/);
    assert.equal(fingerprint(folder), before);
  });

  it('allow writes an exception for exactly these bytes, and the install goes on', async () => {
    publishThirty(MALICIOUS[0]!);
    const folder = project();
    assert.equal((await safeInstall(folder, [])).code, 100);
    const allowed = await safeInstall(folder, ['allow', 'deep@1.0.0', '--reason', 'written for a test']);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(allowed.stderr, /blocked deep@1\.0\.0[\s\S]*wrote the exception to .*safe-install\.json/);
    const second = await safeInstall(folder, approved);
    assert.equal(second.code, 0, second.stderr);
    assert.match(
      second.stderr,
      /warning: deep@1\.0\.0: [\s\S]*by an exception in the policy\nsafe-install: 30 packages read, 1 let through/,
    );
    // The same name and version with other bytes is another artifact.
    registry.publish(
      { name: 'deep', version: '1.0.0', description: 'changed', ...MALICIOUS[0]!.manifest },
      { files: MALICIOUS[0]!.files },
    );
    fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
    fs.rmSync(path.join(folder, 'package-lock.json'));
    fs.rmSync(path.join(sandbox.home, '.npm'), { recursive: true, force: true });
    const third = await safeInstall(folder, []);
    assert.equal(third.code, 100, third.stderr);
    assert.match(third.stderr, /an exception is\s+for\s+another version or other bytes/);
  });
});
