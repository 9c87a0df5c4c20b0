/** GuardDog over the same archives, as many processes as the scanner has threads. Not a dependency: skipped without it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type { Archive } from './scans.js';
import { addRow, say } from './table.js';

/** @param python the interpreter of an environment with guarddog; undefined: skipped, and said so */
export async function benchGuardDog(
  what: string,
  python: string | undefined,
  archives: readonly Archive[],
  ours: number,
): Promise<void> {
  if (python === undefined || !existsSync(python)) {
    addRow(`GuardDog: ${what}`, '≥ 10 ×', 'skipped: give the Python of its environment with --guarddog');
    return;
  }
  const script = new URL('../../../../test/bench/speed/guarddog-rules.py', import.meta.url).pathname;
  const processes = availableParallelism();
  const shares = Array.from({ length: processes }, (_, at) =>
    archives.filter((_, index) => index % processes === at),
  );
  const run = promisify(execFile);
  const times = await Promise.all(
    shares.map(async (share) => {
      const { stdout, stderr } = await run(python, [script, ...share.map(({ path }) => path)], {
        maxBuffer: 1 << 26,
      });
      const failed = stderr.split('\n').filter((line) => /^\//.test(line)).length;
      if (failed > 0) say(`  GuardDog could not read ${failed} archives`);
      return Number(stdout.trim().split('\n').at(-1));
    }),
  );
  const theirs = archives.length / Math.max(...times);
  addRow(
    `GuardDog: ${what}`,
    '≥ 10 ×',
    `${theirs.toFixed(2)} packages a second against ${ours.toFixed(1)}: ${(ours / theirs).toFixed(1)} ×`,
  );
}
