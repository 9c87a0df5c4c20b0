/** AVX-VNNI on a processor without: onnxruntime's own kernels for it, their one instruction carried out by `vnni.c`. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Where onnxruntime asks the processor: `cpuid`, `test al, 0x10`, and a short jump past the kernels when there is none. */
const ASKS = Buffer.from('0fa2a81074', 'hex');

/**
 * The environment in which a process of Node.js loads onnxruntime so. Writes a library and a changed copy of onnxruntime into
 * the folder; what is installed stays as it is. Throws when there is no C compiler, or this onnxruntime asks in another way.
 */
export function vnniEnvironment(folder: string): NodeJS.ProcessEnv {
  const handler = join(folder, 'vnni.so');
  // Compiled to dist/test/bench; the source stays where it is.
  const source = fileURLToPath(new URL('../../../test/bench/vnni.c', import.meta.url));
  const compiled = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', handler, source], { encoding: 'utf8' });
  if (compiled.status !== 0) throw new Error(`cc cannot compile ${source}: ${compiled.stderr}`);
  const installed = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const name = 'libonnxruntime.so.1';
  const library = readFileSync(join(installed, 'bin/napi-v6/linux/x64', name));
  const at = library.indexOf(ASKS);
  if (at === -1 || library.includes(ASKS, at + 1)) {
    throw new Error('this onnxruntime asks for AVX-VNNI in another way');
  }
  library.fill(0x90, at + ASKS.length - 1, at + ASKS.length + 1);
  const changed = join(folder, name);
  writeFileSync(changed, library);
  return { ...process.env, LD_PRELOAD: `${handler}:${changed}` };
}
