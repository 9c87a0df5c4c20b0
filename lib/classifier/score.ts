/**
 * Log-odds of windows → score of a package. Pure arithmetic, in double precision; how many windows an
 * artifact has and how they are weighed together is fixed by the model's config, never by the caller.
 */
import type { Ecosystem } from '../types.js';
import type { Aggregation, ModelConfig } from './config.js';

export const sigmoid = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds));

/** ln(1 + e^x) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

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

/** Calibrated log-odds that a package is malicious, from the log-odds of its distinct windows. */
export function packageLogOdds(
  windows: readonly number[],
  ecosystem: Ecosystem,
  config: Pick<ModelConfig, 'aggregation' | 'calibration' | 'emptyLogOdds'>,
): number {
  if (windows.length === 0) return config.emptyLogOdds;
  const { scale, offset, perLogWindow } = config.calibration[ecosystem];
  return scale * aggregate(windows, config.aggregation) + offset + perLogWindow * Math.log(windows.length);
}
