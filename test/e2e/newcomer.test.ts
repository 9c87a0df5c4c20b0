/**
 * A package between the two thresholds, with the built command, the bundled model, the real npm and pip, and registries in
 * this process: stopped where its name is new, let through where the name is old or nobody says.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { BIN } from '../cli/run.js';
import { npmBetween, pypiBetween } from '../fixtures/between.js';
import type { PackageFixture } from '../fixtures/packages.js';
import { PipWorld } from '../helpers/pip-world.js';
import { buildSdist, type Package, sdistName } from '../helpers/python-archives.js';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, fingerprint, npmMajor, Sandbox } from '../helpers/sandbox.js';

const DAY_MS = 86_400_000;
const YESTERDAY = new Date(Date.now() - DAY_MS).toISOString();
const TWO_YEARS_AGO = new Date(Date.now() - 730 * DAY_MS).toISOString();
const SAID = new RegExp(`new name: first published ${YESTERDAY.slice(0, 10)}, 1 day ago`);

/** Cards are wrapped. */
const unwrapped = (said: string): string => said.replace(/\s+/g, ' ');

describe('new names, npm', function () {
  this.timeout(180_000);
  let fixture: PackageFixture;
  let registry: TestRegistry;
  let sandbox: Sandbox;
  let canary: string;
  /** npm 12 runs scripts of dependencies only where they are approved. */
  const approved = npmMajor() >= 12 ? ['--dangerously-allow-all-scripts'] : [];

  before(async () => {
    fixture = await npmBetween();
  });
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

  /** The release is of yesterday; the name may be older. */
  const publish = (created: string): void => {
    const { manifest, files } = fixture;
    registry.publish(
      { name: 'fresh', version: '1.0.0', ...manifest },
      { files, created, published: YESTERDAY },
    );
    registry.publish({ name: 'top', version: '1.0.0', dependencies: { fresh: '1' } });
  };
  const project = (name = 'app'): string =>
    sandbox.project(name, {
      'package.json': { name: 'app', version: '1.0.0', dependencies: { top: '1' } },
    });
  const safeInstall = (cwd: string, argv: readonly string[]): Promise<Finished> =>
    sandbox.command(cwd, argv, { CANARY: canary });
  const passes = async (folder: string, argv: readonly string[] = []): Promise<void> => {
    const { code, stderr } = await safeInstall(folder, [...argv, ...approved]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^safe-install: 2 packages read, none flagged/m);
    assert.deepEqual(fs.readdirSync(canary), ['ran']);
  };
  const stops = async (folder: string, argv: readonly string[] = []): Promise<void> => {
    const before = fingerprint(folder);
    const { code, stdout, stderr } = await safeInstall(folder, argv);
    assert.equal(code, 100, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /✗ blocked fresh@1\.0\.0 \(npm\)/);
    assert.match(unwrapped(stderr), SAID);
    assert.match(stderr, /what weighs most, in the order it would run:\n {2}1\. while installing/);
    assert.deepEqual(fs.readdirSync(canary), []);
    assert.equal(fingerprint(folder), before);
  };

  it('stops a name of yesterday', async () => {
    publish(YESTERDAY);
    await stops(project());
  });

  it('lets the same bytes of a name of two years ago through, also as a fresh release', async () => {
    publish(TWO_YEARS_AGO);
    await passes(project());
  });

  it('lets them through where the registry has no dates', async () => {
    publish(YESTERDAY);
    registry.dates = false;
    await passes(project());
  });

  describe('with a lockfile, score and tarball of an earlier run', () => {
    let folder: string;
    /** Of the name's dates: the lockfile spares npm all metadata. */
    const asked = (): number => registry.seen('/fresh').filter(({ path }) => !path.includes('/-/')).length;

    beforeEach(async () => {
      publish(TWO_YEARS_AGO);
      folder = project();
      await passes(folder);
      fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
      fs.rmSync(path.join(canary, 'ran'));
      // What npm remembers of the registry's answers; the tarballs stay.
      fs.rmSync(path.join(sandbox.home, '.npm', '_cacache', 'index-v5'), { recursive: true });
      publish(YESTERDAY);
      registry.requests.length = 0;
    });

    it('ci and exec stop it, for one question', async () => {
      await stops(folder, ['ci']);
      assert.equal(asked(), 1);
      await stops(folder, ['npx', '--yes', 'fresh']);
    });

    it('ci lets it through where the registry fails to answer', async () => {
      registry.fault('/-/fresh', { kind: 'call', run: () => {} });
      registry.fault('/fresh', { kind: 'status', status: 503 });
      await passes(folder, ['ci']);
      assert(asked() > 0);
    });
  });

  it('an exception lets exactly these bytes through, and the user may judge new names like others', async () => {
    publish(YESTERDAY);
    const folder = project();
    const config = path.join(sandbox.home, '.config', 'safe-install', 'policy.json');
    fs.mkdirSync(path.dirname(config), { recursive: true });
    fs.writeFileSync(config, '{ "newcomers": "plain" }');
    await passes(folder);
    fs.rmSync(config);
    fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
    fs.rmSync(path.join(canary, 'ran'));
    await stops(folder);
    const allowed = await safeInstall(folder, ['allow', 'fresh@1.0.0', '--reason', 'written for a test']);
    assert.equal(allowed.code, 0, allowed.stderr);
    const { code, stderr } = await safeInstall(folder, approved);
    assert.equal(code, 0, stderr);
    assert.match(unwrapped(stderr), /warning: fresh@1\.0\.0: .*new name.* by an exception in the policy/);
  });

  it('scan asks for a release and for a lockfile, and not for an archive', async () => {
    publish(YESTERDAY);
    const { manifest, files } = fixture;
    const lock = {
      lockfileVersion: 3,
      packages: {
        'node_modules/fresh': { version: '1.0.0', resolved: `${registry.url}fresh/-/fresh-1.0.0.tgz` },
      },
    };
    const folder = sandbox.project('scans', { 'package-lock.json': lock });
    for (const target of ['npm:fresh@1', 'package-lock.json']) {
      const { code, stdout } = await safeInstall(folder, ['scan', '--format', 'json', target]);
      assert.equal(code, 100, `${target} ${stdout}`);
      const [found] = JSON.parse(stdout).packages;
      assert.equal(found.firstPublished, YESTERDAY);
      assert.equal(found.findings[0].code, 'policy-newcomer');
    }
    registry.publish({ name: 'fresh', version: '1.0.0', ...manifest }, { files, created: TWO_YEARS_AGO });
    fs.rmSync(path.join(sandbox.home, '.npm'), { recursive: true });
    for (const target of ['npm:fresh@1', 'package-lock.json']) {
      const { code, stdout } = await safeInstall(folder, ['scan', '--format', 'json', target]);
      assert.equal(code, 0, `${target} ${stdout}`);
      assert.equal(JSON.parse(stdout).packages[0].firstPublished, undefined);
    }
  });
});

describe('new names, pip', function () {
  this.timeout(300_000);
  let world: PipWorld;
  let fixture: Package;

  before(async () => {
    world = await PipWorld.create();
    fixture = await pypiBetween(world.canary);
  });
  after(() => world.remove());
  afterEach(async () => {
    await world.reset();
    // Wheels built from an allowed sdist are taken without asking for it again; scores stay.
    fs.rmSync(path.join(world.folder, 'cache', 'safe-install', 'pip'), { recursive: true, force: true });
  });

  /** A release of yesterday, and one before it where the name is older. */
  const publish = (dates: { first?: string; latest?: string }): void => {
    const add = (version: string, uploaded: string | undefined): void => {
      const pkg = { ...fixture, version };
      const file = { project: pkg.name, filename: sdistName(pkg), bytes: buildSdist(pkg) };
      world.index.add({ ...file, ...(uploaded !== undefined && { uploaded }) });
    };
    add('0.9', dates.first);
    add('1.0', dates.latest);
  };
  const run = async (...argv: string[]) => {
    const child = spawn(process.execPath, [BIN, ...argv], {
      cwd: world.folder,
      env: {
        ...world.env,
        XDG_CACHE_HOME: path.join(world.folder, 'cache'),
        XDG_STATE_HOME: path.join(world.folder, 'state'),
        XDG_CONFIG_HOME: path.join(world.folder, 'config'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { stdout, stderr, exitCode: exitCode as number };
  };

  for (const [what, dates] of [
    ['a name of two years ago, fresh release', { first: TWO_YEARS_AGO, latest: YESTERDAY }],
    ['an index without dates', {}],
    ['an index that leaves out some dates', { latest: YESTERDAY }],
  ] as const) {
    it(`lets it through: ${what}`, async () => {
      publish(dates);
      const { stderr, exitCode } = await run('pip', 'install', 'fresh==1.0');
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, /^safe-install: \d+ packages read, none flagged/m);
      assert.match(world.canaryText(), /ran/);
    });
  }

  it('stops a name of yesterday, whose score earlier runs have kept', async () => {
    publish({ first: YESTERDAY, latest: YESTERDAY });
    const before = world.installed();
    const { stderr, exitCode } = await run('pip', 'install', 'fresh==1.0');
    assert.equal(exitCode, 100, stderr);
    assert.match(stderr, /✗ blocked fresh@1\.0 \(pypi\)/);
    assert.match(unwrapped(stderr), SAID);
    assert.match(stderr, /setup\.py:\d+/);
    assert.equal(world.canaryText(), '');
    assert.deepEqual(world.installed(), before);
  });

  it('scan says the same of the release', async () => {
    publish({ first: YESTERDAY, latest: YESTERDAY });
    const fresh = await run('scan', '--format', 'json', 'pypi:fresh==1.0');
    assert.equal(fresh.exitCode, 100, fresh.stderr);
    assert.equal(JSON.parse(fresh.stdout).packages[0].firstPublished, YESTERDAY);
    publish({ first: TWO_YEARS_AGO, latest: YESTERDAY });
    const old = await run('scan', '--format', 'json', 'pypi:fresh==1.0');
    assert.equal(old.exitCode, 0, old.stderr);
  });
});
