/**
 * Where the time of a guarded command goes, for whoever listens on the diagnostics channel `safe-install:stage`
 * (`npm run bench`); without a listener it costs nothing. Stages overlap: what is read while resolving goes on
 * counts for both.
 */
import { channel } from 'node:diagnostics_channel';
import process from 'node:process';

export interface Stage {
  readonly name: 'resolve' | 'read' | 'install';
  /** By the clock, and processor time of this process with its threads, without its children. */
  readonly ms: number;
  readonly cpuMs: number;
}

const stages = channel('safe-install:stage');

export async function timed<T>(name: Stage['name'], work: () => Promise<T>): Promise<T> {
  if (!stages.hasSubscribers) return work();
  const started = performance.now();
  const before = process.cpuUsage();
  try {
    return await work();
  } finally {
    const { user, system } = process.cpuUsage(before);
    const stage: Stage = { name, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
    stages.publish(stage);
  }
}
