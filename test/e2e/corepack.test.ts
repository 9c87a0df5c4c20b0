/** The real Corepack behind its shim, with the bundled model, against a registry in this process. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setup } from '../../lib/setup/setup.js';
import { shimFolder } from '../../lib/tools.js';
import { HONEST, STEALS } from '../fixtures/install-scripts.js';
import { TestRegistry } from '../helpers/registry.js';
import { type Finished, run } from '../helpers/sandbox.js';
import { installed } from '../helpers/toolchains.js';

describe('Corepack behind its shim', function () {
  this.timeout(300_000);
  let registry: TestRegistry;
  let root: string;
  let env: Record<string, string>;
  let corepackHome: string;
  let program: string;
  const at = (...names: string[]) => path.join(root, ...names);

  before(async function () {
    try {
      const folder = installed('corepack', { corepack: '0.34.6' });
      program = path.join(folder, 'node_modules/corepack/dist/corepack.js');
      corepackHome = path.join(folder, 'home');
    } catch (error) {
      console.log(`      skipped: ${(error as Error).message.split('\n')[0]}`);
      this.skip();
    }
    registry = await new TestRegistry().start();
    for (const [name, text] of [
      ['thief', STEALS],
      ['honest', HONEST],
    ] as const) {
      registry.publish(
        { name, version: '1.0.0', scripts: { postinstall: 'node install.js' } },
        { files: { 'install.js': text, 'index.js': '' } },
      );
    }
  });
  after(() => registry?.stop());

  const corepackEnv = () => ({
    COREPACK_HOME: corepackHome,
    COREPACK_ENABLE_DOWNLOAD_PROMPT: '0',
    // Mirrors of the registry leave out what Corepack would check.
    COREPACK_INTEGRITY_KEYS: '0',
  });
  beforeEach(() => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'corepack-')));
    for (const name of ['home', 'tools', 'canary', 'project']) fs.mkdirSync(at(name));
    fs.writeFileSync(
      at('home', '.npmrc'),
      `registry=${registry.url}\naudit=false\nfund=false\nfetch-retries=0\n`,
    );
    fs.writeFileSync(at('home', '.yarnrc'), `registry "${registry.url}"\n`);
    const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
    fs.writeFileSync(at('tools', 'corepack'), script, { mode: 0o755 });
    env = {
      HOME: at('home'),
      PATH: [at('tools'), path.dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
      CANARY_FOLDER: at('canary'),
      ...corepackEnv(),
    };
    setup([], env);
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  function project(dependency: string): void {
    fs.rmSync(at('project'), { recursive: true });
    fs.mkdirSync(at('project'));
    const manifest = {
      name: 'app',
      version: '1.0.0',
      private: true,
      dependencies: { [dependency]: '1.0.0' },
    };
    fs.writeFileSync(at('project', 'package.json'), JSON.stringify(manifest));
    const built = 'onlyBuiltDependencies: [thief, honest]\n';
    fs.writeFileSync(at('project', 'pnpm-workspace.yaml'), built);
  }
  const corepack = (...argv: string[]): Promise<Finished> =>
    run([path.join(shimFolder(env), 'corepack'), ...argv], at('project'), {
      ...env,
      PATH: `${shimFolder(env)}:${env.PATH}`,
    });

  for (const spec of ['yarn@1.22.22', 'pnpm@10.34.9', 'npm@11.19.0', 'npm@^10']) {
    const form = process.env.MANAGERS === 'full' || spec.startsWith('yarn') ? it : it.skip;
    form(
      `corepack ${spec} install: a flagged package is stopped, an honest one installed`,
      async function () {
        // As the machine reaches the registry; behind the guard it is in Corepack's cache.
        const { status, stderr } = spawnSync(process.execPath, [program, spec, '--version'], {
          env: { ...process.env, ...corepackEnv() },
          encoding: 'utf8',
        });
        if (status !== 0) {
          console.log(`      skipped: ${stderr.split('\n').find((line) => /rror/.test(line))}`);
          this.skip();
        }
        project('thief');
        const stopped = await corepack(spec, 'install');
        equal(stopped.code, 100, stopped.stderr);
        match(stopped.stderr, /blocked thief@1\.0\.0/);
        deepEqual(fs.readdirSync(at('canary')), []);
        equal(fs.existsSync(at('project', 'node_modules', 'thief')), false);
        project('honest');
        const ran = await corepack(spec, 'install');
        equal(ran.code, 0, ran.stderr + ran.stdout);
        deepEqual(fs.readdirSync(at('canary')), ['honest']);
      },
    );
  }

  it("its own commands pass; 'use' and 'up', which install past the guard, are refused", async () => {
    project('thief');
    const before = fs.readFileSync(at('project', 'package.json'), 'utf8');
    equal((await corepack('--version')).stdout, '0.34.6\n');
    for (const argv of [['use', 'yarn@1.22.22'], ['up'], ['yarn@https://host.invalid/yarn.js', 'install']]) {
      const { code, stdout, stderr } = await corepack(...argv);
      deepEqual([code, stdout], [2, '']);
      match(stderr, /^safe-install: 'corepack .*so it was not run/);
    }
    equal(fs.readFileSync(at('project', 'package.json'), 'utf8'), before);
    deepEqual(fs.readdirSync(at('canary')), []);
  });
});
