/**
 * Real archives: are the files seen those that pacote or pip put on disk, byte for byte?
 *
 *   node dist/test/bench/differential.js FOLDER…
 *
 * Reads every .tgz as npm's, every .whl, .tar.gz and .zip as Python's; unpacks, runs nothing. Exits 1 on a difference.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { openArtifact } from '../../lib/artifact/open.js';
import { differences, digestsOf, startPythonUnpacker, unpackWithPacote } from '../helpers/unpack.js';

const folders = process.argv.slice(2);
if (folders.length === 0) {
  process.stderr.write('usage: differential.js FOLDER…\n');
  process.exit(2);
}
const python = startPythonUnpacker();
const counts = new Map<string, number>();
for (const folder of folders) {
  for (const filename of (await readdir(folder)).sort()) {
    const kind = /\.(tgz|whl|tar\.gz|zip)$/.exec(filename)?.[1];
    if (kind === undefined) continue;
    const path = resolve(join(folder, filename));
    const npm = kind === 'tgz';
    const artifact = await openArtifact({
      ecosystem: npm ? 'npm' : 'pypi',
      filename,
      bytes: await readFile(path),
    });
    const theirs = await (npm ? unpackWithPacote : python.unpack)(path);
    const found = theirs.files === undefined ? [] : differences(digestsOf(artifact), theirs.files);
    const outcome =
      artifact.unverified !== undefined
        ? `unverified ${artifact.unverified.code}`
        : theirs.files === undefined
          ? 'refused by the tool'
          : found.length > 0
            ? 'differs'
            : 'the same';
    if (outcome !== 'the same')
      process.stdout.write(`${filename}: ${outcome} ${theirs.error ?? ''} ${found.slice(0, 3).join(', ')}\n`);
    const key = `${kind}: ${outcome}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}
python.close();
for (const [key, count] of [...counts].sort()) process.stdout.write(`${key}\t${count}\n`);
process.exitCode = [...counts.keys()].some((key) => key.endsWith('differs')) ? 1 : 0;
