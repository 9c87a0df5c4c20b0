/**
 * Which calls of a function that only computes are worth another walk. Obfuscated code asks a decoder thousands of times
 * and each answer counts; honest code calls helpers thousands of times and no answer is ever known. After what
 * `repetition.ts` grants, only a call with arguments of a kind not seen before (another function, reference, class or
 * label) is walked again.
 */
import type { Value } from '../values.js';
import { type FunctionRecord, LIMITS, type Machine } from './machine.js';
import { idOf, labelsOf } from './operations.js';
import { mayRepeat } from './repetition.js';

/** Walks without a known result after which a function that only computes is walked for new kinds of arguments only. */
const FRUITLESS = 12;
/** Kinds of arguments beyond which a function is taken to be called with anything. */
const KINDS = 24;
/** The same once the artifact's repetition has decoded nothing for long. */
const KINDS_WHEN_IDLE = 6;

/** Whether a function that was walked before may be walked for these arguments. */
export function worthRepeating(
  m: Machine,
  record: FunctionRecord,
  args: readonly Value[],
  thisValue: Value | undefined,
): boolean {
  if (record.fruitless < FRUITLESS && mayRepeat(m, record)) return true;
  record.kinds ??= new Set();
  if (record.kinds.size >= (m.idle < LIMITS.idleSteps ? KINDS : KINDS_WHEN_IDLE)) return false;
  const kind = `${thisValue === undefined ? '' : kindOf(thisValue)}|${args.map(kindOf).join()}`;
  if (record.kinds.has(kind)) return false;
  record.kinds.add(kind);
  return true;
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
