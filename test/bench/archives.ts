/**
 * Differential check: files as `openArtifact` sees them against what the installing tool puts on disk, byte for
 * byte. For honest archives only: the other side unpacks to temporary folders (and runs nothing).
 *
 *   node dist/test/bench/archives.js npm|pypi FOLDER [COUNT]
 *
 * Takes COUNT archives spread evenly over the sorted folder. Exit 1 when any differs.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pacote from 'pacote';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Ecosystem } from '../../lib/types.js';

type Digests = Map<string, string>;

/** Like Python's digests, but lines and order do not matter. */
interface Unpacked {
  readonly files?: Digests;
  readonly error?: string;
}

const [ecosystem = '', folder = '', count = '300'] = process.argv.slice(2);
if ((ecosystem !== 'npm' && ecosystem !== 'pypi') || folder === '') {
  process.stderr.write('usage: archives.js npm|pypi FOLDER [COUNT]\n');
  process.exit(2);
}
await main(ecosystem, folder, Number(count));

async function main(kind: Ecosystem, root: string, most: number): Promise<void> {
  const suffix = kind === 'npm' ? /\.tgz$/ : /\.(?:whl|tar\.gz|zip)$/;
  const all = (await readdir(root)).filter((name) => suffix.test(name)).sort();
  const step = Math.max(1, all.length / most);
  const names = Array.from({ length: Math.min(most, all.length) }, (_, i) => all[Math.floor(i * step)]!);
  const unpack = kind === 'npm' ? withPacote : withPython();
  const totals = { archives: 0, equal: 0, different: 0, unverified: 0, refused: 0, files: 0, bytes: 0 };
  for (const name of names) {
    const path = join(root, name);
    const bytes = await readFile(path);
    const artifact = await openArtifact({ ecosystem: kind, filename: name, bytes });
    const theirs = await unpack(path);
    totals.archives++;
    if (artifact.unverified !== undefined || theirs.files === undefined) {
      if (artifact.unverified !== undefined) totals.unverified++;
      if (theirs.files === undefined) totals.refused++;
      print(
        `${name}: ours ${JSON.stringify(artifact.unverified ?? 'read')}, theirs ${theirs.error ?? 'read'}`,
      );
      continue;
    }
    const ours: Digests = new Map();
    for (const [file, { bytes: content }] of artifact.files) {
      ours.set(file, createHash('sha256').update(content).digest('hex'));
      totals.bytes += content.length;
    }
    totals.files += ours.size;
    const differences = compare(ours, theirs.files);
    if (differences.length === 0) totals.equal++;
    else {
      totals.different++;
      print(`${name}: ${differences.slice(0, 5).join('; ')}`);
    }
  }
  print(JSON.stringify(totals));
  if (totals.archives === 0 || totals.equal + totals.unverified !== totals.archives) process.exitCode = 1;
  if (totals.unverified > 0) process.exitCode = 1;
  process.exit();
}

function compare(ours: Digests, theirs: Digests): string[] {
  const differences: string[] = [];
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    if (!ours.has(path)) differences.push(`not seen: ${path}`);
    else if (!theirs.has(path)) differences.push(`not on disk: ${path}`);
    else if (ours.get(path) !== theirs.get(path)) differences.push(`other bytes: ${path}`);
  }
  return differences;
}

async function withPacote(path: string): Promise<Unpacked> {
  const root = await mkdtemp(join(tmpdir(), 'safe-install-bench-'));
  try {
    await pacote.extract(`file:${path}`, root, { cache: join(root, '..', 'safe-install-bench-cache') });
    const files: Digests = new Map();
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      files.set(
        relative(root, file),
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      );
    }
    return { files };
  } catch (error) {
    return { error: (error as Error).message };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function withPython(): (path: string) => Promise<Unpacked> {
  // Compiled to dist/test/bench; the script stays in the sources.
  const script = fileURLToPath(new URL('../../../test/bench/unpack.py', import.meta.url));
  const python = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return async (path) => {
    python.stdin.write(`${path}\n`);
    const line = await lines.next();
    if (line.done) return { error: 'python ended' };
    const { files, error } = JSON.parse(line.value) as { files?: Record<string, string>; error?: string };
    return files === undefined ? { error: error ?? '?' } : { files: new Map(Object.entries(files)) };
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
