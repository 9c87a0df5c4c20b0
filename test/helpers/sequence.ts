/** Artifacts made of text, for tests of the behaviour sequence. */
import { buildSequence } from '../../lib/behavior/sequence.js';
import type {
  ArtifactFile,
  Behavior,
  BehaviorSequence,
  EntryPoint,
  OpenedArtifact,
} from '../../lib/types.js';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export function artifactOf(
  ecosystem: 'npm' | 'pypi',
  files: Files,
  entryPoints: readonly EntryPoint[],
  manifest: Readonly<Record<string, unknown>> = { name: 'fixture', version: '1.0.0' },
): OpenedArtifact {
  const map = new Map<string, ArtifactFile>();
  for (const path of Object.keys(files).sort()) {
    const content = files[path]!;
    map.set(path, {
      path,
      bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content,
      executable: false,
    });
  }
  return {
    ecosystem,
    kind: ecosystem === 'npm' ? 'npm-tarball' : 'sdist',
    name: 'fixture',
    version: '1.0.0',
    integrity: '',
    files: map,
    entryPoints,
    manifest,
    findings: [],
  };
}

export function importEntry(path: string): EntryPoint {
  return { kind: 'import', phase: 'import', origin: path, file: path, line: 1, run: { type: 'file', path } };
}

export function commandEntry(command: string): EntryPoint {
  return {
    kind: 'lifecycle',
    phase: 'install',
    origin: 'package.json scripts.postinstall',
    file: 'package.json',
    line: 1,
    run: { type: 'command', command, cwd: '' },
  };
}

/** The sequence of JavaScript files that start at `index.js`. */
export function javascriptSequence(files: Files | string): Promise<BehaviorSequence> {
  const all = typeof files === 'string' ? { 'index.js': files } : files;
  return buildSequence(artifactOf('npm', all, [importEntry('index.js')]));
}

export function behaviorsOf(sequence: BehaviorSequence): Behavior[] {
  return sequence.units.flatMap((unit) => [...unit.behaviors]);
}

/** `code` or `code[qualifier qualifier]`, one a behaviour. */
export function words(behaviors: readonly Behavior[], qualifiers = true): string[] {
  return behaviors.map(({ code, qualifiers: q }) =>
    qualifiers && q.length > 0 ? `${code}[${q.join(' ')}]` : code,
  );
}
