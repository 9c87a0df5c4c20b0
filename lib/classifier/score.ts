/**
 * Log-odds of windows → score of a package. Pure arithmetic, in double precision; how many windows an
 * artifact has and how they are weighed together is fixed by the model's config, never by the caller.
 */
import type { Ecosystem } from '../types.js';
import type { Aggregation, ModelConfig } from './config.js';
import type { Window } from './tokenizer.js';

export const sigmoid = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds));

/** ln(1 + e^x) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

type Answered = Pick<Window, 'from' | 'to' | 'short'> & { readonly logOdds: number };

/** A place of a unit, with the windows it was looked at through. */
export interface Place<W> {
  readonly windows: readonly W[];
  readonly logOdds: number;
}

/**
 * Places of one unit, every token in at least one. Where it was cut into short windows too, a place is one of those, looked at from
 * near and from far: its own log-odds and those of the long window that holds most of it, of several the loudest. From near alone a few
 * behaviours are loud that are harmless among what surrounds them; from far alone they are lost in it.
 *
 * @param windows all of the unit, long and short
 * @param around weight of the long window, 0 to 1
 */
export function placesOf<W extends Answered>(windows: readonly W[], around: number): Place<W>[] {
  const short = windows.filter((window) => window.short === true);
  const long = windows.filter((window) => window.short !== true);
  if (short.length === 0) return long.map((window) => ({ windows: [window], logOdds: window.logOdds }));
  return short.map((near) => {
    const shared = ({ from, to }: Answered): number => Math.min(to, near.to) - Math.max(from, near.from);
    const far = long.reduce((best, window) => {
      const more = shared(window) - shared(best);
      return more > 0 || (more === 0 && window.logOdds > best.logOdds) ? window : best;
    });
    return { windows: [near, far], logOdds: (1 - around) * near.logOdds + around * far.logOdds };
  });
}

/** Log-odds of a package before calibration. `windows` must not be empty. */
export function aggregate(windows: readonly number[], aggregation: Aggregation): number {
  if (aggregation.kind === 'top-k') {
    const top = [...windows].sort((a, b) => b - a).slice(0, aggregation.k);
    return top.reduce((sum, z) => sum + z, 0) / top.length;
  }
  // 1 - P = Π(1 - σ(zᵢ)) = e^-S with S = Σ softplus(zᵢ); so ln(P / (1 - P)) = ln(e^S - 1).
  // Summed in sorted order, so that the order of the windows cannot move the last bit.
  const sum = [...windows].sort((a, b) => a - b).reduce((s, z) => s + softplus(z), 0);
  return sum > 30 ? sum : Math.log(Math.expm1(sum));
}

/** Calibrated log-odds that a package is malicious, from the log-odds of its distinct places. */
export function packageLogOdds(
  windows: readonly number[],
  ecosystem: Ecosystem,
  config: Pick<ModelConfig, 'aggregation' | 'calibration' | 'emptyLogOdds'>,
): number {
  if (windows.length === 0) return config.emptyLogOdds;
  const { scale, offset, perLogWindow } = config.calibration[ecosystem];
  return scale * aggregate(windows, config.aggregation) + offset + perLogWindow * Math.log(windows.length);
}
