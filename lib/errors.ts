/** Errors with a place in the exit-code table; anything else is a bug and also ends in 102. */

export const EXIT = { ok: 0, usage: 2, blocked: 100, unverified: 101, failed: 102 } as const;

/** Every code an error can have: it ends the line on stderr, in brackets, and stands in the status file; README has their table. */
export const ERROR_CODES = [
  'usage',
  'internal',
  'damaged-install',
  'guard-missing',
  'node-missing',
  'tool-missing',
  'npm-missing',
  'pnpm-missing',
  'yarn-missing',
  'bun-missing',
  'pip-missing',
  'uv-missing',
  'uvx-missing',
  'pipx-missing',
  'corepack-missing',
  'pnpm-version',
  'yarn-version',
  'bun-version',
  'corepack-version',
  'corepack-npm',
  'npm-config',
  'npm-arguments',
  'unknown-option',
  'noproxy',
  'proxy-setting',
  'pip-config',
  'certificate',
  'policy',
  'no-policy',
  'no-integrity',
  'not-guarded',
  'runs-program',
  'interactive',
  'no-lockfile',
  'not-resolved',
  'unstable-tree',
  'tree-changed',
  'not-fetched',
  'past-the-gate',
  'scanner-not-asked',
  'file-changed',
  'spawn',
  'output',
  'model-missing',
  'model-config',
  'model-hash',
  'model-taxonomy',
  'model-vocabulary',
  'model-load',
  'model-graph',
  'model-output',
  'no-project',
  'script-shell-taken',
  'hook-changed',
  'not-a-venv',
  'unsupported-platform',
  'no-database',
  'database',
  'no-queue',
  'queue',
  'feed',
  'no-feed',
  'port',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One clear line naming the thing and the way out; shown with its code and without a stack. */
export class KnownError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly exitCode: number = EXIT.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'KnownError';
  }
}
