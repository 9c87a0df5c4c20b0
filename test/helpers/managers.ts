/** Real pnpm, Yarn and Bun from the npm registry, and projects of their own for them. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { ManagerName } from '../../lib/managers/argv.js';
import type { ManagerSetup } from './guard-manager.js';
import { installed } from './toolchains.js';

export interface RealManager {
  readonly title: string;
  readonly manager: ManagerName;
  readonly command: readonly string[];
  readonly lockfile: string;
}

const platform = `${process.platform}-${process.arch}`;

interface Release {
  readonly title: string;
  readonly manager: ManagerName;
  readonly packages: Readonly<Record<string, string>>;
  /** Below node_modules; a script is run with node. */
  readonly file: string;
  readonly lockfile: string;
}

export const RELEASES: readonly Release[] = [
  {
    title: 'pnpm 10',
    manager: 'pnpm',
    packages: { pnpm: '10.34.9' },
    file: 'pnpm/bin/pnpm.cjs',
    lockfile: 'pnpm-lock.yaml',
  },
  {
    title: 'pnpm 12',
    manager: 'pnpm',
    packages: { [`@pnpm/exe.${platform}`]: '12.21.0' },
    file: `@pnpm/exe.${platform}/pnpm`,
    lockfile: 'pnpm-lock.yaml',
  },
  {
    title: 'Yarn 1',
    manager: 'yarn',
    packages: { yarn: '1.22.22' },
    file: 'yarn/bin/yarn.js',
    lockfile: 'yarn.lock',
  },
  {
    title: 'Yarn 4',
    manager: 'yarn',
    packages: { '@yarnpkg/cli-dist': '4.18.1' },
    file: '@yarnpkg/cli-dist/bin/yarn.js',
    lockfile: 'yarn.lock',
  },
  {
    title: 'Bun 1.4',
    manager: 'bun',
    packages: { [`@oven/bun-${platform.replace('arm64', 'aarch64')}`]: '1.4.5' },
    file: `@oven/bun-${platform.replace('arm64', 'aarch64')}/bin/bun`,
    lockfile: 'bun.lock',
  },
];

/** @throws Error when the registry does not give it for this platform: a test is then skipped, with that reason. */
export function realManager({ title, manager, packages, file, lockfile }: Release): RealManager {
  const folder = installed(title.toLowerCase().replaceAll(' ', '-'), packages);
  const program = path.join(folder, 'node_modules', file);
  if (!existsSync(program)) throw new Error(`${file} is not in ${JSON.stringify(packages)}`);
  const script = /\.[cm]?js$/.test(program);
  if (!script) chmodSync(program, 0o755);
  return { title, manager, lockfile, command: script ? [process.execPath, program] : [program] };
}

export interface ManagerFinished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const GUARD = fileURLToPath(new URL('./guard-manager.js', import.meta.url));

export class ManagerSandbox {
  readonly root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'managers-')));
  readonly canary = path.join(this.root, 'canary');

  constructor(
    readonly real: RealManager,
    registry: string,
  ) {
    mkdirSync(this.canary);
    this.files('home', {
      '.npmrc': `registry=${registry}\nfetch-retries=0\nfetch-retry-mintimeout=10\n`,
      '.yarnrc': `registry "${registry}"\n`,
      '.yarnrc.yml': `npmRegistryServer: "${registry.replace(/\/$/, '')}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nnpmMinimalAgeGate: 0\nhttpRetry: 0\n`,
      '.bunfig.toml': `[install]\nregistry = "${registry}"\n`,
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** A project whose own configuration lets install scripts run. */
  project(name: string, dependencies: Record<string, string>, more: Record<string, unknown> = {}): string {
    const manifest = {
      name: 'app',
      version: '1.0.0',
      private: true,
      license: 'MIT',
      dependencies,
      trustedDependencies: ['honest', 'thief', 'parent'],
      dependenciesMeta: { honest: { built: true }, thief: { built: true } },
      scripts: { fail: 'exit 7' },
      ...more,
    };
    return this.files(name, {
      'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
      ...(this.real.manager === 'pnpm'
        ? {
            'pnpm-workspace.yaml':
              'onlyBuiltDependencies:\n  - honest\n  - thief\nallowBuilds:\n  honest: true\n  thief: true\nminimumReleaseAge: 0\n',
          }
        : {}),
      ...(this.real.title === 'Yarn 4'
        ? { '.yarnrc.yml': 'nodeLinker: node-modules\nenableScripts: true\n', 'yarn.lock': '' }
        : {}),
    });
  }

  files(name: string, files: Readonly<Record<string, string>>): string {
    const folder = path.join(this.root, name);
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    return folder;
  }

  /** What install scripts left behind. */
  canaries(): string[] {
    return readdirSync(this.canary).sort();
  }

  plain(cwd: string, argv: readonly string[]): Promise<ManagerFinished> {
    return this.run([...this.real.command, ...argv], cwd);
  }

  async guarded(
    cwd: string,
    argv: readonly string[],
    setup: Omit<ManagerSetup, 'manager' | 'command' | 'keepFolder'> = {},
  ): Promise<
    ManagerFinished & { report: { kind: string; message?: string; packages: string[]; notes: string[] } }
  > {
    const { manager, command } = this.real;
    const keepFolder = path.join(this.root, 'kept');
    const text = JSON.stringify({ manager, command, keepFolder, ...setup });
    const finished = await this.run([process.execPath, GUARD, text, ...argv], cwd);
    const line = finished.stderr.match(/^GUARD (.*)$/m)?.[1];
    if (line === undefined)
      throw new Error(`no report from the guard:\n${finished.stderr}\n${finished.stdout}`);
    return { ...finished, report: JSON.parse(line) };
  }

  run(command: readonly string[], cwd: string, extra: NodeJS.ProcessEnv = {}): Promise<ManagerFinished> {
    const home = path.join(this.root, 'home');
    mkdirSync(path.join(this.root, 'tmp'), { recursive: true });
    const env: NodeJS.ProcessEnv = {
      HOME: home,
      TMPDIR: path.join(this.root, 'tmp'),
      PATH: [path.dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(path.delimiter),
      LANG: 'C.UTF-8',
      CANARY_FOLDER: this.canary,
      COREPACK_ENABLE_STRICT: '0',
      ...extra,
    };
    return new Promise((resolve, reject) => {
      const child = spawn(command[0]!, command.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  }
}
