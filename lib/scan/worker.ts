/** Thread that examines artifacts, one at a time. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { KnownError } from '../errors.js';
import { examine } from './examine.js';
import type { Answer, Job } from './pool.js';

// A new thread spends more on compiling the parser and the interpreter than on its first hundred packages: they are a few
// large functions that call each other, and inlining them into one another gains nothing.
setFlagsFromString('--max-inlined-bytecode-size=100');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');

parentPort!.on('message', async ({ id, input, options }: Job) => {
  let answer: Answer;
  try {
    const examined = await examine(input, options);
    answer = { id, examined, heapBytes: getHeapStatistics().total_heap_size };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer =
      error instanceof KnownError
        ? { id, known: { code: error.code, message, exitCode: error.exitCode } }
        : { id, failure: message };
  }
  parentPort!.postMessage(answer);
});
