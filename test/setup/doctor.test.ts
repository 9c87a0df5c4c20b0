/** `safe-install doctor` as a command, on four machines: clean, set up, shadowed by a foreign npm, without its model. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Check } from '../../lib/setup/doctor.js';
import { setup } from '../../lib/setup/setup.js';
import { shimFolder } from '../../lib/tools.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

describe('doctor', function () {
  this.timeout(180_000);
  let home: string;
  let tools: string;
  let env: Record<string, string>;

  beforeEach(() => {
    home = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'doctor-')));
    tools = path.join(home, 'tools');
    mkdirSync(path.join(home, 'empty'));
    fakeNpm(tools);
    env = { HOME: home, PATH: `${tools}:${path.dirname(process.execPath)}:/usr/bin:/bin` };
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function fakeNpm(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const name of ['npm', 'npx', 'yarn', 'corepack', 'pip']) {
      writeFileSync(path.join(folder, name), `#!/bin/sh\necho ${name === 'pip' ? '24.0' : '11.0.0'}\n`);
      chmodSync(path.join(folder, name), 0o755);
    }
  }
  function doctor(first: readonly string[] = [], guard = path.join(PROJECT, 'bin/safe-install.js')) {
    const run = spawnSync(process.execPath, [guard, 'doctor', '--format', 'json'], {
      cwd: path.join(home, 'empty'),
      env: { ...env, PATH: [...first, env.PATH].join(':') },
      encoding: 'utf8',
    });
    const report = JSON.parse(run.stdout) as { sound: boolean; checks: Check[] };
    const stateOf = (id: string) => report.checks.find((check) => check.id === id);
    return { ...run, ...report, stateOf };
  }

  it('a clean machine: nothing is guarded and nothing is said to be; the proof holds', () => {
    const { status, sound, stateOf, stderr } = doctor();
    deepEqual([status, sound, stderr], [0, true, '']);
    equal(stateOf('tool:npm')?.state, 'open');
    match(stateOf('tool:yarn')?.detail ?? '', /used directly: 'safe-install setup' puts the guard before it/);
    equal(stateOf('tool:bunx'), undefined);
    deepEqual([stateOf('proof:block')?.state, stateOf('proof:allow')?.state], ['ok', 'ok']);
  });

  it('after setup: guarded, with the tool behind; not on PATH yet is a failure', () => {
    setup([], env);
    const { status, stateOf } = doctor([shimFolder(env)]);
    equal(status, 0);
    for (const name of ['npm', 'npx', 'yarn', 'corepack']) {
      equal(stateOf(`tool:${name}`)?.state, 'ok');
      equal(stateOf(`tool:${name}`)?.detail, `guarded by ${shimFolder(env)}/${name}, then ${tools}/${name}`);
    }
    const old = doctor();
    deepEqual([old.status, old.sound, old.stateOf('tool:npm')?.state], [102, false, 'failed']);
  });

  it('a foreign npm first on PATH: a failure that names it', () => {
    setup([], env);
    const foreign = path.join(home, 'foreign');
    fakeNpm(foreign);
    const { status, stateOf } = doctor([foreign, shimFolder(env)]);
    equal(status, 102);
    deepEqual(stateOf('tool:npm'), {
      id: 'tool:npm',
      state: 'failed',
      detail: `${foreign}/npm stands before the shim on PATH`,
    });
  });

  it('the model is missing: a failure that says so', () => {
    const copy = path.join(home, 'copy');
    for (const name of ['bin', 'dist/lib', 'lib', 'hooks', 'package.json', 'model']) {
      const from = path.join(PROJECT, name);
      cpSync(from, path.join(copy, name), {
        recursive: true,
        filter: (file) => !/\.onnx$|\/training|\/data|\.ts$/.test(file),
      });
    }
    symlinkSync(path.join(PROJECT, 'node_modules'), path.join(copy, 'node_modules'));
    equal(existsSync(path.join(copy, 'bin/safe-install.js')), true);
    const { status, sound, stateOf } = doctor([], path.join(copy, 'bin/safe-install.js'));
    deepEqual([status, sound, stateOf('model')?.state], [102, false, 'failed']);
    match(stateOf('model')?.detail ?? '', /model/);
    equal(stateOf('proof:block'), undefined);
  });
});
