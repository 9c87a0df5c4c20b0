/** Thread that examines artifacts, one at a time. */
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { KnownError } from '../errors.js';
import { examine } from './examine.js';
import type { Answer, Job } from './pool.js';

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
