/** Disguises laid over the code of an opened package, and which of them training sees. Text into text: nothing is run. */
import { createHash } from 'node:crypto';
import type { ArtifactFile, Ecosystem, OpenedArtifact } from '../../lib/types.js';
import { javascriptDisguises, javascriptFixtures } from './disguise-javascript.js';
import { pythonDisguises, pythonFixtures } from './disguise-python.js';

export interface Disguise {
  readonly name: string;
  /** `simple`: one trick on otherwise readable code. `whole`: a minifier or obfuscator over the whole file. */
  readonly kind: 'simple' | 'whole';
  /** Undefined when the disguise does not apply to this source (it does not parse, nothing to change). */
  apply(source: string): Promise<string | undefined> | string | undefined;
}

export interface Language {
  readonly name: string;
  readonly ecosystem: Ecosystem;
  /** Files whose text is disguised. */
  readonly files: RegExp;
  readonly disguises: readonly Disguise[];
  fixtures(): Promise<readonly OpenedArtifact[]>;
}

export const LANGUAGES: readonly Language[] = [
  {
    name: 'javascript',
    ecosystem: 'npm',
    files: /\.[cm]?js$/,
    disguises: javascriptDisguises,
    fixtures: javascriptFixtures,
  },
  {
    name: 'python',
    ecosystem: 'pypi',
    files: /\.pyw?$/,
    disguises: pythonDisguises,
    fixtures: pythonFixtures,
  },
];

/**
 * What training code, honest and malicious, is disguised with: short name → name of the disguise. All work in this process's memory.
 * The others are kept from training, so that `disguise.ts` also measures disguises the model has not met.
 */
export const TRAINED: Readonly<Record<Ecosystem, Readonly<Record<string, string>>>> = {
  npm: {
    'eval-base64': 'evaluated from base64',
    'function-base64': 'new Function of base64',
    'vm-base64': 'vm of base64',
    'obfuscator-low': 'javascript-obfuscator, low',
    'obfuscator-medium': 'javascript-obfuscator, medium',
    'obfuscator-high': 'javascript-obfuscator, high',
    terser: 'terser',
    'strings-base64': 'strings in base64',
    'strings-escapes': 'strings as \\x escapes',
  },
  pypi: {
    'exec-base64': 'exec of base64',
    'exec-compiled': 'exec of compiled base64',
    'exec-zlib': 'exec of zlib in base64',
    'strings-base64': 'strings in base64',
    'strings-hex': 'strings in hex',
  },
};

/** `count` different short names of `TRAINED`, drawn by the archive's hash alone: over many archives, each equally often. */
export function assigned(sha256: string, ecosystem: Ecosystem, count: number): string[] {
  const rank = (name: string) => createHash('sha256').update(`disguise ${name} ${sha256}`).digest('hex');
  return Object.keys(TRAINED[ecosystem])
    .map((name) => ({ name, rank: rank(name) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

export interface Disguised {
  readonly artifact: OpenedArtifact;
  /** Paths whose text is another now. */
  readonly changed: readonly string[];
  /** Paths of code that the disguise could not be laid over; their text stays. */
  readonly refused: readonly string[];
}

/** Entry points come from manifests and from the names of files, never from code: they stay as they are. */
export async function disguised(
  artifact: OpenedArtifact,
  language: Language,
  disguise: Disguise,
): Promise<Disguised> {
  const files = new Map<string, ArtifactFile>();
  const changed: string[] = [];
  const refused: string[] = [];
  for (const [path, file] of artifact.files) {
    files.set(path, file);
    if (!language.files.test(path)) continue;
    const source = Buffer.from(file.bytes).toString('utf8');
    if (source.trim() === '') continue; // nobody hides nothing
    const text = file.bytes.length > 300_000 ? undefined : await disguise.apply(source);
    if (text === undefined) refused.push(path);
    else if (text !== source) {
      changed.push(path);
      files.set(path, { ...file, bytes: new TextEncoder().encode(text) });
    }
  }
  return { artifact: { ...artifact, files }, changed, refused };
}
