/** How a set of returns is summed up: mean, interquartile mean, and how far to trust the mean. */
import { Generator } from '../random/generator.js';

export interface ReturnStatistics {
  readonly mean: number;
  /** Of the population (divided by n). */
  readonly std: number;
  readonly iqm: number;
  /** 95% percentile bootstrap interval of the mean. */
  readonly ci95: readonly [number, number];
}

/** Resamples of a bootstrap, as many as the paper takes for its profiles. */
export const RESAMPLES = 2000;

/**
 * Interquartile mean and bootstrap intervals follow Agarwal et al. 2021, "Deep RL at the Edge of the Statistical
 * Precipice". The resampling has a fixed seed: equal returns give equal statistics.
 * @param returns at least one
 */
export function returnStatistics(returns: readonly number[]): ReturnStatistics {
  if (returns.length === 0) throw new RangeError('Statistics need at least one return.');
  const mean = average(returns);
  const generator = new Generator(0).child('bootstrap');
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < returns.length; i++) sum += returns[generator.integer(returns.length)] as number;
    return sum / returns.length;
  }).sort();
  return {
    mean,
    std: Math.sqrt(average(returns.map((value) => (value - mean) ** 2))),
    iqm: interquartileMean(returns),
    ci95: [quantile(means, 0.025), quantile(means, 0.975)],
  };
}

/** The mean of what is left once the lowest and the highest quarter (rounded down) are cut off. */
export function interquartileMean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(values.length / 4);
  return average(sorted.slice(cut, sorted.length - cut));
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Linear interpolation between order statistics, as NumPy's default. */
export function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}
