/** Small packages in memory, their sequences as text, and a check that reads as one line. */
import assert from 'node:assert/strict';
import { buildSequence } from '../../lib/behavior/sequence.js';
import type { ArtifactFile, BehaviorSequence, EntryPoint, OpenedArtifact } from '../../lib/types.js';

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** An artifact of these files, its entry point `setup.py`, a `.pth` line, or the first `__init__.py` or module. */
export function pythonArtifact(files: Files): OpenedArtifact {
  const map = new Map<string, ArtifactFile>();
  for (const path of Object.keys(files).sort()) {
    const content = files[path]!;
    const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'utf8')) : content;
    map.set(path, { path, bytes, executable: false });
  }
  const entryPoints: EntryPoint[] = [];
  if (map.has('setup.py')) {
    entryPoints.push({
      kind: 'setup',
      phase: 'install',
      origin: 'setup.py',
      file: 'setup.py',
      line: 1,
      run: { type: 'file', path: 'setup.py' },
    });
  }
  for (const path of map.keys()) {
    if (path.endsWith('.pth')) {
      const code = Buffer.from(map.get(path)!.bytes).toString('utf8');
      entryPoints.push({
        kind: 'pth',
        phase: 'import',
        origin: `${path}:1`,
        file: path,
        line: 1,
        run: { type: 'code', language: 'python', code },
      });
    }
  }
  const main =
    [...map.keys()].find((p) => p.endsWith('__init__.py')) ?? (map.has('main.py') ? 'main.py' : undefined);
  if (main !== undefined) {
    entryPoints.push({
      kind: 'import',
      phase: 'import',
      origin: main,
      file: main,
      line: 1,
      run: { type: 'file', path: main },
    });
  }
  return {
    ecosystem: 'pypi',
    kind: 'sdist',
    name: 'fixture',
    version: '1.0',
    integrity: 'sha512-',
    files: map,
    entryPoints,
    manifest: undefined,
    findings: [],
  };
}

/** The sequence of a package given as files, or of one module given as text. */
export async function sequenceOf(files: Files | string): Promise<BehaviorSequence> {
  return buildSequence(pythonArtifact(typeof files === 'string' ? { 'main.py': files } : files), {
    strict: true,
  });
}

/** `code qualifier qualifier` of every behaviour, in order; with `phases` preceded by the phase. */
export async function wordsOf(files: Files | string, phases = false): Promise<string[]> {
  const sequence = await sequenceOf(files);
  return sequence.units.flatMap((unit) =>
    unit.behaviors.map((b) => `${phases ? `${unit.phase}: ` : ''}${[b.code, ...b.qualifiers].join(' ')}`),
  );
}

/**
 * Checks that these behaviours occur in this order. Each wanted line is a code and qualifiers it must have; a line
 * that begins with `!` must not occur at all.
 */
export async function expectBehaviors(
  files: Files | string,
  wanted: readonly string[],
  phases = false,
): Promise<void> {
  const found = await wordsOf(files, phases);
  const head = phases ? 2 : 1;
  const has = (line: string, want: string): boolean => {
    const words = line.split(' ');
    const wantedWords = want.split(' ');
    return wantedWords.every((w, i) => (i < head ? words[i] === w : words.includes(w, head)));
  };
  let at = 0;
  for (const want of wanted) {
    if (want.startsWith('!')) {
      assert.ok(!found.some((line) => has(line, want.slice(1))), `${want} in\n${found.join('\n')}`);
      continue;
    }
    const next = found.findIndex((line, i) => i >= at && has(line, want));
    assert.ok(next >= 0, `no '${want}' from place ${at} on in\n${found.join('\n')}`);
    at = next + 1;
  }
}
