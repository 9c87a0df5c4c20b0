/** Worker for the pool's tests: does what the file name of the artifact says. */
import { parentPort, threadId } from 'node:worker_threads';
import type { Job } from '../../lib/scan/pool.js';

let seen = 0;
parentPort!.on('message', ({ id, input }: Job) => {
  seen++;
  const { filename } = input;
  if (filename === 'crash' || (filename === 'crash-when-used' && seen > 1)) process.exit(3);
  if (filename === 'throw') throw new Error('out of the event loop');
  if (filename === 'hang') for (;;);
  if (filename === 'starved') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
  if (filename === 'stuck') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (filename === 'memory') {
    const held: number[][] = [];
    for (;;) held.push(new Array(1e6).fill(held.length));
  }
  if (filename === 'failure') return parentPort!.postMessage({ id, failure: 'said so' });
  if (filename === 'model') {
    return parentPort!.postMessage({
      id,
      known: { code: 'model-missing', message: 'no model', exitCode: 102 },
    });
  }
  console.log('this must not reach the terminal');
  parentPort!.postMessage({
    id,
    examined: {
      ecosystem: input.ecosystem,
      name: filename,
      version: String(threadId),
      integrity: 'sha512-x',
      score: { value: filename === 'evil' ? 0.99 : 0.01, threshold: 0.5, evidence: [] },
      findings: [],
      opaqueFiles: 0,
    },
  });
});
