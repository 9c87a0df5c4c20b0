/** Preloaded into safe-install by the bench: writes the stages it tells of to the file `BENCH_STAGES` names. */
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import process from 'node:process';

const file = process.env.BENCH_STAGES;
// What safe-install starts is not listened to.
delete process.env.BENCH_STAGES;
if (file !== undefined) {
  const stages: unknown[] = [];
  subscribe('safe-install:stage', (stage) => stages.push(stage));
  process.on('exit', () => writeFileSync(file, JSON.stringify(stages)));
}
