/** How a set of returns is summed up: mean, interquartile mean, and how far to trust the mean. */
import { Generator } from '../random/generator.js';

export interface ReturnStatistics {
  readonly mean: number;
  /** Of the population (divided by n). */
  readonly std: number;
  /** Interquartile mean: the mean of what is left once the lowest and the highest quarter (rounded down) are cut off. */
  readonly iqm: number;
  /** 95% percentile bootstrap interval of the mean. */
  readonly ci95: readonly [number, number];
}

const RESAMPLES = 2000;

/**
 * Interquartile mean and bootstrap intervals follow Agarwal et al. 2021, "Deep RL at the Edge of the Statistical
 * Precipice". The resampling has a fixed seed: equal returns give equal statistics.
 * @param returns at least one
 */
export function returnStatistics(returns: readonly number[]): ReturnStatistics {
  if (returns.length === 0) throw new RangeError('Statistics need at least one return.');
  const mean = average(returns);
  const sorted = [...returns].sort((a, b) => a - b);
  const cut = Math.floor(returns.length / 4);
  const generator = new Generator(0).child('bootstrap');
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < returns.length; i++) sum += returns[generator.integer(returns.length)] as number;
    return sum / returns.length;
  }).sort();
  return {
    mean,
    std: Math.sqrt(average(returns.map((value) => (value - mean) ** 2))),
    iqm: average(sorted.slice(cut, sorted.length - cut)),
    ci95: [quantile(means, 0.025), quantile(means, 0.975)],
  };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Linear interpolation between order statistics, as NumPy's default. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}
