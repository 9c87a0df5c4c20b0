/**
 * Real npm versions with a Node that runs them, from the npm registry: `node` is a package there. Kept under
 * node_modules/.cache, since a Node is 100 MB.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Toolchain {
  readonly npm: string;
  readonly node: string;
  /** First words of a command line: node, then npm's script. */
  readonly command: readonly string[];
  /** Folder of the node binary, for PATH. */
  readonly bin: string;
}

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/toolchains/', import.meta.url));

/** Installs what is missing. `node` undefined: the Node that runs this. */
export function toolchain(npm: string, node?: string): Toolchain {
  const npmFolder = installed(`npm-${npm}`, { npm });
  const nodePath =
    node === undefined
      ? process.execPath
      : path.join(installed(`node-${node}`, nodePackages(node)), 'node_modules', nodeName(), 'bin', 'node');
  return {
    npm,
    node: node ?? process.versions.node,
    command: [nodePath, path.join(npmFolder, 'node_modules', 'npm', 'bin', 'npm-cli.js')],
    bin: path.dirname(nodePath),
  };
}

const nodeName = () => `node-${process.platform === 'darwin' ? 'darwin' : 'linux'}-${process.arch}`;
const nodePackages = (version: string) => ({ [nodeName()]: version });

export function installed(name: string, dependencies: Record<string, string>): string {
  const folder = path.join(CACHE, name);
  if (existsSync(path.join(folder, 'done'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const run = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`cannot install ${JSON.stringify(dependencies)}: ${run.stderr}`);
  writeFileSync(path.join(folder, 'done'), '');
  return folder;
}
