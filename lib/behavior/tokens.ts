/**
 * What the model reads: one token a behaviour, followed by one token a qualifier. The words are the
 * taxonomy's codes and qualifiers, so the vocabulary is closed; training reads the same words from the
 * extraction's output and never makes its own.
 */
import type { BehaviorSequence, Unit } from '../types.js';
import { QUALIFIERS, taxonomyRow } from './taxonomy.js';

/** Tokens of a unit, without special tokens: `unit:lifecycle`, `phase:install`, then the behaviours in order. */
export function unitTokens(unit: Unit): string[] {
  const tokens = [`unit:${unit.kind}`, `phase:${unit.phase}`];
  for (const behavior of unit.behaviors) {
    tokens.push(behavior.code, ...behavior.qualifiers);
  }
  return tokens;
}

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
