/** Strings met on the way: constants where they stand, computed ones where they are used. */
import type { Constant } from '../ir.js';
import { classifyText } from '../strings.js';
import type { Value } from '../values.js';
import { emit } from './emit.js';
import type { Machine } from './machine.js';

/** A constant is evaluated: an address, a long or encoded string is a behaviour here; a sensitive path if nothing uses it. */
export function constantText(m: Machine, node: Constant, text: string): void {
  if (text.length < 6 || m.textSeen.has(node)) return;
  m.textSeen.add(node);
  const facts = classifyText(text);
  if (facts.length === 0) return;
  for (const fact of facts) {
    if (fact.onlyIfUnused) {
      const module = m.activation.env.module;
      const at = module.host ?? node;
      m.recorder.constant({
        code: fact.code,
        phase: m.phase,
        file: module.file,
        line: at.line,
        column: at.column,
        qualifiers: module.hidden ? [...fact.qualifiers, 'hidden'] : fact.qualifiers,
        detail: text.slice(0, 200),
      });
    } else emit(m, fact.code, { qualifiers: fact.qualifiers, detail: text.slice(0, 200), position: node });
  }
}

/** A string put together or decoded is handed to the outside: what it is was hidden until now. */
export function useText(m: Machine, value: Value): void {
  if (value.kind === 'choice') {
    for (const option of value.options) useText(m, option);
    return;
  }
  if (value.kind !== 'known' || typeof value.value !== 'string' || value.value.length < 6) return;
  const decoded = value.labels.has('decoded');
  if (!decoded && !value.labels.has('assembled')) return;
  const key = `${value.value.length}:${value.value.slice(0, 300)}`;
  if (m.usedText.has(key)) return;
  m.usedText.add(key);
  for (const fact of classifyText(value.value)) {
    if (!fact.onlyIfUnused && fact.code !== 'D3') continue;
    emit(m, fact.code, {
      qualifiers: [...fact.qualifiers, decoded ? 'hidden' : 'assembled'],
      detail: value.value.slice(0, 200),
    });
  }
}
