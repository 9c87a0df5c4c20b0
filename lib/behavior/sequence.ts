/** artifact → behaviour sequence. The one entry of this folder. */
import {
  type BehaviorSequence,
  type OpenedArtifact,
  PHASES,
  type Unit,
  type UnverifiedReason,
} from '../types.js';
import { javascriptLibrary } from './apis/javascript.js';
import { pythonLibrary } from './apis/python.js';
import { makeContexts } from './interpreter/context.js';
import { forgetKept } from './interpreter/kept.js';
import { type Language, Machine } from './interpreter/machine.js';
import { RuleIndex } from './interpreter/rules.js';
import { type WalkedUnit, walkEntry, walkRemainder } from './interpreter/units.js';
import { lowerJavaScript } from './lower/javascript.js';
import { loadPython } from './lower/python.js';
import { opaqueKind } from './opaque.js';
import { type PaperFeature, TAXONOMY_VERSION, taxonomyRow } from './taxonomy.js';

export interface SequenceOptions {
  /** Rethrows errors of the interpreter itself instead of recording them; for tests. */
  readonly strict?: boolean;
}

let loaded: Promise<{ javascript: Language; python: Language }> | undefined;

/** Libraries are compiled and grammars loaded once a process. */
export function loadLanguages(): Promise<{ javascript: Language; python: Language }> {
  loaded ??= (async () => ({
    javascript: {
      name: 'javascript' as const,
      library: javascriptLibrary,
      index: new RuleIndex(javascriptLibrary.rules),
      lower: lowerJavaScript,
    },
    python: {
      name: 'python' as const,
      library: pythonLibrary,
      index: new RuleIndex(pythonLibrary.rules),
      lower: await loadPython(),
    },
  }))();
  return loaded;
}

/** Deterministic: the same artifact gives the same object, whatever else runs. Never throws on package content. */
export async function buildSequence(
  artifact: OpenedArtifact,
  options: SequenceOptions = {},
): Promise<BehaviorSequence> {
  return sequenceOf(artifact, await loadLanguages(), options);
}

/** The same with the libraries given: tests bring rules of their own. */
export function sequenceOf(
  artifact: OpenedArtifact,
  using: { readonly javascript: Language; readonly python: Language },
  options: SequenceOptions = {},
): BehaviorSequence {
  const walkOptions = { strict: options.strict ?? false };
  const m = new Machine(artifact, using, makeContexts);
  const walked: WalkedUnit[] = [];
  const paths = [...artifact.files.keys()].sort();
  let importing = false;
  for (const phase of PHASES) {
    for (const entry of artifact.entryPoints) {
      if (entry.phase !== phase) continue;
      // Each install-time command is a process of its own; entry points of the import phase share theirs, so
      // that what several of them import is walked once.
      if (phase === 'install' || !importing) m.newProcess();
      if (phase !== 'install') importing = true;
      walked.push(walkEntry(m, entry, walkOptions));
    }
  }
  if (!importing) m.newProcess();
  let opaqueFiles = 0;
  walked.push(
    walkRemainder(m, paths, walkOptions, () => {
      for (const path of paths) {
        const code = opaqueKind(artifact.files.get(path)!, artifact.files);
        if (code === undefined) continue;
        opaqueFiles++;
        m.recorder.emit({
          code,
          phase: 'runtime',
          file: path,
          line: 1,
          column: 0,
          qualifiers: [],
          detail: path,
        });
      }
    }),
  );
  forgetKept();
  const incomplete = incompleteness(walked);
  return {
    taxonomy: TAXONOMY_VERSION,
    ecosystem: artifact.ecosystem,
    units: walked.filter((unit) => unit.behaviors.length > 0 || unit.phase === 'install').map(toUnit),
    stats: {
      filesParsed: m.filesParsed,
      filesSkipped: m.filesSkipped,
      parseFailures: m.parseFailures,
      opaqueFiles,
      steps: m.steps,
      codeBytes: m.codeBytes,
    },
    ...(incomplete === undefined ? {} : { incomplete }),
  };
}

const toUnit = ({ kind, phase, origin, behaviors }: WalkedUnit): Unit => ({ kind, phase, origin, behaviors });

/** Only code that runs at install or import time makes an artifact `unverified` when it is cut. */
function incompleteness(walked: readonly WalkedUnit[]): UnverifiedReason | undefined {
  const cut = walked.find((unit) => unit.cut !== undefined && unit.phase !== 'runtime');
  if (cut === undefined) return undefined;
  return { code: cut.cut === 'failed' ? 'scan-failed' : 'scan-budget', args: { unit: cut.origin } };
}

/** The sequence as the paper has it: its sixteen features only, in order, units run together. */
export function paperSequence(sequence: BehaviorSequence): PaperFeature[] {
  const out: PaperFeature[] = [];
  for (const unit of sequence.units) {
    for (const behavior of unit.behaviors) {
      const feature = taxonomyRow(behavior.code).paper;
      if (feature !== undefined) out.push(feature);
    }
  }
  return out;
}
