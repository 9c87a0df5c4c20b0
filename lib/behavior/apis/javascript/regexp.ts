/**
 * Regular expressions of the package, run only when they cannot take long: V8's engine backtracks, and a package
 * could ship a pattern whose only purpose is to stall a scanner.
 */
import type { Value } from '../../values.js';

/** A regular expression literal or `new RegExp(p, f)` is a `ref` of this path, with pattern and flags as its arguments. */
export const REGEXP_PATH = 'RegExp()';

const cache = new Map<string, RegExp | undefined>();

/** The expression of a value, or undefined when it is none, not known or not safe. */
export function toRegExp(value: Value | undefined): RegExp | undefined {
  if (value?.kind !== 'ref' || value.path !== REGEXP_PATH) return undefined;
  const [pattern, flags] = value.args ?? [];
  if (pattern?.kind === 'ref') return toRegExp(pattern);
  if (pattern?.kind !== 'known' || typeof pattern.value !== 'string') return undefined;
  const flagText = flags?.kind === 'known' && typeof flags.value === 'string' ? flags.value : '';
  const key = `${flagText}/${pattern.value}`;
  if (!cache.has(key)) {
    if (cache.size > 2000) cache.clear();
    cache.set(key, compile(pattern.value, flagText));
  }
  return cache.get(key);
}

function compile(pattern: string, flags: string): RegExp | undefined {
  if (pattern.length > 2000 || quantifiedGroup(pattern)) return undefined;
  try {
    return new RegExp(pattern, flags);
  } catch {
    return undefined;
  }
}

/** A group that repeats and holds a repetition or an alternative itself: the exponential shapes. */
function quantifiedGroup(pattern: string): boolean {
  const open: boolean[] = [];
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '\\') {
      i += 1;
      continue;
    }
    if (inClass) {
      if (c === ']') inClass = false;
      continue;
    }
    if (c === '[') inClass = true;
    else if (c === '(') open.push(false);
    else if (c === ')') {
      const risky = open.pop() ?? false;
      const next = pattern[i + 1];
      const repeats = next === '*' || next === '+' || next === '{';
      if (repeats && risky) return true;
      if ((risky || repeats) && open.length > 0) open[open.length - 1] = true;
    } else if ((c === '*' || c === '+' || c === '{' || c === '|') && open.length > 0) {
      open[open.length - 1] = true;
    }
  }
  return false;
}

/** Whether running the expression over a text of that length stays below some hundred million steps. */
export function affordable(expression: RegExp, length: number): boolean {
  const unbounded = (expression.source.match(/[*+]|\{\d+,/g) ?? []).length;
  if (unbounded === 0) return length <= 2_000_000;
  if (unbounded === 1) return length <= 20_000;
  return length <= (unbounded === 2 ? 2000 : unbounded <= 4 ? 300 : 60);
}
