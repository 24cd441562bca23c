/** Figures of a dataset's returns, as `rlpd dataset info` prints them and the manifest keeps them. */

export interface ReturnStatistics {
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @returns null for no episodes: an average of nothing is not a number. */
export function returnStatistics(returns: readonly number[]): ReturnStatistics | null {
  if (returns.length === 0) return null;
  const sorted = [...returns].sort((a, b) => a - b);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const variance = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sorted.length;
  return {
    mean,
    std: Math.sqrt(variance),
    min: quantile(sorted, 0),
    median: quantile(sorted, 0.5),
    max: quantile(sorted, 1),
  };
}

/** Linear interpolation between the order statistics of `sorted` (NumPy's default). `share` is in [0, 1]. */
export function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
