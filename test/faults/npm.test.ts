/**
 * Bad days of a guarded npm install, with the real npm and a registry in this process. After each: the exit code is not
 * 0 unless everything was read and installed, no script ran that should not, the project is as before, nothing of
 * ours runs on, and no temporary folder is left.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../cli/run.js';
import { type Fault, TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, Sandbox } from '../helpers/sandbox.js';
import { packageTarball } from '../helpers/tarball.js';

const touches = (name: string) => `node -e "fs.writeFileSync(process.env.CANARY+'/${name}','')"`;
const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];
const answer = (reply: (path: string, response: http.ServerResponse) => void): Fault => ({
  kind: 'answer',
  answer: reply,
});
/** Every case takes seconds: a test run takes one in four, `npm run robustness` all of them. */
const FULL = process.env.ROBUSTNESS === 'full';
let count = 0;
const some = () => (FULL || count++ % 4 === 0 ? it : it.skip);
const HTML = '<!doctype html><title>Sign in</title><form action="/login"></form>';

describe('a guarded npm install on a bad day', function () {
  this.timeout(120_000);
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;
  let folder: string;
  let before: string;

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    sandbox = new Sandbox(`registry=${registry.url}\nfetch-timeout=1500`);
    canary = path.join(sandbox.root, 'canary');
    fs.mkdirSync(canary);
    registry.publish({ name: 'y', version: '1.0.0' });
    registry.publish({
      name: 'x',
      version: '1.0.0',
      dependencies: { y: '1' },
      scripts: { install: touches('x') },
    });
    const manifest = { name: 'app', version: '1.0.0', dependencies: { x: '1' } };
    folder = sandbox.project('p', { 'package.json': manifest, 'kept.txt': 'kept' });
    before = fingerprint(folder);
  });
  afterEach(async () => {
    sandbox.remove();
    await registry.stop();
  });

  const ran = () => fs.readdirSync(canary);
  /** Command lines of processes that still have to do with this sandbox. */
  const running = (): string[] =>
    fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
          const cwd = fs.readlinkSync(`/proc/${pid}/cwd`);
          return line.includes(sandbox.root) || cwd.startsWith(sandbox.root) ? [line] : [];
        } catch {
          return [];
        }
      });
  async function noneRuns(): Promise<void> {
    for (let i = 0; i < 400 && running().length > 0; i++) await sleep(50);
    assert.deepEqual(running(), [], 'processes are left');
  }
  async function unchanged(): Promise<void> {
    await noneRuns();
    assert.deepEqual(ran(), [], 'no script ran');
    assert.equal(fingerprint(folder), before, 'the project is as before');
    assert.deepEqual(sandbox.leftovers(), [], 'no temporary folder is left');
  }

  describe('registry', () => {
    const bytes = (text: string | Buffer): Fault => ({ kind: 'bytes', bytes: Buffer.from(text) });
    const loop = answer((at, response) => response.writeHead(302, { location: at }).end());
    const FAULTS: readonly [name: string, match: string, fault: Fault, exit: number][] = [
      ['500 for the metadata', '/x', { kind: 'status', status: 500 }, 102],
      ['404 for the metadata', '/y', { kind: 'status', status: 404 }, 1],
      ['401 for the metadata', '/x', { kind: 'status', status: 401 }, 1],
      ['connection cut before any answer', '/x', { kind: 'reset' }, 102],
      ['metadata cut in the middle', '/x', answer((_, r) => cut(r, '{"name":"x","versions":{')), 102],
      ['a sign-in page in place of metadata', '/x', answer((_, r) => r.end(HTML)), 102],
      ['metadata that never comes', '/x', answer(() => {}), 102],
      ['metadata that redirects to itself', '/x', loop, 102],
      ['404 for a tarball', '.tgz', { kind: 'status', status: 404 }, 102],
      ['500 for a tarball', '.tgz', { kind: 'status', status: 500 }, 102],
      ['tarball cut in the middle', '.tgz', { kind: 'truncate' }, 102],
      ['a sign-in page in place of a tarball', '.tgz', bytes(HTML), 102],
      ['an empty tarball', '.tgz', bytes(''), 102],
      [
        'other bytes than promised',
        '.tgz',
        bytes(packageTarball({ name: 'x', version: '1.0.0', scripts: { install: touches('evil') } })),
        102,
      ],
      [
        'tarball longer than its length',
        '.tgz',
        answer((_, r) => r.writeHead(200, { 'content-length': 10 }).end('0123456789')),
        102,
      ],
      ['tarball that never comes', '.tgz', answer((_, r) => void r.writeHead(200).write('x')), 102],
      ['tarball that redirects to itself', '.tgz', loop, 102],
    ];
    for (const [name, match, fault, exit] of FAULTS) {
      some()(`${name} → exit ${exit}, nothing installed`, async () => {
        registry.fault(match, fault);
        const result = await sandbox.guarded(folder, ['install', ...approved], {}, { CANARY: canary });
        assert.equal(result.code, exit, result.stderr);
        await unchanged();
      });
    }
  });

  describe('killed', () => {
    interface Stage {
      readonly name: string;
      /** Sets the scene; gives what tells that the stage is reached. */
      readonly prepare: () => { setup?: { hang: string }; reached: () => boolean };
    }
    const never = answer(() => {});
    const STAGES: readonly Stage[] = [
      {
        name: 'while resolving',
        prepare: () => {
          registry.fault('/x', never);
          return { reached: () => registry.seen('/x').length > 0 };
        },
      },
      {
        name: 'while fetching',
        prepare: () => {
          registry.fault('.tgz', never);
          return { reached: () => registry.seen('.tgz').length > 0 };
        },
      },
      {
        name: 'while scanning',
        prepare: () => {
          const hang = path.join(sandbox.root, 'asked');
          return { setup: { hang }, reached: () => fs.existsSync(hang) };
        },
      },
      {
        name: 'while npm installs',
        prepare: () => {
          const waits = `node -e "fs.writeFileSync(process.env.CANARY+'/waits','');setTimeout(()=>{},5000)"`;
          registry.publish({ name: 'x', version: '1.0.1', scripts: { install: waits } });
          return { reached: () => fs.existsSync(path.join(canary, 'waits')) };
        },
      },
    ];
    const begin = async ({
      prepare,
    }: Stage): Promise<{ guard: ChildProcess; ended: Promise<number | null> }> => {
      const { setup, reached } = prepare();
      const env = { CANARY: canary, npm_config_fetch_timeout: '60000' };
      const guard = sandbox.startGuarded(folder, ['install', ...approved], env, setup);
      const ended = new Promise<number | null>((resolve) => guard.on('exit', (code) => resolve(code)));
      while (!reached()) await sleep(30);
      return { guard, ended };
    };
    for (const stage of STAGES) {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        some()(`${stage.name} → exit not 0, project as before, nothing runs on → ${signal}`, async () => {
          const { guard, ended } = await begin(stage);
          guard.kill(signal);
          assert.notEqual(await ended, 0);
          fs.rmSync(path.join(canary, 'waits'), { force: true });
          await unchanged();
        });
      }
      some()(`${stage.name}, by SIGKILL → nothing unread installed, nothing runs on`, async () => {
        const { guard, ended } = await begin(stage);
        guard.kill('SIGKILL');
        assert.equal(await ended, null);
        await noneRuns();
        fs.rmSync(path.join(canary, 'waits'), { force: true });
        assert.deepEqual(ran(), []);
        if (stage.name !== 'while npm installs') assert.equal(fingerprint(folder), before);
      });
    }
  });

  describe('machine', () => {
    /** The built command with the bundled model; `shell` stands before it on the command line. */
    const real = (env: NodeJS.ProcessEnv = {}, shell = ''): Promise<Finished> =>
      new Promise((resolve, reject) => {
        const words = [sandbox.npm[0]!, path.join(ROOT, 'bin/safe-install.js'), 'install', ...approved];
        const child = spawn('sh', ['-c', `${shell} exec "$@"`, 'sh', ...words], {
          cwd: folder,
          env: { ...sandbox.environment({ CANARY: canary }), ...env },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let stderr = '';
        child.stderr.on('data', (chunk) => {
          stderr += chunk;
        });
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, stdout: '', stderr }));
      });
    /** Either all of it was read and installed, or none of it and the exit code says so. */
    async function allOrNothing({ code, stderr }: Finished): Promise<'all' | 'nothing'> {
      await noneRuns();
      if (code === 0) {
        assert.match(stderr, /2 packages read/);
        assert.ok(fs.existsSync(path.join(folder, 'node_modules/y/package.json')));
        return 'all';
      }
      assert.deepEqual(ran(), [], stderr);
      assert.equal(fingerprint(folder), before, stderr);
      return 'nothing';
    }
    const file = () => {
      const path_ = path.join(sandbox.root, 'a-file');
      fs.writeFileSync(path_, '');
      return path_;
    };

    some()('verdict cache that cannot be written → installed', async () => {
      assert.equal(await allOrNothing(await real({ XDG_CACHE_HOME: path.join(file(), 'below') })), 'all');
    });
    some()('state folder that cannot be written → installed', async () => {
      assert.equal(await allOrNothing(await real({ XDG_STATE_HOME: path.join(file(), 'below') })), 'all');
    });
    some()('no temporary folder → exit not 0, nothing installed', async () => {
      const result = await real({ TMPDIR: path.join(file(), 'below') });
      assert.equal(result.code, 102, result.stderr);
      assert.equal(await allOrNothing(result), 'nothing');
    });
    for (const [name, home] of [
      ['home that is no folder', () => path.join(file(), 'below')],
      ['home on a file system that takes no files', () => '/proc/1/fdinfo'],
    ] as const) {
      some()(`${name} → all or nothing`, async () => {
        const env = { HOME: home(), npm_config_registry: registry.url, npm_config_audit: 'false' };
        await allOrNothing(await real(env));
      });
    }
    some()('no HOME at all → all or nothing', async () => {
      await allOrNothing(
        await real({ HOME: undefined, npm_config_registry: registry.url, npm_config_audit: 'false' }),
      );
    });
    for (const count of [16, 24, 40, 64]) {
      some()(`few file descriptors → all or nothing → ${count}`, async () => {
        await allOrNothing(await real({}, `ulimit -n ${count};`));
      });
    }
    some()('files of 8 kB at most, as on a full disk → all or nothing', async () => {
      await allOrNothing(await real({}, 'ulimit -f 16;'));
    });
    some()('temporary folder on a full disk → exit not 0, nothing installed', async function () {
      const full = path.join(sandbox.root, 'full');
      fs.mkdirSync(full);
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', full]).status !== 0) this.skip();
      try {
        try {
          fs.writeFileSync(path.join(full, 'fill'), Buffer.alloc(4096));
        } catch {
          // Full is what it shall be.
        }
        const result = await real({ TMPDIR: full });
        assert.equal(result.code, 102, result.stderr);
        assert.equal(await allOrNothing(result), 'nothing');
      } finally {
        spawnSync('umount', [full]);
      }
    });
    some()('little memory → all or nothing', async () => {
      for (const megabytes of [24, 48, 96]) {
        await allOrNothing(await real({ NODE_OPTIONS: `--max-old-space-size=${megabytes}` }));
        fs.rmSync(path.join(folder, 'node_modules'), { recursive: true, force: true });
        fs.rmSync(path.join(folder, 'package-lock.json'), { force: true });
        for (const name of ran()) fs.rmSync(path.join(canary, name));
      }
    });
    some()('clock that jumps by decades → all or nothing', async () => {
      const jump = 'const real=Date.now;let n=0;Date.now=()=>real.call(Date)+(n++%2?1e12:-1e12)';
      await allOrNothing(
        await real({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(jump)}` }),
      );
    });
    some()('two runs at once in one project → each right about itself, the tree sound', async () => {
      const results = await Promise.all([real(), real()]);
      await noneRuns();
      const codes = results.map(({ code }) => code);
      // npm itself does not lock a project: a run may fail, and then says so.
      assert.ok(codes.includes(0), results.map(({ stderr }) => stderr).join('\n'));
      for (const { code, stderr } of results) if (code === 0) assert.match(stderr, /2 packages read/);
    });
  });
});

function cut(response: http.ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
  response.write(text, () => response.destroy());
}
