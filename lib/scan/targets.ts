/**
 * What `safe-install scan` is given, expanded to artifacts. The command iterates; each item fetches its
 * bytes when asked, so that thousands of targets cost no memory up front.
 */
import type { Ecosystem, ScanInput, UnverifiedReason } from '../types.js';

export interface TargetOptions {
  /** Folder relative paths and project configuration are read from. */
  readonly cwd: string;
  /** Decides for archives whose kind cannot be seen (`--ecosystem`). */
  readonly ecosystem?: Ecosystem;
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

/** Expands targets in order. Yields an item with `unverified` for a target it cannot expand; never throws on one. */
export async function* expandTargets(
  _targets: readonly string[],
  _options: TargetOptions,
): AsyncGenerator<TargetItem> {
  yield* [];
  throw new Error('not built yet');
}
