/**
 * Regular expressions of the package, run only when they cannot take long: V8's engine backtracks, and a package
 * could ship a pattern whose only purpose is to stall a scanner.
 */
import { noteLooked, notePossible } from '../../looks.js';
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

/** Steps of the engine that one expression may take at worst. */
const MOST_WORK = 400_000_000;
/** Parts of `Look` such a step is worth. */
const A_STEP = 0.3;
/** Texts up to which an expression with few repetitions takes no time worth counting. */
const SHORT_TEXT = 256;
const FEW_REPETITIONS = 4;
/** Steps that one way through optional pieces and alternatives takes. */
const A_WAY = 16;

/** Whether running the expression over the text stays below some hundred million steps. What it may take is charged. */
export function affordable(expression: RegExp, text: string): boolean {
  const { length } = text;
  const unbounded = (expression.source.match(/[*+]|\{\d+,/g) ?? []).length;
  if (unbounded === 0 ? length > 2_000_000 : unbounded === 1 && length > 20_000) return false;
  if (unbounded > 1 && length > (unbounded === 2 ? 2000 : unbounded <= 4 ? 300 : 60)) return false;
  const { repeated, choices, anchored } = shapeOf(expression);
  const counted = repeated.length > 0 && (length > SHORT_TEXT || repeated.length > FEW_REPETITIONS);
  const repetition = counted ? ways(repeated, text) * (anchored ? 1 : length / 2) : 1;
  const chosen = choices === 0 ? 0 : A_WAY * 2 ** choices * (anchored || counted ? 1 : length);
  if (repetition * Math.max(1, chosen) > MOST_WORK) return false;
  // Hardly any expression is as ambiguous as its optional pieces make it look.
  notePossible(repetition * chosen);
  if (length > SHORT_TEXT && counted) noteLooked(A_STEP * repetition);
  return true;
}

/** What decides how long an expression may take. */
interface Shape {
  /** What is repeated, as an expression for all that stands together of it; undefined for a group, which may match anything. */
  readonly repeated: readonly (RegExp | undefined)[];
  /** Optional pieces and groups of alternatives: each may double the ways to fail. */
  readonly choices: number;
  /** Tried at the beginning of the text only. */
  readonly anchored: boolean;
}

const shapes = new WeakMap<RegExp, Shape>();

function shapeOf(expression: RegExp): Shape {
  let shape = shapes.get(expression);
  if (shape === undefined) {
    shape = readShape(expression);
    shapes.set(expression, shape);
  }
  return shape;
}

/** One atom, opening or closing of a group, alternative or repetition. */
const TOKEN =
  /\\(?:u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|[pP]\{[^}]*\}|k<[^>]*>|\d+|[\s\S])|\[(?:\\[\s\S]|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?|\{\d+(?:,\d*)?\}\??|[*+?]\??|[\s\S]/g;

function readShape(expression: RegExp): Shape {
  const repeated: (RegExp | undefined)[] = [];
  const groups: boolean[] = [false];
  const flags = expression.flags.replace(/[gy]/g, '');
  let choices = 0;
  let atom: string | undefined;
  for (const [token] of expression.source.matchAll(TOKEN)) {
    if (token.startsWith('(')) groups.push(false);
    else if (token === ')') {
      if (groups.pop()) choices++;
      atom = undefined;
    } else if (token === '|') groups[groups.length - 1] = true;
    else if (token === '?' || token === '??') choices++;
    else if (/^(?:[*+]|\{\d+,)/.test(token)) repeated.push(runOf(atom, flags));
    else if (!/^\{\d+\}/.test(token)) atom = token;
  }
  const anchored = expression.source.startsWith('^') && !expression.multiline && groups[0] !== true;
  return { repeated, choices, anchored };
}

/** Undefined also for what is no expression by itself, such as a reference to a group. */
function runOf(atom: string | undefined, flags: string): RegExp | undefined {
  if (atom === undefined || /^\\[1-9k]/.test(atom)) return undefined;
  try {
    return new RegExp(`(?:${atom})+`, `${flags}g`);
  } catch {
    return undefined;
  }
}

/** Ways to share out the text among what is repeated, beginning at one place, at most. */
function ways(repeated: readonly (RegExp | undefined)[], text: string): number {
  let product = 1;
  let longest = 0;
  for (const run of repeated) {
    let own = run === undefined ? text.length : 0;
    if (run !== undefined) for (const [found] of text.matchAll(run)) own = Math.max(own, found.length);
    product *= own + 1;
    longest = Math.max(longest, own);
  }
  let shared = 1;
  for (let i = 1; i <= repeated.length; i++) shared *= (longest + i) / i;
  return Math.min(product, shared);
}
