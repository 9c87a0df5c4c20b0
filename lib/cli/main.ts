/** argv → command → exit code. */
import process from 'node:process';

export async function main(_argv: readonly string[]): Promise<void> {
  process.stderr.write('safe-install: not built yet\n');
  process.exitCode = 102;
}
