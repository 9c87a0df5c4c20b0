/**
 * Whether the evidence of a blocked package shows the line that acts: malicious samples, a line of each marked by hand as the
 * one that sends, executes or drops, before its evidence was looked at. Samples are read in memory and never run.
 *
 *   node dist/test/bench/evidence.js CORPUS NPM_REPOSITORY PYPI_REPOSITORY [--misses]
 *
 * CORPUS holds malicious.tsv (model/training/fetch.py writes it), the repositories are the bare ones the samples are in.
 * evidence-marks.tsv: two sets of twelve npm and eight PyPI samples of the training lists, drawn by a seed, one a cluster.
 * The first set may be tuned on, the second is for what comes out.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { classify } from '../../lib/classifier/classify.js';
import { mainEvidence } from '../../lib/report/messages.js';
import type { Ecosystem, Evidence, OpenedArtifact } from '../../lib/types.js';

const [corpus, npmRepository, pypiRepository, misses] = process.argv.slice(2);
if (corpus === undefined || npmRepository === undefined || pypiRepository === undefined) {
  process.stderr.write('usage: evidence.js CORPUS NPM_REPOSITORY PYPI_REPOSITORY [--misses]\n');
  process.exit(2);
}
const REPOSITORIES: Readonly<Record<Ecosystem, string>> = { npm: npmRepository, pypi: pypiRepository };
const rows = (path: string | URL): string[][] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));
const samples = new Map(
  rows(join(corpus, 'malicious.tsv')).map(([, path, , , object, , sha256]) => [sha256!, { path, object }]),
);

/** The sample as the registry served it: the collection wraps npm's once more. */
async function open(ecosystem: Ecosystem, sha256: string): Promise<OpenedArtifact> {
  const { path, object } = samples.get(sha256)!;
  const filename = path!.split('/').at(-1)!;
  const bytes = execFileSync('git', ['-C', REPOSITORIES[ecosystem], 'cat-file', 'blob', object!], {
    maxBuffer: 1 << 29,
  });
  const artifact = await openArtifact({ ecosystem, filename, bytes });
  if (!artifact.files.has('package/package.json')) return artifact;
  const files = [...artifact.files.values()]
    .filter((file) => file.path.startsWith('package/'))
    .map((file) => ({ ...file, path: file.path.slice('package/'.length) }));
  return openArtifact({ ecosystem, filename, bytes: new Uint8Array(), files });
}

const places = (evidence: readonly Evidence[]): string[] =>
  evidence.map(({ behavior: { file, line } }) => `${file}:${line}`);

const totals = new Map<
  string,
  { samples: number; blocked: number; first: number; shown: number; trivial: number }
>();
for (const [set, ecosystem, sha256, marks] of rows(
  new URL('../../../test/bench/evidence-marks.tsv', import.meta.url),
)) {
  const artifact = await open(ecosystem as Ecosystem, sha256!);
  const score = await classify(await buildSequence(artifact));
  const acting = new Set(marks!.split(' '));
  const shown = places(mainEvidence(score.evidence));
  const hit = (lines: readonly string[]): boolean => lines.some((place) => acting.has(place));
  const file = artifact.files.get(marks!.replace(/:\d+( .*)?$/, ''));
  const lines = file === undefined ? 0 : new TextDecoder().decode(file.bytes).trim().split('\n').length;
  const total = totals.get(set!) ?? { samples: 0, blocked: 0, first: 0, shown: 0, trivial: 0 };
  totals.set(set!, total);
  total.samples++;
  if (score.value >= score.threshold) total.blocked++;
  if (hit(shown.slice(0, 3))) total.first++;
  if (hit(shown)) total.shown++;
  if (lines < 10) total.trivial++;
  if (misses === '--misses' && !hit(shown.slice(0, 3))) {
    process.stdout.write(`${set} ${sha256!.slice(0, 12)} marked ${marks}\n`);
    for (const { behavior, weight } of mainEvidence(score.evidence))
      process.stdout.write(
        `    ${behavior.phase} ${behavior.file}:${behavior.line} ${behavior.code} ${weight.toFixed(2)}\n`,
      );
  }
}
for (const [set, { samples: all, blocked, first, shown, trivial }] of totals) {
  process.stdout.write(
    `${set}: ${blocked} of ${all} blocked; the acting line in the first three lines of evidence ${first}, in any ${shown}; of fewer than ten lines ${trivial}\n`,
  );
}
process.exit();
