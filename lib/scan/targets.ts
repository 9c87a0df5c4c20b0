/**
 * What `safe-install scan` is given, expanded to artifacts. Each item fetches its bytes when asked, so that
 * thousands of targets cost no memory up front. Nothing is installed, built or run on the way.
 */
import { lstat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Ecosystem, ScanInput, UnverifiedCode, UnverifiedReason } from '../types.js';

export interface TargetOptions {
  /** Folder relative paths and project configuration are read from. */
  readonly cwd: string;
  /** Decides for archives whose kind cannot be seen (`--ecosystem`). */
  readonly ecosystem?: Ecosystem;
  /** For the users' configuration; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

/** One artifact of a target, in the order of the targets. */
export interface TargetItem {
  /** As the user gave it; several items may share it (a release, a lockfile). */
  readonly target: string;
  readonly ecosystem: Ecosystem;
  /** What is known before the bytes are; empty strings when nothing is. */
  readonly name: string;
  readonly version: string;
  /** Never rejects: a target that cannot be had is `unverified`. */
  load(): Promise<LoadedTarget>;
}

export type LoadedTarget =
  | { readonly input: ScanInput; readonly unverified?: undefined }
  | { readonly input?: undefined; readonly unverified: UnverifiedReason };

/** A target or item that cannot be had; becomes `unverified`. */
export class Unavailable extends Error {
  readonly reason: UnverifiedReason;
  constructor(code: UnverifiedCode, args: Readonly<Record<string, string | number>>) {
    super(code);
    this.reason = { code, args };
  }
}

/** An item whose `load` turns whatever goes wrong into a reason. */
export function item(
  facts: Pick<TargetItem, 'target' | 'ecosystem' | 'name' | 'version'>,
  load: () => Promise<ScanInput>,
): TargetItem {
  return {
    ...facts,
    load: async () => {
      try {
        return { input: await load() };
      } catch (error) {
        return { unverified: reasonOf(error, facts.target) };
      }
    },
  };
}

export function reasonOf(error: unknown, target: string): UnverifiedReason {
  if (error instanceof Unavailable) return error.reason;
  const { code, message } = error as NodeJS.ErrnoException;
  const why = message ?? String(error);
  if (code === 'EINTEGRITY') return { code: 'integrity-mismatch', args: { target, why } };
  return { code: 'not-fetched', args: { target, why, ...(typeof code === 'string' && { error: code }) } };
}

/** Expands targets in order. A target that cannot be expanded is one item that says so; never throws on one. */
export async function* expandTargets(
  targets: readonly string[],
  options: TargetOptions,
): AsyncGenerator<TargetItem> {
  for (const target of targets) {
    if (options.signal?.aborted) return;
    try {
      yield* expand(target, options);
    } catch (error) {
      const ecosystem = /^pypi:|requirements|\.whl$/i.test(target) ? 'pypi' : (options.ecosystem ?? 'npm');
      yield item({ target, ecosystem, name: '', version: '' }, () => Promise.reject(error));
    }
  }
}

async function* expand(target: string, options: TargetOptions): AsyncGenerator<TargetItem> {
  // Sources are loaded when first needed: scanning a file needs neither npm's libraries nor an index.
  if (target.startsWith('npm:')) {
    const { npmSpec } = await import('./npm-targets.js');
    return yield* npmSpec(target, options);
  }
  if (target.startsWith('pypi:')) {
    const { pypiSpec } = await import('./pypi-targets.js');
    return yield* pypiSpec(target, options);
  }
  const path = resolve(options.cwd, target);
  const stat = await lstat(path).catch(() => {
    throw new Unavailable('not-fetched', { target, why: 'no such file or folder', error: 'ENOENT' });
  });
  if (stat.isDirectory() || stat.isSymbolicLink()) {
    const { folder } = await import('./folder-targets.js');
    return yield* folder(target, path, options);
  }
  if (/^(?:package-lock|npm-shrinkwrap)\.json$|^\.package-lock\.json$/.test(basename(path))) {
    const { lockfile } = await import('./npm-targets.js');
    return yield* lockfile(target, path, options);
  }
  if (/\.txt$/i.test(path)) {
    const { requirementsFile } = await import('./pypi-targets.js');
    return yield* requirementsFile(target, path, options);
  }
  const { archive } = await import('./folder-targets.js');
  yield await archive(target, path, options);
}
