/**
 * Which behaviours carry the score: first the windows of the places that weigh most in the package (unit attribution), then, in those,
 * each behaviour left out in turn (occlusion) and each put in alone. Its weight is the mean of how much the window's log-odds
 * fall without it and rise by it alone: the last and the first term of its Shapley value. Either alone is blind: where
 * two behaviours each suffice, leaving one out changes nothing; where two are needed together, one alone is nothing.
 */
import { behaviorTokens } from '../behavior/tokens.js';
import type { Behavior, BehaviorSequence, Evidence } from '../types.js';
import type { ScoredPlace, ScoredWindow } from './classify.js';
import type { Model } from './session.js';
import { HEADER_TOKENS } from './tokenizer.js';

/** Bounds the cost of an explanation: windows looked into, and runs in all, as a multiple of the inference. */
const TOP_WINDOWS = 3;
const RUNS_PER_WINDOW = 9;
/** Runs always granted, so that a package of one short window is explained behaviour by behaviour. */
const LEAST_RUNS = 48;

/** Where a behaviour's tokens stand in its window's ids. */
interface Span {
  readonly behavior: Behavior;
  readonly order: number;
  readonly from: number;
  readonly to: number;
}

/** Evidence, largest weight first; behaviours that carry nothing are left out. */
export async function explain(
  sequence: BehaviorSequence,
  places: readonly ScoredPlace[],
  model: Model,
): Promise<Evidence[]> {
  const loudest = [...places].sort((a, b) => b.logOdds - a.logOdds || inOrder(a.windows[0]!, b.windows[0]!));
  const windows = [...new Set(loudest.flatMap((place) => place.windows))];
  let runs = Math.max(LEAST_RUNS, RUNS_PER_WINDOW * windows.length);
  const evidence = new Map<Behavior, Evidence>();
  const first = firstOrders(sequence);
  for (const window of windows.slice(0, TOP_WINDOWS)) {
    const unit = sequence.units[window.unit]!;
    const { ids, logOdds } = window;
    const header = ids.slice(0, 1 + HEADER_TOKENS);
    const end = ids.slice(-1);
    const nothing = await model.run([...header, ...end]);
    runs--;
    // Two runs a group: without it, and with it alone.
    const groups = grouped(behaviorSpans(unit.behaviors, window, first[window.unit]!), Math.floor(runs / 2));
    for (const group of groups) {
      runs -= 2;
      const inGroup = (at: number): boolean => group.some((span) => at >= span.from && at < span.to);
      const without = await model.run(ids.filter((_, at) => !inGroup(at)));
      const alone = await model.run([...header, ...ids.filter((_, at) => inGroup(at)), ...end]);
      const weight = (logOdds - without + (alone - nothing)) / 2 / group.length;
      for (const { behavior, order } of group) {
        const before = evidence.get(behavior);
        if (weight > 0 && (before === undefined || before.weight < weight)) {
          evidence.set(behavior, { behavior, unit: unit.origin, weight, order });
        }
      }
    }
    if (runs <= 2) break;
  }
  return [...evidence.values()].sort((a, b) => b.weight - a.weight);
}

const inOrder = (a: ScoredWindow, b: ScoredWindow): number => a.unit - b.unit || a.from - b.from;

/** The behaviours that begin inside a window, with their places in its ids ([CLS] and header come first). */
function behaviorSpans(behaviors: readonly Behavior[], window: ScoredWindow, first: number): Span[] {
  const shift = 1 + HEADER_TOKENS - window.from;
  const spans: Span[] = [];
  const tokens = behaviorTokens(behaviors);
  let at = 0;
  for (const [index, behavior] of behaviors.entries()) {
    const to = at + tokens[index]!.length;
    if (to > at && at >= window.from && at < window.to) {
      spans.push({ behavior, order: first + index, from: at + shift, to: Math.min(to, window.to) + shift });
    }
    at = to;
  }
  return spans;
}

/** Neighbours put together, so that there are no more groups than runs left. */
function grouped(spans: readonly Span[], runs: number): Span[][] {
  const size = Math.max(1, Math.ceil(spans.length / Math.max(1, runs)));
  const groups: Span[][] = [];
  for (let i = 0; i < spans.length; i += size) groups.push(spans.slice(i, i + size));
  return groups;
}

/** For each unit, how many behaviours stand before it in the sequence. */
function firstOrders({ units }: BehaviorSequence): number[] {
  let before = 0;
  return units.map(({ behaviors }) => {
    const first = before;
    before += behaviors.length;
    return first;
  });
}
