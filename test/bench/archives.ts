/**
 * Differential check: files as `openArtifact` sees them against what the installing tool puts on disk, byte for
 * byte. For honest archives only: the other side unpacks to temporary folders (and runs nothing).
 *
 *   node dist/test/bench/archives.js npm|pypi FOLDER [COUNT]
 *
 * Takes COUNT archives spread evenly over the sorted folder. Exit 1 when any differs or cannot be read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Ecosystem } from '../../lib/types.js';
import { differences, digestsOf, startPythonUnpacker, unpackWithPacote } from '../helpers/unpack.js';

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
  const unpack =
    kind === 'npm' ? (path: string) => unpackWithPacote(path, 300) : startPythonUnpacker().unpack;
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
    const ours = digestsOf(artifact);
    for (const { bytes: content } of artifact.files.values()) totals.bytes += content.length;
    totals.files += ours.size;
    const found = differences(ours, theirs.files);
    if (found.length === 0) totals.equal++;
    else {
      totals.different++;
      print(`${name}: ${found.slice(0, 5).join('; ')}`);
    }
  }
  print(JSON.stringify(totals));
  if (totals.archives === 0 || totals.equal !== totals.archives) process.exitCode = 1;
  process.exit();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
