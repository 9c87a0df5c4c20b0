/**
 * PATH shims: small shell scripts that stand in front of npm, npx, pip and python. A shell script, because
 * starting node costs more than the 30 ms a command may lose that installs nothing.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTool, isShim, SHIM_MARK } from '../tools.js';
import { PASSING } from './passing.js';

/** The package's own root, from `dist/lib/setup/`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface ShimTool {
  readonly name: string;
  /** Arguments of safe-install that stand for the tool. */
  readonly command: string;
  /** Shell lines that pass what installs nothing. */
  readonly pass: string;
  /** Written only where the tool is on PATH. */
  readonly optional?: true;
}

const optional = true;
const SHIMS: readonly ShimTool[] = [
  { name: 'npm', command: 'npm', pass: PASSING.npm },
  { name: 'npx', command: 'npx', pass: PASSING.npx },
  { name: 'pip', command: 'pip', pass: PASSING.pip },
  { name: 'pip3', command: 'pip', pass: PASSING.pip },
  { name: 'python', command: 'pip', pass: PASSING.python },
  { name: 'python3', command: 'pip', pass: PASSING.python },
  { name: 'pnpm', command: 'pnpm', pass: PASSING.pnpm, optional },
  { name: 'pn', command: 'pnpm', pass: PASSING.pnpm, optional },
  { name: 'pnpx', command: 'pnpm dlx', pass: '', optional },
  { name: 'pnx', command: 'pnpm dlx', pass: '', optional },
  { name: 'yarn', command: 'yarn', pass: PASSING.yarn, optional },
  { name: 'yarnpkg', command: 'yarn', pass: PASSING.yarn, optional },
  { name: 'bun', command: 'bun', pass: PASSING.bun, optional },
  { name: 'bunx', command: 'bun x', pass: '', optional },
  { name: 'corepack', command: 'corepack', pass: PASSING.corepack, optional },
];

/** The shims that belong on a machine: the tools everyone has, and of the others those on PATH. */
export function shimNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = SHIMS.filter(({ name, optional }) => !optional || findTool(name, env) !== undefined);
  return [...named.map(({ name }) => name), ...versionedNames(env)];
}

const VERSIONED = /^(pip|python)3\.\d+$/;

/** `pip3.12` and `python3.12`, as far as they are on PATH. */
function versionedNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const folders = (env.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const names = new Set(folders.flatMap(namesIn).filter((name) => VERSIONED.test(name)));
  return [...names].filter((name) => findTool(name, env) !== undefined).sort();
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // PATH may name what is not there
  }
}

/** Text of a shim. `node` and `guard` are absolute paths, written down so that a switched Node version changes nothing. */
export function shimText(
  name: string,
  at: { readonly shims: string; readonly node: string; readonly guard: string },
): string {
  const tool = SHIMS.find((s) => s.name === name.replace(VERSIONED, '$13'));
  if (tool === undefined) throw new Error(`no shim for '${name}'`);
  const template = readFileSync(path.join(PACKAGE_ROOT, 'hooks', 'shim.sh'), 'utf8');
  return template
    .replaceAll('@PASS@', () => tool.pass)
    .replaceAll('@TOOL@', () => name)
    .replaceAll('@COMMAND@', () => tool.command)
    .replaceAll('@SHIMS@', () => quoteInner(at.shims))
    .replaceAll('@NODE@', () => quoteInner(at.node))
    .replaceAll('@GUARD@', () => quoteInner(at.guard));
}

/** Writes all shims, each whole or not at all. Returns the files written. */
export function writeShims(at: {
  readonly shims: string;
  readonly node: string;
  readonly guard: string;
  /** Whose PATH says which tools there are. */
  readonly env: Readonly<Record<string, string | undefined>>;
}): string[] {
  mkdirSync(at.shims, { recursive: true, mode: 0o755 });
  return shimNames(at.env).map((name) => {
    const file = path.join(at.shims, name);
    const partial = `${file}.${process.pid}.part`;
    writeFileSync(partial, shimText(name, at), { mode: 0o755 });
    chmodSync(partial, 0o755); // the umask may have taken the execute bit
    renameSync(partial, file);
    return file;
  });
}

/** Removes our shims and the folder if nothing else is in it. Files that are not ours stay. */
export function removeShims(shims: string): string[] {
  if (!existsSync(shims)) return [];
  const removed: string[] = [];
  for (const name of readdirSync(shims)) {
    const file = path.join(shims, name);
    if (!isShim(file)) continue;
    rmSync(file);
    removed.push(file);
  }
  if (readdirSync(shims).length === 0) rmdirSync(shims);
  return removed;
}

/** For a text between single quotes of a shell. */
function quoteInner(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

export { SHIM_MARK };
