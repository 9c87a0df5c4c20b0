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
import { NO_INSTALL_BEFORE_RUN } from '../managers/argv.js';
import { findTool, isShim, SHIM_MARK } from '../tools.js';

/** The package's own root, from `dist/lib/setup/`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Commands that neither install nor fetch code, by first argument. Only the first argument is looked at: with a
 * flag before the command the guard itself parses the line, by npm's and pip's own rules. `version` is not here: in
 * workspaces it brings node_modules up to date; nor is `fund`, which fetches, and builds, a git source.
 */
const NPM_PASS = [
  'run run-script rum urn test t tst start stop restart ls list la ll config get set c whoami login adduser',
  'logout root prefix help help-search search s find ping owner dist-tag dist-tags token profile org team',
  'explain why query doctor completion deprecate star stars unstar sbom access',
  'hook undeprecate unpublish trust',
]
  .join(' ')
  .split(' ');
export const PIP_PASS =
  'list freeze show check config cache inspect debug hash search completion uninstall index help'.split(' ');

/** `pm` of Bun is not here, as `pm trust` runs scripts; nor are words that only a project's scripts give a meaning. */
const PNPM_PASS =
  'run run-script test t tst start stop restart exec list ls ll la why outdated audit licenses store config c get set root bin publish pack'.split(
    ' ',
  );
const YARN_PASS =
  'run test start stop exec node why list info outdated audit config pack publish npm bin'.split(' ');
const BUN_PASS = 'run test build repl outdated audit publish why info'.split(' ');

interface ShimTool {
  readonly name: string;
  /** Arguments of safe-install that stand for the tool. */
  readonly command: string;
  readonly pass: string;
  /** Written only where the tool is on PATH. */
  readonly optional?: true;
}

const PNPM_NO_INSTALL = Object.entries(NO_INSTALL_BEFORE_RUN)
  .map(([name, value]) => `${name}=${value} `)
  .join('');

/**
 * @param bare whether the tool without arguments installs nothing
 * @param variables set for what is passed
 */
const passList = (words: readonly string[], bare = true, variables = '') => `case \${1-} in
  ${bare ? "'' | " : ''}${words.join(' | ')}) ${variables === '' ? '' : `export ${variables}&& `}exec "$real" "$@" ;;
esac
if [ $# -eq 1 ]; then
  case $1 in -v | -V | -h | --version | --help) exec "$real" "$@" ;; esac
fi`;

/** `python` is the guard's business only as `python -m pip`; flags of the interpreter may stand before `-m`. */
const PYTHON_PASS = `state=flags
command=none
for argument in "$@"; do
  case $state in
    value) state=flags; continue ;;
    module)
      case $argument in
        pip | pip3 | pip.* | pip._internal*) state=command; continue ;;
        *) break ;;
      esac ;;
    command) command=$argument; break ;;
  esac
  case $argument in
    -mpip | -mpip3 | -mpip.* | -[!-cWX]*mpip) state=command ;;
    -W | -X | --check-hash-based-pycs) state=value ;;
    -m | -[!-cWX]*m) state=module ;;
    -c* | - | --) break ;;
    -*) ;;
    *) break ;;
  esac
done
[ "$state" = command ] || exec "$real" "$@"
case $command in
  none | ${PIP_PASS.join(' | ')} | -V | -h | --version | --help) exec "$real" "$@" ;;
esac
SAFE_INSTALL_PYTHON=$real
export SAFE_INSTALL_PYTHON
while [ $# -gt 0 ]; do
  case $1 in
    -*mpip | -*mpip3 | -mpip.*) shift; break ;;
    -W | -X | --check-hash-based-pycs) shift 2 ;;
    -*m) shift 2; break ;;
    *) shift ;;
  esac
done`;

const SHIMS: readonly ShimTool[] = [
  { name: 'npm', command: 'npm', pass: passList(NPM_PASS) },
  { name: 'npx', command: 'npx', pass: passList([`'--no-command-given'`]) },
  {
    name: 'pip',
    command: 'pip',
    pass: `${passList(PIP_PASS)}\nSAFE_INSTALL_PIP=$real\nexport SAFE_INSTALL_PIP`,
  },
  {
    name: 'pip3',
    command: 'pip',
    pass: `${passList(PIP_PASS)}\nSAFE_INSTALL_PIP=$real\nexport SAFE_INSTALL_PIP`,
  },
  { name: 'python', command: 'pip', pass: PYTHON_PASS },
  { name: 'python3', command: 'pip', pass: PYTHON_PASS },
  ...['pnpm', 'pn'].map((name) => ({
    name,
    command: 'pnpm',
    pass: passList(PNPM_PASS, true, PNPM_NO_INSTALL),
    optional: true as const,
  })),
  ...['pnpx', 'pnx'].map((name) => ({ name, command: 'pnpm dlx', pass: '', optional: true as const })),
  ...['yarn', 'yarnpkg'].map((name) => ({
    name,
    command: 'yarn',
    pass: passList(YARN_PASS, false),
    optional: true as const,
  })),
  { name: 'bun', command: 'bun', pass: passList(BUN_PASS), optional: true },
  { name: 'bunx', command: 'bun x', pass: '', optional: true },
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
