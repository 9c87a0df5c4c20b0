/**
 * What each of npm's own levers stops, on real npm versions: lever × case → exit code, which of a dependency's scripts
 * ran, what stands in node_modules afterwards. The guard is played by a program that always refuses.
 *
 *   node dist/test/bench/levers.js [npm versions, default 10 11 12]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { TestRegistry } from '../helpers/registry.js';
import { type Toolchain, toolchain } from '../helpers/toolchains.js';

const NODE_FOR: Readonly<Record<string, string | undefined>> = { '12': '24' };
const mark = (name: string) => `node -e "fs.writeFileSync(process.env.CANARY_FOLDER+'/${name}','')"`;
const refuse = `${mark('GUARD')} && exit 1`;

interface Lever {
  readonly manifest?: Record<string, unknown>;
  readonly npmrc?: string;
  /** Puts a refusing program of the script shell's name on PATH. */
  readonly shell?: boolean;
}
const SHELL_LINE = 'script-shell=refusing-shell\n';
const LEVERS: Readonly<Record<string, Lever>> = {
  none: {},
  preinstall: { manifest: { scripts: { preinstall: refuse } } },
  prepare: { manifest: { scripts: { prepare: refuse } } },
  'script-shell': { npmrc: SHELL_LINE, shell: true },
  'script-shell, guard absent': { npmrc: SHELL_LINE },
  'script-shell + preinstall': {
    npmrc: SHELL_LINE,
    shell: true,
    manifest: { scripts: { preinstall: refuse } },
  },
  'the same + registry': {
    npmrc: `${SHELL_LINE}registry=http://no-registry.invalid/\n`,
    shell: true,
    manifest: { scripts: { preinstall: refuse } },
  },
  devEngines: { manifest: { devEngines: { packageManager: { name: 'safe-install', onFail: 'error' } } } },
  'ignore-scripts': { npmrc: 'ignore-scripts=true\n' },
};

interface Case {
  readonly args: readonly string[];
  readonly dependency?: string;
  readonly optional?: boolean;
  readonly lock?: boolean;
  readonly warm?: boolean;
}
const CASES: Readonly<Record<string, Case>> = {
  install: { args: ['install'], dependency: 'scripted' },
  ci: { args: ['ci'], dependency: 'scripted', lock: true },
  'ci, warm cache': { args: ['ci'], dependency: 'scripted', lock: true, warm: true },
  'install NAME': { args: ['install', 'scripted'] },
  optional: { args: ['install'], dependency: 'scripted', optional: true },
  'import-only': { args: ['install'], dependency: 'import-only' },
  'install NAME, import-only': { args: ['install', 'import-only'] },
  'bin of the shell’s name': { args: ['install'], dependency: 'hijacker' },
  'npm run': { args: ['run', 'hello'] },
};

function publish(registry: TestRegistry): void {
  registry.publish({
    name: 'scripted',
    version: '1.0.0',
    scripts: { preinstall: mark('pre'), install: mark('install'), postinstall: mark('post') },
  });
  registry.publish(
    { name: 'import-only', version: '1.0.0', main: 'index.js' },
    { files: { 'index.js': '' } },
  );
  registry.publish(
    {
      name: 'hijacker',
      version: '1.0.0',
      bin: { 'refusing-shell': 'shell.js' },
      scripts: { postinstall: mark('post') },
    },
    {
      files: {
        'shell.js':
          "#!/usr/bin/env node\nrequire('fs').writeFileSync(process.env.CANARY_FOLDER + '/hijacked', '');",
      },
    },
  );
}

async function run(
  tools: Toolchain,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number | null> {
  const [command, ...first] = tools.command;
  const child = spawn(command!, [...first, ...args], { cwd, env, stdio: 'ignore' });
  return new Promise((resolve) => child.on('close', resolve));
}

async function cell(registry: TestRegistry, tools: Toolchain, lever: Lever, one: Case): Promise<string> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'lever-'));
  const at = (name: string) => path.join(root, name);
  for (const name of ['canary', 'project', 'home', 'bin']) mkdirSync(at(name));
  const project = (name: string) => path.join(root, 'project', name);
  const options = `registry=${registry.url}\ncache=${at('cache')}\naudit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n`;
  writeFileSync(path.join(at('home'), '.npmrc'), options);
  const env = {
    PATH: `${at('bin')}:${tools.bin}:/usr/bin:/bin`,
    HOME: at('home'),
    CANARY_FOLDER: at('canary'),
  };
  const dependencies = one.dependency === undefined ? {} : { [one.dependency]: '1.0.0' };
  const manifest = {
    name: 'project',
    version: '1.0.0',
    scripts: { hello: 'echo hello' },
    ...(one.optional ? { optionalDependencies: dependencies } : { dependencies }),
  };
  writeFileSync(project('package.json'), JSON.stringify(manifest));
  if (one.lock) await run(tools, ['install', '--package-lock-only', '--ignore-scripts'], at('project'), env);
  if (one.warm) {
    await run(tools, ['install', '--ignore-scripts'], at('project'), env);
    rmSync(project('node_modules'), { recursive: true });
  }
  const scripts = { ...manifest.scripts, ...(lever.manifest?.scripts as object | undefined) };
  writeFileSync(project('package.json'), JSON.stringify({ ...manifest, ...lever.manifest, scripts }));
  if (lever.npmrc !== undefined) writeFileSync(project('.npmrc'), lever.npmrc);
  if (lever.shell) {
    writeFileSync(path.join(at('bin'), 'refusing-shell'), '#!/bin/sh\n: > "$CANARY_FOLDER/GUARD"\nexit 1\n', {
      mode: 0o755,
    });
  }
  const code = await run(tools, one.args, at('project'), env);
  const ran = readdirSync(at('canary')).sort().join('+') || 'nothing';
  const isThere =
    existsSync(project('node_modules')) &&
    readdirSync(project('node_modules')).some((name) => !name.startsWith('.'));
  rmSync(root, { recursive: true, force: true });
  return `${code} ${ran}${isThere ? ' (stays)' : ''}`;
}

const versions = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['10', '11', '12'];
const toolchains = versions.map((version) => toolchain(version, NODE_FOR[version]));
const registry = await new TestRegistry().start();
publish(registry);
console.log(`| lever | case | ${versions.map((v) => `npm ${v}`).join(' | ')} |`);
console.log(`|---|---|${versions.map(() => '---|').join('')}`);
for (const [leverName, lever] of Object.entries(LEVERS)) {
  for (const [caseName, one] of Object.entries(CASES)) {
    const cells: string[] = [];
    for (const tools of toolchains) cells.push(await cell(registry, tools, lever, one));
    console.log(`| ${leverName} | ${caseName} | ${cells.join(' | ')} |`);
  }
}
console.log(
  '\nEach cell: exit code, which scripts ran (GUARD: the lever), and (stays) when the package stands in node_modules.',
);
await registry.stop();
