/** `npm install` against `safe-install`, each into an empty project, with the user's registry. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Stage } from '../../../lib/stages.js';
import { type Cost, measure } from './measure.js';
import { addRow, memory, ratios, say } from './table.js';

export const SAFE_INSTALL = fileURLToPath(new URL('../../../../bin/safe-install.js', import.meta.url));

export interface World {
  /** Temporary folder of the whole bench. */
  readonly root: string;
  /** Where safe-install keeps its scores. */
  readonly scores: string;
}

export function createWorld(): World {
  const root = mkdtempSync(path.join(os.tmpdir(), 'safe-install-bench-'));
  return { root, scores: path.join(root, 'xdg') };
}

export function environment({ scores }: World): NodeJS.ProcessEnv {
  return { XDG_CACHE_HOME: scores, XDG_STATE_HOME: `${scores}-state`, npm_config_update_notifier: 'false' };
}

function project(world: World): string {
  const folder = path.join(world.root, 'project');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{"name":"app","version":"1.0.0"}');
  return folder;
}

async function install(
  world: World,
  guarded: boolean,
  cache: string,
  specs: readonly string[],
  cwd = project(world),
): Promise<Cost> {
  const npm = guarded ? [process.execPath, SAFE_INSTALL] : ['npm'];
  const command = [...npm, 'install', ...specs, '--no-audit', '--no-fund', '--cache', cache];
  const stages = path.join(world.root, 'stages.json');
  rmSync(stages, { force: true });
  const listen = {
    NODE_OPTIONS: `--import=${new URL('./listen.js', import.meta.url).href}`,
    BENCH_STAGES: stages,
  };
  const cost = await measure(command, { cwd, env: { ...environment(world), ...(guarded && listen) } });
  if (cost.exitCode !== 0)
    throw new Error(`${command.join(' ')} ended with ${cost.exitCode}:\n${cost.output}`);
  if (existsSync(stages)) {
    const told = JSON.parse(readFileSync(stages, 'utf8')) as Stage[];
    const text = told.map(
      ({ name, ms, cpuMs }) => `${name} ${(ms / 1e3).toFixed(1)}/${(cpuMs / 1e3).toFixed(1)}`,
    );
    if (told.length > 0) say(`    stages, clock/processor seconds: ${text.join(', ')}`);
  }
  return cost;
}

export interface InstallRows {
  readonly spec: string;
  readonly runs: number;
  readonly cold: boolean;
}

/** The four rows of installs, plain npm and safe-install by turns, so that a busy machine is busy for both. */
export async function benchInstalls(world: World, { spec, runs, cold }: InstallRows): Promise<string> {
  say(`\nnpm install ${spec}, ${runs} runs of each`);
  const cache = (name: string): string => path.join(world.root, `npm-${name}`);
  const costs = new Map<string, Cost[]>();
  const note = (name: string, cost: Cost): void => {
    costs.set(name, [...(costs.get(name) ?? []), cost]);
    say(
      `  ${name}: ${cost.clock.toFixed(1)} s, ${cost.cpu.toFixed(1)} s processor, ${cost.peak.toFixed(0)} MB`,
    );
  };
  const forgetScores = (): void => rmSync(world.scores, { recursive: true, force: true });
  let packages = 0;
  for (let run = 0; run < runs; run++) {
    if (cold || run === 0) {
      for (const name of ['plain', 'ours']) rmSync(cache(name), { recursive: true, force: true });
      note('plain, cold', await install(world, false, cache('plain'), [spec]));
      forgetScores();
      note('guarded, cold', await install(world, true, cache('ours'), [spec]));
    }
    note('plain, warm', await install(world, false, cache('ours'), [spec]));
    forgetScores();
    note('guarded, warm, no scores', await install(world, true, cache('ours'), [spec]));
    note('guarded, warm', await install(world, true, cache('ours'), [spec]));
    const folder = path.join(world.root, 'project');
    note('plain, nothing to do', await install(world, false, cache('ours'), [], folder));
    note('guarded, nothing to do', await install(world, true, cache('ours'), [], folder));
    const hidden = JSON.parse(readFileSync(path.join(folder, 'node_modules/.package-lock.json'), 'utf8')) as {
      packages: object;
    };
    packages = Object.keys(hidden.packages).length;
  }
  const of = (name: string): Cost[] => costs.get(name)!;
  const what = `${spec} (${packages} packages)`;
  addRow(`${what}, cold npm cache`, '≤ 1.25 ×', ratios(of('plain, cold'), of('guarded, cold')));
  addRow(
    `${what}, warm npm cache, no scores`,
    '≤ 2 ×',
    ratios(of('plain, warm'), of('guarded, warm, no scores')),
  );
  addRow(`${what}, warm npm cache and scores`, '≤ 1.05 ×', ratios(of('plain, warm'), of('guarded, warm')));
  addRow('nothing to do', '≤ + 0.15 s', ratios(of('plain, nothing to do'), of('guarded, nothing to do')));
  addRow('peak memory, cold npm cache', '≤ + 250 MB', memory(of('plain, cold'), of('guarded, cold')));
  addRow(
    'peak memory, warm, no scores',
    '≤ + 250 MB',
    memory(of('plain, warm'), of('guarded, warm, no scores')),
  );
  return cache('ours');
}
