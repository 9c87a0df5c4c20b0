/**
 * The model on a processor without VNNI (the instructions onnxruntime multiplies 8-bit matrices with where there are any)
 * against this one.
 *
 *   node dist/test/bench/processors.js npm|pypi FOLDER [WINDOWS, default 200] [CPU, default Haswell]
 *
 * The other processor is emulated by `qemu-x86_64` (Debian: `qemu-user`), which knows no VNNI; `AVX-VNNI` in place of its name:
 * this processor with that, as `vnni.ts` has it (needs a C compiler and half a minute a window). Prints what this
 * processor has, how many instructions of VNNI were carried out, the largest difference in log-odds and in score over the distinct windows of the folder's archives, and how
 * many verdicts of a window alone differ. Exit 1 when a score differs by more than the model's stated bound.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { unitTokens } from '../../lib/behavior/tokens.js';
import { packageLogOdds, sigmoid } from '../../lib/classifier/score.js';
import { type Model, openModel } from '../../lib/classifier/session.js';
import { cutWindows } from '../../lib/classifier/tokenizer.js';
import type { Ecosystem } from '../../lib/types.js';
import { vnniEnvironment } from './vnni.js';

const [ecosystem = '', folder = '', most = '200', cpu = 'Haswell'] = process.argv.slice(2);
if (ecosystem === '--answer') await answer();
else if ((ecosystem !== 'npm' && ecosystem !== 'pypi') || folder === '') {
  process.stderr.write('usage: processors.js npm|pypi FOLDER [WINDOWS] [CPU]\n');
  process.exitCode = 2;
} else await compare(ecosystem);

/** Log-odds of the windows on standard input. */
async function answer(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const windows = JSON.parse(Buffer.concat(chunks).toString()) as number[][];
  process.stdout.write(JSON.stringify(await logOdds(await openModel(), windows)));
}

async function logOdds(model: Model, windows: readonly (readonly number[])[]): Promise<number[]> {
  const found: number[] = [];
  for (const ids of windows) found.push(await model.run(ids));
  return found;
}

async function compare(kind: Ecosystem): Promise<void> {
  const model = await openModel();
  const windows = await windowsOf(kind, model);
  const here = await logOdds(model, windows);
  const emulated = elsewhere(JSON.stringify(windows));
  if (emulated.status !== 0) {
    process.stderr.write(
      `${cpu} did not answer (qemu-x86_64 is in Debian's qemu-user): ${emulated.error?.message ?? emulated.stderr}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const there = JSON.parse(emulated.stdout) as number[];
  const { config } = model;
  const score = (z: number): number => sigmoid(packageLogOdds([z], kind, config));
  const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const inScore = largest(here.map((z, i) => Math.abs(score(z) - score(there[i]!))));
  const result = {
    model: config.version,
    processor: cpus()[0]?.model ?? '',
    vnni: /\bavx(?:512)?_vnni\b/.test(await readFile('/proc/cpuinfo', 'utf8')),
    emulated: cpu,
    vnniInstructions: Number(/carried out (\d+)/.exec(emulated.stderr)?.[1] ?? 0),
    windows: windows.length,
    inLogOdds: largest(here.map((z, i) => Math.abs(z - there[i]!))),
    inScore,
    bound: config.scoreBound,
    otherVerdicts: here.filter(
      (z, i) => score(z) >= config.threshold !== score(there[i]!) >= config.threshold,
    ).length,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (inScore > config.scoreBound) process.exitCode = 1;
}

/** Runs this file on the other processor. */
function elsewhere(input: string): SpawnSyncReturns<string> {
  const options = { input, maxBuffer: 2 ** 28, encoding: 'utf8' } as const;
  const self = [fileURLToPath(import.meta.url), '--answer'];
  if (cpu !== 'AVX-VNNI') {
    // No code made at run time: the emulator would translate it anew each time.
    return spawnSync('qemu-x86_64', ['-cpu', cpu, process.execPath, '--jitless', ...self], options);
  }
  const made = mkdtempSync(join(tmpdir(), 'safe-install-vnni-'));
  try {
    return spawnSync(process.execPath, self, { ...options, env: vnniEnvironment(made) });
  } finally {
    rmSync(made, { recursive: true });
  }
}

async function windowsOf(kind: Ecosystem, model: Model): Promise<number[][]> {
  const suffix = kind === 'npm' ? /\.tgz$/ : /\.(?:whl|tar\.gz)$/;
  const all = (await readdir(folder)).filter((name) => suffix.test(name)).sort();
  const step = Math.max(1, Math.floor(all.length / Number(most)));
  const found = new Map<string, number[]>();
  for (let i = 0; i < all.length && found.size < Number(most); i += step) {
    const filename = all[i]!;
    const bytes = await readFile(join(folder, filename));
    if (bytes.length > 200_000) continue;
    const sequence = await buildSequence(await openArtifact({ ecosystem: kind, filename, bytes }));
    for (const unit of sequence.units) {
      for (const { ids } of cutWindows(unitTokens(unit), model.vocabulary, model.config)) {
        found.set(ids.join(), [...ids]);
      }
    }
  }
  return [...found.values()].slice(0, Number(most));
}
