/**
 * Which calls of a function that only computes are worth another walk. Obfuscated code asks a decoder thousands of times
 * and each answer counts; honest code calls helpers thousands of times and no answer is ever known. Walks that end in
 * something known cost nothing here; the others draw on an allowance of steps, after which only a call with arguments of
 * a kind not seen before (another function, reference, class or label) is walked again.
 */
import type { Value } from '../values.js';
import type { FunctionRecord } from './machine.js';
import { idOf, labelsOf } from './operations.js';

/** Steps one function may take in walks that tell nothing. */
const IDLE_STEPS = 5000;
/** Kinds of arguments beyond which a function is taken to be called with anything. */
const KINDS = 24;

/** Whether a function that was walked before may be walked for these arguments. */
export function worthRepeating(
  record: FunctionRecord,
  args: readonly Value[],
  thisValue: Value | undefined,
): boolean {
  if (record.idle < IDLE_STEPS) return true;
  if (record.kinds.size >= KINDS) return false;
  const kind = `${thisValue === undefined ? '' : kindOf(thisValue)}|${args.map(kindOf).join()}`;
  if (record.kinds.has(kind)) return false;
  record.kinds.add(kind);
  return true;
}

/** Accounts for a walk: `steps` it took, inner calls included. */
export function noteWalk(record: FunctionRecord, result: Value, steps: number): void {
  if (record.walks > 1 && !tells(result)) record.idle += steps;
}

/** Text, numbers, bytes, and arrays of them: what decoders give. */
function tells(result: Value): boolean {
  switch (result.kind) {
    case 'known':
      return typeof result.value === 'string' || typeof result.value === 'number';
    case 'bytes':
      return true;
    case 'list':
      return !result.open && result.items.length > 0 && result.items.slice(0, 4).every(tells);
    default:
      return false;
  }
}

function kindOf(value: Value): string {
  const labels = [...labelsOf(value)].sort().join();
  return labels === '' ? shape(value) : `${shape(value)}#${labels}`;
}

function shape(value: Value): string {
  switch (value.kind) {
    case 'known':
      return value.value === null || typeof value.value === 'boolean'
        ? String(value.value)
        : typeof value.value;
    case 'dict':
      return value.prototype === undefined || value.prototype.kind === 'dict'
        ? 'd'
        : `i${idOf(value.prototype.node)}`;
    case 'func':
    case 'class':
      return `f${idOf(value.node)}`;
    case 'ref':
      return `r${value.path}`;
    case 'choice':
      return `(${value.options.map(shape).sort().join('/')})`;
    default:
      return value.kind;
  }
}
