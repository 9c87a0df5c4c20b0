/** Thread that examines artifacts, one at a time. */
import { Session } from 'node:inspector';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { KnownError } from '../errors.js';
import { examine } from './examine.js';
import type { Answer, Job } from './pool.js';

// A new thread spends more on compiling the parser and the interpreter than on its first hundred packages: they are a few
// large functions that call each other, and inlining them into one another gains nothing.
setFlagsFromString('--max-inlined-bytecode-size=100');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');

/**
 * A thread whose heap has grown to more collects its garbage before it goes on: the engine would let the next artifacts grow
 * it further, and a fresh thread would have to compile everything again.
 */
const COLLECTED_HEAP_BYTES = 160 * 1024 * 1024;

const heapBytes = (): number => getHeapStatistics().total_heap_size;

/** As a debugger asks for it: of all ways the one that also gives the memory back. */
async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await new Promise<void>((resolve) => session.post('HeapProfiler.collectGarbage', () => resolve()));
  session.disconnect();
}

parentPort!.on('message', async ({ id, input, options }: Job) => {
  let answer: Answer;
  try {
    const examined = await examine(input, options);
    if (heapBytes() > COLLECTED_HEAP_BYTES) await collectGarbage();
    answer = { id, examined, heapBytes: heapBytes() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer =
      error instanceof KnownError
        ? { id, known: { code: error.code, message, exitCode: error.exitCode } }
        : { id, failure: message };
  }
  parentPort!.postMessage(answer);
});
