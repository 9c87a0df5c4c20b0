/** `pip install` of a requirement set against `safe-install pip`, each into a fresh virtual environment. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Cost, measure } from './measure.js';
import { environment, SAFE_INSTALL, type World } from './npm-installs.js';
import { addRow, ratios, say } from './table.js';

/** Some forty releases with what they need: pure wheels, platform wheels, and nothing that must be built. */
const REQUIREMENTS = (
  'requests==2.32.3 flask==3.0.3 click==8.1.7 rich==13.9.4 httpx==0.27.2 pydantic==2.9.2 sqlalchemy==2.0.36 ' +
  'jinja2==3.1.4 pyyaml==6.0.2 attrs==24.2.0 pytest==8.3.3 tqdm==4.66.6 python-dateutil==2.9.0.post0 ' +
  'beautifulsoup4==4.12.3 lxml==5.3.0 tabulate==0.9.0 typer==0.12.5 starlette==0.41.2 fastapi==0.115.4 jsonschema==4.23.0'
).split(' ');

export async function benchPip(world: World, runs: number): Promise<void> {
  say(`\npip install of ${REQUIREMENTS.length} requirements, ${runs} runs of each`);
  const file = path.join(world.root, 'requirements.txt');
  writeFileSync(file, `${REQUIREMENTS.join('\n')}\n`);
  const costs = new Map<string, Cost[]>();
  const one = async (name: string, guarded: boolean, cache: string): Promise<void> => {
    const venv = path.join(world.root, 'venv');
    rmSync(venv, { recursive: true, force: true });
    mkdirSync(venv);
    const made = await measure(['python3', '-m', 'venv', venv], { cwd: world.root });
    if (made.exitCode !== 0) throw new Error(`no virtual environment: ${made.output}`);
    const words = ['install', '-q', '--no-input', '--only-binary', ':all:', '-r', file];
    const pip = path.join(venv, 'bin/pip');
    const command = guarded ? [process.execPath, SAFE_INSTALL, 'pip', ...words] : [pip, ...words];
    const env = {
      ...environment(world),
      PIP_CACHE_DIR: cache,
      PIP_FIND_LINKS: '',
      VIRTUAL_ENV: venv,
      PATH: `${venv}/bin:${process.env.PATH}`,
    };
    const cost = await measure(command, { cwd: world.root, env });
    if (cost.exitCode !== 0)
      throw new Error(`${command.join(' ')} ended with ${cost.exitCode}:\n${cost.output}`);
    costs.set(name, [...(costs.get(name) ?? []), cost]);
    say(
      `  ${name}: ${cost.clock.toFixed(1)} s, ${cost.cpu.toFixed(1)} s processor, ${cost.peak.toFixed(0)} MB`,
    );
  };
  const cache = path.join(world.root, 'pip');
  for (let run = 0; run < runs; run++) {
    rmSync(cache, { recursive: true, force: true });
    rmSync(world.scores, { recursive: true, force: true });
    await one('plain, cold', false, cache);
    await one('guarded, cold', true, cache);
    await one('plain, warm', false, cache);
    await one('guarded, warm', true, cache);
  }
  const of = (name: string): Cost[] => costs.get(name)!;
  addRow('pip, 40 packages, cold', '≤ 1.25 ×', ratios(of('plain, cold'), of('guarded, cold')));
  addRow(
    'pip, 40 packages, warm caches and scores',
    '≤ 1.05 ×',
    ratios(of('plain, warm'), of('guarded, warm')),
  );
}
