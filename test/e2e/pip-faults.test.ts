import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../helpers/index.js';
import { plain } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';
import { wheelName } from '../helpers/python-archives.js';

interface FaultCase {
  readonly name: string;
  readonly fault?: Fault;
  readonly argv?: readonly string[];
  readonly exitCode: number;
  /** Reason of the artifact that ended it. */
  readonly unverified?: string;
  /** One line of the guard's own, or of pip. */
  readonly note?: RegExp;
  readonly stderr?: RegExp;
}

const good = plain('good', { 'good.py': 'value = 1\n' });
const file = `/files/${wheelName(good)}`;

const CASES: readonly FaultCase[] = [
  {
    name: 'index down',
    argv: ['install', '-i', 'http://127.0.0.1:9/simple', 'good'],
    exitCode: 1,
    note: /127\.0\.0\.1:9: .*ECONNREFUSED/,
  },
  { name: '404', argv: ['install', 'missing'], exitCode: 1, stderr: /No matching distribution/ },
  {
    name: '401',
    fault: (_path, _request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
      return true;
    },
    argv: ['--no-input', 'install', 'good'],
    exitCode: 1,
    stderr: /401|No matching distribution/,
  },
  {
    name: 'slow',
    fault: () => true,
    argv: ['install', '--timeout', '1', 'good'],
    exitCode: 1,
    note: /no answer within 1 s/,
  },
  {
    name: 'file listed but missing',
    fault: (path, _request, response) => {
      if (path !== file) return false;
      response.writeHead(404).end();
      return true;
    },
    exitCode: 1,
    stderr: /404/,
  },
  {
    name: 'truncated file',
    fault: (path, _request, response) => {
      if (path !== file) return false;
      response.writeHead(200, { 'content-length': 100_000 });
      response.write('PK\x03\x04');
      setTimeout(() => response.destroy(), 20);
      return true;
    },
    exitCode: 101,
    unverified: 'not-fetched',
  },
  {
    name: 'wrong hash',
    fault: (path, _request, response) => {
      if (path !== file) return false;
      response.end('other bytes');
      return true;
    },
    exitCode: 101,
    unverified: 'integrity-mismatch',
  },
  {
    name: 'huge file',
    fault: (path, _request, response) => {
      if (path !== file) return false;
      response.writeHead(200, { 'content-length': 3 * 1024 ** 3 });
      response.write('PK\x03\x04');
      return true;
    },
    exitCode: 101,
    unverified: 'too-large',
  },
  {
    name: 'an archive in place of a page',
    fault: (path, _request, response) => {
      if (!path.startsWith('/simple/')) return false;
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(Buffer.from('PK\x05\x06\0\0\0\0', 'latin1'));
      return true;
    },
    exitCode: 100,
  },
];

describe('pip install when the index fails', function () {
  this.timeout(300_000);
  let world: PipWorld;
  before(async () => {
    world = await PipWorld.create();
    world.index.addWheel(good);
    world.flag(Buffer.from('PK\x05\x06\0\0\0\0', 'latin1'));
  });
  after(() => world.remove());
  afterEach(() => {
    assert.deepEqual(readdirSync(world.temporary), [], 'temporary files are left');
    assert.deepEqual(world.leftProcesses(), [], 'processes are left');
    world.index.fault = undefined;
  });

  for (const { name, fault, argv = ['install', 'good'], ...expected } of CASES) {
    it(`${name}: exit ${expected.exitCode}`, async () => {
      const before = world.installed();
      world.index.fault = fault;
      const result = await world.guarded(argv);
      assert.equal(result.exitCode, expected.exitCode, result.stderr);
      if (expected.unverified !== undefined) {
        assert.equal(result.results.at(-1)?.verdict.unverified?.code, expected.unverified);
      }
      if (expected.note !== undefined) assert.match(result.notes.join('\n'), expected.note);
      if (expected.stderr !== undefined) assert.match(result.stderr, expected.stderr);
      assert.deepEqual(world.installed(), before);
    });
  }

  it('a redirect to another host is followed', async () => {
    world.index.fault = (path, _request, response) => {
      if (path !== file) return false;
      response
        .writeHead(302, { location: `${world.index.origin.replace('127.0.0.1', 'localhost')}/moved${path}` })
        .end();
      return true;
    };
    const moved = await world.guarded(['install', '--no-deps', 'good']);
    assert.equal(moved.exitCode, 1, 'the file is not there');
    assert.ok(world.index.requests.includes(`GET /moved${file}`));
    assert.deepEqual(moved.notes, []);
  });

  it('a scanner that fails ends in an error, and nothing is installed', async () => {
    const before = world.installed();
    const scan = async () => {
      throw new Error('worker gone');
    };
    await assert.rejects(world.guarded(['install', 'good'], { scan }), /worker gone/);
    assert.deepEqual(world.installed(), before);
  });

  /** The guard as a process of its own, stopped at the moment pip waits for the index. */
  const interrupted = async (signal: NodeJS.Signals) => {
    world.index.requests.length = 0;
    world.index.fault = () => true;
    const options = {
      pip: [join(world.venv, 'bin', 'python'), '-m', 'pip'],
      argv: ['install', 'good'],
      cwd: world.folder,
      env: world.env,
      stdio: 'ignore',
    };
    const code = `
      import { guardPip } from ${JSON.stringify(new URL('../../lib/pip/guard.js', import.meta.url).href)};
      const result = await guardPip({ ...${JSON.stringify(options)}, scan: () => new Promise(() => {}) });
      process.exitCode = result.exitCode;`;
    const guard = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
    const ended = once(guard, 'exit');
    while (world.index.requests.length === 0) await sleep(50);
    guard.kill(signal);
    const [exitCode] = await ended;
    for (let i = 0; i < 200 && world.leftProcesses().length > 0; i++) await sleep(50);
    return exitCode as number | null;
  };

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`${signal} ends pip too, and nothing is left`, async () => {
      const before = world.installed();
      const exitCode = await interrupted(signal);
      assert.ok(exitCode !== 0 && exitCode !== null, `exit ${exitCode}`);
      assert.deepEqual(world.installed(), before);
    });
  }

  it('without its guard pip gets nothing more and ends', async () => {
    const before = world.installed();
    assert.equal(await interrupted('SIGKILL'), null);
    assert.deepEqual(world.leftProcesses(), []);
    assert.deepEqual(world.installed(), before);
    // Nobody was left to remove these.
    rmSync(world.temporary, { recursive: true, force: true });
    mkdirSync(world.temporary);
  });
});
