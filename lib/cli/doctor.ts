/** `safe-install doctor`: what is guarded, what is not, and the proof. */
import process from 'node:process';
import { EXIT } from '../errors.js';
import { escapeText } from '../report/escape.js';
import { examine, isSound } from '../setup/doctor.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome } from './exit.js';

const MARKS = { ok: 'ok    ', open: 'open  ', failed: 'FAILED' } as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(
    argv,
    {
      usage: 'doctor [--format text|json]',
      description:
        'Says what is guarded and what is not, and scans a harmless package that must be blocked. Exit 102 when something that was set up does not guard.',
      examples: [['safe-install doctor --format json', 'for programs']],
    },
    (yargs) =>
      yargs.option('format', {
        type: 'string',
        choices: ['text', 'json'] as const,
        default: 'text' as const,
      }),
  );
  if (parsed === undefined) return done;
  noMore(parsed, 'doctor');
  const checks = await examine({ cwd: process.cwd() });
  const sound = isSound(checks);
  if (parsed.format === 'json') {
    process.stdout.write(`${JSON.stringify({ schema: 1, sound, checks }, undefined, 2)}\n`);
  } else {
    const width = Math.max(...checks.map((check) => check.id.length));
    for (const { id, state, detail } of checks) {
      process.stdout.write(`${MARKS[state]}  ${id.padEnd(width)}  ${escapeText(detail)}\n`);
    }
  }
  return sound ? done : { outcome: 'failed', exitCode: EXIT.failed, error: 'not-guarded' };
}
