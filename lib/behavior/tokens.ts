/**
 * What the model reads: one token a behaviour, followed by one token a qualifier. The words are the
 * taxonomy's codes and qualifiers, so the vocabulary is closed; training reads the same words from the
 * extraction's output and never makes its own.
 *
 * That a module is imported is said once a unit, and of how it is imported only that the name was hidden: a long
 * run of imports says nothing more than a short one, and filled whole windows of honest tools.
 */
import type { Behavior, BehaviorSequence, Unit } from '../types.js';
import { QUALIFIERS, taxonomyRow } from './taxonomy.js';

/** Tokens of a unit, without special tokens: `unit:lifecycle`, `phase:install`, then the behaviours' in order. */
export function unitTokens({ kind, phase, behaviors }: Pick<Unit, 'kind' | 'phase' | 'behaviors'>): string[] {
  return [`unit:${kind}`, `phase:${phase}`, ...behaviorTokens(behaviors).flat()];
}

/** The tokens of each behaviour of a unit; none for an import of a kind that was there before. */
export function behaviorTokens(behaviors: readonly Behavior[]): string[][] {
  const imported = new Set<string>();
  return behaviors.map(({ code, qualifiers }) => {
    if (!IMPORTS.has(code)) return [code, ...qualifiers];
    if (imported.has(code)) return [];
    imported.add(code);
    return qualifiers.includes('hidden') ? [code, 'hidden'] : [code];
  });
}

/** `import operating system module` and its like, of each dimension. */
const IMPORTS = new Set(['R1', 'D1', 'E1', 'P1']);

/** The sequence in plain English, as the paper feeds it to BERT: one sentence a behaviour. */
export function describeSequence(sequence: BehaviorSequence): string {
  return sequence.units
    .flatMap((unit) => unit.behaviors.map((b) => describeBehavior(b.code, b.qualifiers)))
    .join('. ');
}

/** `send data over HTTP, carrying the environment, a raw IP address`. */
export function describeBehavior(code: string, qualifiers: readonly string[]): string {
  return [taxonomyRow(code).description, ...qualifiers.map((q) => QUALIFIERS[q] ?? q)].join(', ');
}
