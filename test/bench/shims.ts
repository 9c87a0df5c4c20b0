/**
 * What a shim costs a command that installs nothing: `node dist/test/bench/shims.js [RUNS]`. A stand-in that does nothing,
 * called directly and through its shim by turns, then the npm of this machine with `--version`. Milliseconds by the clock;
 * on a busy machine the least says more than the median.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setup } from '../../lib/setup/setup.js';
import { findTool, shimFolder } from '../../lib/tools.js';

const FORMS: readonly (readonly string[])[] = [
  ['npm', 'run', 'x'],
  ['npm', '-s', '--prefix', 'sub', 'ls'],
  ['npm', 'view', 'x', 'version', '--json'],
  ['npm', 'install', '--help'],
  ['pip', '--disable-pip-version-check', 'list'],
  ['python3', '-m', 'pip', '-q', 'list'],
  ['python3', '-c', 'pass'],
];

const runs = Number(process.argv[2] ?? 50);
const root = mkdtempSync(path.join(os.tmpdir(), 'bench-shims-'));
try {
  const tools = path.join(root, 'tools');
  mkdirSync(tools);
  for (const name of ['npm', 'npx', 'pip', 'pip3', 'python', 'python3']) {
    writeFileSync(path.join(tools, name), '#!/bin/sh\n', { mode: 0o755 });
  }
  const env = { HOME: root, PATH: `${tools}:${process.env.PATH}` };
  setup([], env);
  console.log('command | direct: least, median | through the shim | added | ratio of the least');
  for (const [name = '', ...args] of FORMS) {
    compare([name, ...args].join(' '), path.join(tools, name), args, env, runs);
  }
  const npm = findTool('npm', process.env);
  const real = { ...env, PATH: process.env.PATH ?? '' };
  if (npm !== undefined) compare('real npm --version', npm, ['--version'], real, Math.ceil(runs / 5));
} finally {
  rmSync(root, { recursive: true, force: true });
}

function compare(
  title: string,
  direct: string,
  args: readonly string[],
  env: Record<string, string>,
  times: number,
): void {
  const folder = shimFolder(env);
  const behind = { ...env, PATH: `${folder}:${env.PATH}` };
  const plain: number[] = [];
  const shimmed: number[] = [];
  for (let i = 0; i < times; i++) {
    plain.push(clock(direct, args, env));
    shimmed.push(clock(path.join(folder, path.basename(direct)), args, behind));
  }
  const [a, b] = [plain, shimmed].map((all) => all.sort((one, other) => one - other)) as [number[], number[]];
  const said = (all: number[]) => `${all[0]!.toFixed(1)}, ${all[Math.floor(all.length / 2)]!.toFixed(1)}`;
  const added = `${(b[0]! - a[0]!).toFixed(1)} ms`;
  console.log(`${title} | ${said(a)} | ${said(b)} | ${added} | ${(b[0]! / a[0]!).toFixed(2)}`);
}

function clock(file: string, args: readonly string[], env: Record<string, string>): number {
  const started = performance.now();
  const { status, error } = spawnSync(file, args, { env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? `exit ${status}`}`);
  return performance.now() - started;
}
