/** What the installing tools put on disk, as path → SHA-256. Writes to temporary folders; runs nothing. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pacote from 'pacote';
import type { OpenedArtifact } from '../../lib/types.js';

export type Digests = ReadonlyMap<string, string>;

export interface Unpacked {
  readonly files?: Digests;
  /** Why the tool would not unpack it. */
  readonly error?: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function digestsOf(artifact: OpenedArtifact): Digests {
  return new Map([...artifact.files].map(([path, { bytes }]) => [path, sha256(bytes)]));
}

export function differences(ours: Digests, theirs: Digests): string[] {
  const found: string[] = [];
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    if (!ours.has(path)) found.push(`not seen: ${path}`);
    else if (!theirs.has(path)) found.push(`not on disk: ${path}`);
    else if (ours.get(path) !== theirs.get(path)) found.push(`other bytes: ${path}`);
  }
  return found;
}

/** As npm does, through pacote. `seconds`: on some damaged archives it neither ends nor fails. */
export async function unpackWithPacote(path: string, seconds = 20): Promise<Unpacked> {
  const base = await mkdtemp(join(tmpdir(), 'safe-install-unpack-'));
  const root = join(base, 'out');
  try {
    const extracted = pacote.extract(`file:${path}`, root, { cache: join(base, 'cache') });
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`still unpacking after ${seconds} s`)), seconds * 1000).unref();
    });
    await Promise.race([extracted, late]);
    const files = new Map<string, string>();
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      files.set(relative(root, file), sha256(await readFile(file)));
    }
    return { files };
  } catch (error) {
    return { error: (error as Error).message };
  } finally {
    // One that was given up may still be writing.
    await rm(base, { recursive: true, force: true, maxRetries: 10 });
  }
}

export interface PythonUnpacker {
  unpack(path: string): Promise<Unpacked>;
  close(): void;
}

/** As pip does, in one Python process for all archives. */
export function startPythonUnpacker(): PythonUnpacker {
  // Compiled to dist/test/helpers; the script stays in the sources.
  const script = fileURLToPath(new URL('../../../test/helpers/unpack.py', import.meta.url));
  const python = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return {
    unpack: async (path) => {
      python.stdin.write(`${path}\n`);
      const line = await lines.next();
      if (line.done) return { error: 'python ended' };
      const { files, error } = JSON.parse(line.value) as { files?: Record<string, string>; error?: string };
      return files === undefined ? { error: error ?? '?' } : { files: new Map(Object.entries(files)) };
    },
    close: () => python.stdin.end(),
  };
}
