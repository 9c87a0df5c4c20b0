/** Runs a command and measures what it costs with everything it starts: clock, processor time, memory. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';

export interface Cost {
  /** Seconds by the clock. */
  readonly clock: number;
  /** Seconds of processor time, of the command and all it waited for. */
  readonly cpu: number;
  /** Largest proportional memory of all its processes together, MB; sampled, so a floor. NaN without /proc. */
  readonly peak: number;
  readonly exitCode: number;
  readonly output: string;
}

export interface MeasureOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Asking the kernel for proportional sizes costs time itself. */
const SAMPLE_MS = 500;

export async function measure(command: readonly string[], { cwd, env }: MeasureOptions): Promise<Cost> {
  // The shell's own account of what it waited for: the only one that needs no other tool.
  const script = '"$@"; code=$?; times >&3; exit $code';
  const started = performance.now();
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const texts = ['', ''];
  const collect = (at: number, stream: NodeJS.ReadableStream): void => {
    stream.setEncoding('utf8').on('data', (text: string) => {
      texts[at] += text;
    });
  };
  collect(0, child.stdout!);
  collect(0, child.stderr!);
  collect(1, child.stdio[3] as NodeJS.ReadableStream);
  let peak = Number.NaN;
  const timer = setInterval(() => {
    const now = memoryOf(child.pid!);
    if (!(peak >= now)) peak = now;
  }, SAMPLE_MS);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal!]));
  });
  clearInterval(timer);
  const cpu = [...texts[1]!.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
  return { clock: (performance.now() - started) / 1000, cpu, peak, exitCode, output: texts[0]! };
}

/** Proportional set size of a process and everything below it, MB. */
function memoryOf(pid: number): number {
  let total = 0;
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    total += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
      for (const child of children) total += memoryOf(Number(child));
    }
  } catch {
    // Gone meanwhile, or a system without /proc.
  }
  return total;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

export function shown({ median, least, most }: Spread, digits = 1): string {
  const text = (value: number): string => value.toFixed(digits);
  return least === most ? text(median) : `${text(median)} (${text(least)}–${text(most)})`;
}
