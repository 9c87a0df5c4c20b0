/** The record of what was judged, against what the registries serve later. */
import { equal, match } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { BIN, type Sandbox, sandbox } from '../cli/run.js';
import { TestIndex } from '../helpers/index.js';
import { TestRegistry } from '../helpers/registry.js';

describe('safe-install log --rescan', function () {
  this.timeout(120_000);
  let registry: TestRegistry;
  let index: TestIndex;
  let box: Sandbox;
  beforeEach(async () => {
    registry = await new TestRegistry().start();
    index = await TestIndex.start();
    box = sandbox();
    writeFileSync(join(box.project, '.npmrc'), `registry=${registry.url}\n`);
  });
  afterEach(async () => {
    box.remove();
    await registry.stop();
    await index.stop();
  });
  // The servers live in this process: it must not wait in a spawnSync.
  const run = (...argv: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = { ...box.env, PIP_INDEX_URL: index.url, npm_config_cache: join(box.root, 'npm') };
      execFile(process.execPath, [BIN, ...argv], { cwd: box.project, env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  const publish = (text: string) =>
    registry.publish(
      { name: 'left', version: '1.0.0' },
      { files: { 'index.js': `module.exports = '${text}'` } },
    );
  const wheel = (text: string) =>
    index.addWheel({ name: 'right', version: '1.0', files: { 'right/__init__.py': `NAME = '${text}'\n` } });

  it('what is served as it was is allowed, what was replaced is said', async () => {
    publish('one');
    wheel('one');
    const first = await run('scan', 'npm:left@1.0.0', 'pypi:right==1.0');
    equal(first.code, 0, first.stdout + first.stderr);
    const same = await run('log', '--rescan');
    equal(same.code, 0, same.stdout + same.stderr);
    equal(same.stderr, '');
    match(same.stdout, /2 packages read, none flagged/);
    publish('two');
    wheel('two');
    const other = await run('log', '--rescan');
    equal(other.code, 101, other.stdout + other.stderr);
    match(other.stdout, /\? unverified left@1\.0\.0 \(npm\)\n.*its bytes are not those that were promised/);
    match(other.stdout, /\? unverified right@1\.0 \(pypi\)/);
    match(other.stdout, /2 unverified of 2 packages/);
  });

  it('an unpacked folder has no bytes of a registry to compare', async () => {
    publish('one');
    const folder = join(box.project, 'node_modules', 'left');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"name":"left","version":"1.0.0"}');
    equal((await run('scan', '.')).code, 0);
    const { code, stdout } = await run('log', '--rescan');
    equal(code, 0, stdout);
    match(stdout, /1 package read, none flagged/);
  });
});
