/**
 * `uv` and `pipx` behind the same gate. Both talk to indexes as pip does, heed proxies and certificates of the
 * environment, and install nothing before everything is there. What they would keep from unguarded runs (uv's cache)
 * is not shown to them.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { KnownError } from '../errors.js';
import { isArchiveName } from '../gate/body-kind.js';
import { findTool } from '../tools.js';
import { passThrough, type RunOptions, runGated } from './gated-run.js';
import { authorityFiles, type GuardResult } from './guard.js';
import { isAddress } from './requirement.js';
import { SourceReader } from './sources.js';

export type OtherTool = 'uv' | 'uvx' | 'pipx';

/** Commands that run a program when they have installed it: it would live behind the gate too, without a network. */
const RUNNING: Readonly<Record<OtherTool, RegExp>> = {
  uv: /^(?:run|x|tool run)\b/,
  uvx: /^(?!--version$|--help$)/,
  pipx: /^(?:run|runpip)\b/,
};
const PASSING: Readonly<Record<OtherTool, RegExp>> = {
  uv: /^(?:$|help\b|version\b|cache\b|self\b|auth\b|generate-shell-completion\b|python (?:list|find|dir|pin)\b|pip (?:list|freeze|show|check|tree|uninstall)\b|tool (?:list|dir|uninstall|update-shell)\b|format\b|publish\b|venv\b(?!.*--seed))/,
  uvx: /^--(?:version|help)$/,
  pipx: /^(?:$|list\b|uninstall\b|uninstall-all\b|ensurepath\b|environment\b|completions\b|help\b|pin\b|unpin\b)/,
};

const PROJECT_FILES = ['pyproject.toml', 'uv.toml', 'uv.lock', 'pylock.toml'];

export interface OtherOptions extends RunOptions {
  readonly tool: OtherTool;
  /** The file to run; by default the first on PATH that is no shim of ours. */
  readonly program?: string;
}

/** @throws KnownError (exit 2) for a command that cannot be guarded. */
export async function guardOther(options: OtherOptions): Promise<GuardResult> {
  const { tool, argv, cwd, env } = options;
  const program = options.program ?? findTool(tool, env);
  if (program === undefined)
    throw new KnownError(`${tool}-missing`, `cannot find ${tool} on PATH; install it, or add it to PATH`);
  const line = commandWords(argv).join(' ');
  const shown = argv.some((word) => /^(?:--help|-h|--version|-V)$/.test(word));
  if (PASSING[tool].test(line) || shown) return passThrough([program, ...argv], options);
  if (RUNNING[tool].test(line)) {
    const way =
      tool === 'pipx'
        ? "'safe-install pipx install' it, then run it"
        : "'safe-install uv sync' or 'safe-install uv tool install', then 'uv run --no-sync' or the tool itself";
    throw new KnownError(
      'runs-program',
      `'${tool} ${line}' would run a program inside the gate: use ${way}`,
      2,
    );
  }
  const sources = new SourceReader(cwd, env);
  for (const url of addresses(options)) sources.found.addresses.add(url);
  // What its own reading of the command line would find is not repeated here: every local archive named is read.
  for (const word of argv) sources.anything(word, tool);
  for (const name of PROJECT_FILES) {
    for (const [, path = ''] of readText(join(cwd, name)).matchAll(/["']([^"'\n]+)["']/g)) {
      if (isArchiveName(path) && !isAddress(path)) sources.anything(path, name);
    }
  }
  return runGated(options, {
    sources,
    upstream: { caFiles: authorityFiles(env.PIP_CERT, env), timeoutMs: 30_000 },
    command: () => [program, ...argv],
    env: ({ folder, authority }) => ({
      UV_CACHE_DIR: join(folder, 'uv-cache'),
      UV_HTTP_TIMEOUT: '86400',
      UV_LINK_MODE: 'copy',
      // uv would fetch interpreters from a host that is no index.
      UV_PYTHON_DOWNLOADS: 'never',
      UV_SYSTEM_CERTS: undefined,
      UV_NATIVE_TLS: undefined,
      UV_NO_CACHE: undefined,
      SSL_CERT_FILE: authority,
      PIP_NO_CACHE_DIR: '1',
    }),
  });
}

/** Words of the command, without options in front of it. */
function commandWords(argv: readonly string[]): string[] {
  const words = argv.filter((word) => !word.startsWith('-'));
  const first = argv.findIndex((word) => !word.startsWith('-'));
  return first > 0 &&
    /^--(?:directory|project|config-file|cache-dir|color|python)$/.test(argv[first - 1] ?? '')
    ? words.slice(1)
    : words;
}

/** Hosts the user names, wherever: the gate reads all that comes from them, so naming one too many harms nobody. */
function addresses({ argv, cwd, env }: OtherOptions): Set<string> {
  const config = env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), '.config');
  const files = PROJECT_FILES.map((name) => join(cwd, name));
  const texts = [
    ...argv,
    ...Object.entries(env).flatMap(([name, value]) => (/^(?:UV|PIP|PIPX)_/.test(name) ? [value ?? ''] : [])),
    ...[
      ...files,
      join(config, 'uv', 'uv.toml'),
      '/etc/uv/uv.toml',
      ...argv.map((word) => resolve(cwd, word)),
    ].map(readText),
  ];
  const found = new Set(['https://pypi.org/simple', 'https://files.pythonhosted.org/']);
  for (const text of texts) {
    for (const [url] of text.matchAll(/https?:\/\/[^\s"'<>,;\]]+/g)) found.add(url);
  }
  return found;
}

function readText(path: string): string {
  if (isArchiveName(path)) return '';
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
