/** What a feed of new releases is: pages of entries, each with the position after it. */
import type { Entry } from './store.js';

export interface Page {
  readonly entries: readonly Entry[];
  /** To go on from; the same as before when there is nothing new. */
  readonly position: string;
  /** Nothing more for now. */
  readonly caughtUp: boolean;
  /** Entries the feed has beyond `position`, when it says so. */
  readonly behind?: number;
  /** What may have been missed, for people. */
  readonly notice?: string;
}

export interface Feed {
  /** Names it in the store, with its address. */
  readonly id: string;
  /** Pause between two looks when there was nothing more, milliseconds. */
  readonly pollMs: number;
  /** It has an end: nothing comes after the last page. */
  readonly finite: boolean;
  /** Where a watch begins that has no position yet, and from when on a release is new (milliseconds since 1970). */
  begin(): Promise<{ readonly position: string; readonly floor: number | undefined }>;
  /** Throws `Failure`; the same position gives the same entries again, so that nothing is lost. */
  read(position: string, floor: number | undefined): Promise<Page>;
}

/** Registries' clocks and pages differ a little: what is this much older than the beginning is still taken as new. */
export const FLOOR_MARGIN_MS = 15 * 60_000;

/** A package's feed entry: something is new in it. */
export const packageEntry = (
  ecosystem: Entry['ecosystem'],
  name: string,
  version: string,
  registry: string,
  floor: number | undefined,
): Entry => ({ kind: 'package', ecosystem, name, version, filename: '', url: registry, promised: '', floor });
