/** Emission with everything the walk knows of the place: file, position, hidden text, ignored errors. */
import type { Position } from '../ir.js';
import type { Machine } from './machine.js';

export interface EmitOptions {
  readonly qualifiers?: readonly string[];
  readonly detail?: string;
  readonly position?: Position;
}

export function emit(m: Machine, code: string, options: EmitOptions): void {
  const module = m.activation.env.module;
  const at = module.host ?? options.position ?? m.position;
  const qualifiers = [...(options.qualifiers ?? [])];
  if (module.hidden || m.hiddenDepth > 0) qualifiers.push('hidden');
  if (m.silent > 0) qualifiers.push('in-try');
  if (m.platform > 0) qualifiers.push('if-platform');
  const inner = module.host === undefined ? undefined : (options.position ?? m.position);
  const behavior = {
    code,
    phase: m.phase,
    file: module.file,
    line: at.line,
    column: at.column,
    qualifiers,
    detail: options.detail ?? '',
  };
  m.recorder.emit(behavior, inner === undefined ? '' : `${inner.line}:${inner.column}`);
}
