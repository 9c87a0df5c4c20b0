/**
 * How much of a package's behaviour is still found when its code is disguised: every disguise is laid over every subject
 * automatically, and the share of the original behaviours (codes, in their order) that the disguised sequence still
 * holds is printed. Nothing is run; samples are read in memory.
 *
 *   node dist/test/bench/disguise.js [--language javascript|python] [--samples FOLDER_OR_GIT] [--count N] [--only WORD] [--misses]
 *   node dist/test/bench/disguise.js --language javascript|python --honest FOLDER [--count N] [--only WORD]
 *
 * `--honest`: a folder of honest archives; small ones, spread over the folder, are judged by the bundled model, undisguised
 * and under every disguise: how many are blocked, how many could not be read in full.
 *
 * `--samples` (or DISGUISE_SAMPLES): a folder of archives, or `GIT_DIRECTORY:PREFIX` for archives inside a bare
 * repository. `--misses` lists the behaviours most often lost, by disguise.
 */
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { classify } from '../../lib/classifier/classify.js';
import type { OpenedArtifact } from '../../lib/types.js';
import { type Disguise, disguised, LANGUAGES, type Language } from './disguises.js';

interface Options {
  readonly language: string | undefined;
  readonly samples: string | undefined;
  readonly honest: string | undefined;
  readonly count: number;
  /** Only disguises whose name holds this. */
  readonly only: string;
  readonly misses: boolean;
}

function options(argv: readonly string[]): Options {
  const value = (name: string): string | undefined => {
    const at = argv.indexOf(name);
    return at === -1 ? undefined : argv[at + 1];
  };
  return {
    language: value('--language'),
    samples: value('--samples') ?? process.env.DISGUISE_SAMPLES,
    honest: value('--honest'),
    count: Number(value('--count') ?? 40),
    only: value('--only') ?? '',
    misses: argv.includes('--misses'),
  };
}

/** Archives in a folder or in a bare repository, spread evenly over the sorted names. */
async function samples(language: Language, from: string, count: number): Promise<OpenedArtifact[]> {
  const suffix = language.ecosystem === 'npm' ? /\.tgz$/ : /\.(?:whl|tar\.gz|zip)$/;
  const colon = from.indexOf(':');
  const git = colon === -1 ? undefined : { directory: from.slice(0, colon), prefix: from.slice(colon + 1) };
  const names = (
    git === undefined
      ? await readdir(from)
      : execFileSync('git', ['-C', git.directory, 'ls-tree', '-r', '--name-only', 'HEAD', git.prefix], {
          encoding: 'utf8',
          maxBuffer: 1 << 28,
        }).split('\n')
  )
    .filter((name) => suffix.test(name))
    .sort();
  const step = Math.max(1, names.length / count);
  const out: OpenedArtifact[] = [];
  for (let i = 0; i < Math.min(count, names.length); i++) {
    const name = names[Math.floor(i * step)]!;
    const bytes =
      git === undefined
        ? await readFile(join(from, name))
        : execFileSync('git', ['-C', git.directory, 'cat-file', 'blob', `HEAD:${name}`], {
            maxBuffer: 1 << 28,
          });
    out.push(await openArtifact({ ecosystem: language.ecosystem, filename: name.split('/').at(-1)!, bytes }));
  }
  return out;
}

/** Rows that say how code is written, not what it does: they change with every disguise. */
const WRITING = /^(?:hide-|hidden-string$|obfuscated-code$|E3$|E4$|decode$|parse-failure$)/;

async function codesOf(artifact: OpenedArtifact): Promise<{ codes: string[]; writing: Set<string> }> {
  const sequence = await buildSequence(artifact);
  const codes: string[] = [];
  const writing = new Set<string>();
  for (const unit of sequence.units) {
    for (const behavior of unit.behaviors) {
      // Code that is evaluated stays so when its text is hidden: the row only says more.
      const code = behavior.code === 'evaluate-decoded' ? 'evaluate' : behavior.code;
      if (WRITING.test(code)) writing.add(code);
      else if (codes.at(-1) !== code) codes.push(code);
    }
  }
  return { codes, writing };
}

/** Positions of `wanted` that a longest common subsequence with `found` leaves out. */
function missing(wanted: readonly string[], found: readonly string[]): string[] {
  const rows = wanted.length + 1;
  const columns = found.length + 1;
  const length = new Uint16Array(rows * columns);
  for (let i = wanted.length - 1; i >= 0; i--) {
    for (let j = found.length - 1; j >= 0; j--) {
      length[i * columns + j] =
        wanted[i] === found[j]
          ? length[(i + 1) * columns + j + 1]! + 1
          : Math.max(length[(i + 1) * columns + j]!, length[i * columns + j + 1]!);
    }
  }
  const lost: string[] = [];
  for (let i = 0, j = 0; i < wanted.length; ) {
    if (j < found.length && wanted[i] === found[j]) {
      i++;
      j++;
    } else if (j < found.length && length[i * columns + j + 1]! >= length[(i + 1) * columns + j]!) j++;
    else lost.push(wanted[i++]!);
  }
  return lost;
}

interface Row {
  subjects: number;
  wanted: number;
  found: number;
  announced: number;
  readonly lost: Map<string, number>;
}

async function measure(
  language: Language,
  subjects: readonly OpenedArtifact[],
  { only, misses }: Options,
): Promise<void> {
  const originals = [];
  for (const subject of subjects) {
    const { codes } = await codesOf(subject);
    if (codes.length > 0 && codes.length <= 2000) originals.push({ subject, codes });
  }
  process.stdout.write(`${language.name}: ${originals.length} subjects\n`);
  for (const disguise of language.disguises.filter((d) => d.name.includes(only))) {
    const row: Row = { subjects: 0, wanted: 0, found: 0, announced: 0, lost: new Map() };
    for (const { subject, codes } of originals) {
      const { artifact, changed } = await disguised(subject, language, disguise);
      if (changed.length === 0) continue;
      const { codes: found, writing } = await codesOf(artifact);
      const lost = missing(codes, found.slice(0, 20_000));
      row.subjects++;
      row.wanted += codes.length;
      row.found += codes.length - lost.length;
      if (writing.size > 0) row.announced++;
      for (const code of lost) row.lost.set(code, (row.lost.get(code) ?? 0) + 1);
    }
    const share = row.wanted === 0 ? '-' : `${((100 * row.found) / row.wanted).toFixed(1)} %`;
    process.stdout.write(
      `| ${disguise.name.padEnd(34)} | ${disguise.kind.padEnd(6)} | ${String(row.subjects).padStart(3)} | ${String(row.wanted).padStart(5)} | ${share.padStart(7)} | ${String(row.announced).padStart(3)} |\n`,
    );
    if (misses && row.lost.size > 0) {
      const worst = [...row.lost].sort((a, b) => b[1] - a[1]).slice(0, 12);
      process.stdout.write(`    lost: ${worst.map(([code, n]) => `${code} ${n}`).join(', ')}\n`);
    }
  }
}

/** Code of one package that is disguised, in bytes: obfuscators take seconds for more. */
const HONEST_CODE = { least: 500, most: 40_000 };

/** Small honest archives, spread evenly over the sorted folder. */
async function honestPackages(language: Language, folder: string, count: number): Promise<OpenedArtifact[]> {
  const suffix = language.ecosystem === 'npm' ? /\.tgz$/ : /\.(?:whl|tar\.gz|zip)$/;
  const names = (await readdir(folder)).filter((name) => suffix.test(name)).sort();
  const step = Math.max(1, Math.floor(names.length / (count * 3)));
  const out: OpenedArtifact[] = [];
  for (let i = 0; i < names.length && out.length < count; i += step) {
    const bytes = await readFile(join(folder, names[i]!));
    if (bytes.length > 1_000_000) continue;
    const artifact = await openArtifact({ ecosystem: language.ecosystem, filename: names[i]!, bytes });
    let code = 0;
    for (const [path, file] of artifact.files) if (language.files.test(path)) code += file.bytes.length;
    if (code >= HONEST_CODE.least && code <= HONEST_CODE.most) out.push(artifact);
  }
  return out;
}

async function alarms(language: Language, subjects: readonly OpenedArtifact[], only: string): Promise<void> {
  process.stdout.write(`${language.name}: ${subjects.length} honest packages\n`);
  process.stdout.write(
    '| disguise | packages | blocked | unverified | mean score |\n|---|---|---|---|---|\n',
  );
  const plain: Disguise = { name: 'undisguised', kind: 'simple', apply: () => undefined };
  for (const disguise of [plain, ...language.disguises.filter((d) => d.name.includes(only))]) {
    let packages = 0;
    let blocked = 0;
    let unverified = 0;
    let sum = 0;
    for (const subject of subjects) {
      const { artifact, changed } = await disguised(subject, language, disguise);
      if (changed.length === 0 && disguise !== plain) continue;
      const sequence = await buildSequence(artifact);
      const score = await classify(sequence);
      packages++;
      sum += score.value;
      if (score.value >= score.threshold) blocked++;
      if ((artifact.unverified ?? sequence.incomplete) !== undefined) unverified++;
    }
    const mean = packages === 0 ? '-' : (sum / packages).toFixed(3);
    process.stdout.write(
      `| ${disguise.name.padEnd(34)} | ${String(packages).padStart(3)} | ${String(blocked).padStart(3)} | ${String(unverified).padStart(3)} | ${mean} |\n`,
    );
  }
}

const chosen = options(process.argv.slice(2));
for (const language of LANGUAGES) {
  if (chosen.language !== undefined && chosen.language !== language.name) continue;
  if (chosen.honest !== undefined) {
    await alarms(language, await honestPackages(language, chosen.honest, chosen.count), chosen.only);
    continue;
  }
  process.stdout.write('| disguise | kind | subjects | behaviours | found in order | disguise shown |\n');
  process.stdout.write('|---|---|---|---|---|---|\n');
  await measure(language, await language.fixtures(), chosen);
  if (chosen.samples !== undefined) {
    await measure(language, await samples(language, chosen.samples, chosen.count), chosen);
  }
}
