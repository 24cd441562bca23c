/**
 * How runs of several tasks and seeds are summed up, and how far to trust it, after Agarwal et al. 2021, "Deep RL at
 * the Edge of the Statistical Precipice", and their Python package rliable, whose numbers these are. Scores come as
 * strata: for each task the scores of its runs, of which tasks may have different numbers. An interval comes from
 * drawing the runs of each task anew, with replacement (stratified bootstrap); it says what other seeds might have
 * given on the same tasks.
 */
import { Generator } from '../random/generator.js';
import { average, interquartileMean, quantile, RESAMPLES } from '../training/returnStatistics.js';

/** For each task, the scores of its runs: at least one task, and at least one run in each. */
export type Strata = readonly (readonly number[])[];

/** Lower and upper end. */
export type Interval = readonly [number, number];

export interface Estimate {
  readonly value: number;
  /** 95% percentile interval; undefined where a task has one run only, which says nothing of other seeds. */
  readonly interval: Interval | undefined;
}

/** Two algorithms on the tasks of both. */
export interface Rivals {
  readonly x: Strata;
  readonly y: Strata;
  /** Which stratum of `x` meets which of `y`; one may meet several. Default: the first the first, and so on. */
  readonly pairs?: readonly (readonly [number, number])[];
}

/** Mean of all scores but the lowest and the highest quarter (rounded down), tasks thrown together. */
export function interquartileMeanOf(strata: Strata): number {
  return interquartileMean(strata.flat());
}

/** Mean over tasks of the mean over runs. */
export function meanOf(strata: Strata): number {
  return average(strata.map(average));
}

/** Median over tasks of the mean over runs. */
export function medianOf(strata: Strata): number {
  return median(strata.map(average));
}

/** @param values at least one; infinite ones may be among them */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1] as number, sorted[sorted.length >> 1] as number];
  // Of two equal infinities the mean is one as well, which their difference would not give.
  return low === high ? low : (low + high) / 2;
}

/** A number for all runs together, with the interval it has over seeds. */
export function estimate(
  strata: Strata,
  statistic: (strata: Strata) => number,
  resamples = RESAMPLES,
): Estimate {
  const [only] = estimates(strata, (drawn) => [statistic(drawn)], resamples);
  return only as Estimate;
}

/**
 * Average over tasks of P(X > Y), the probability that a run of X ends above a run of Y, ties counting one half (the
 * Mann-Whitney statistic over the number of pairs of runs). Runs of X and Y are drawn independently for the interval;
 * a stratum that meets several is drawn once.
 */
export function probabilityOfImprovement({ x, y, pairs }: Rivals, resamples = RESAMPLES): Estimate {
  const meetings = pairs ?? x.map((_, task) => [task, task] as const);
  return estimate(
    [...x, ...y],
    (drawn) =>
      average(meetings.map(([i, j]) => shareAbove(drawn[i] as number[], drawn[x.length + j] as number[]))),
    resamples,
  );
}

/**
 * Performance profile: for each threshold the share of all runs, tasks thrown together, whose score is above it, with
 * its interval at that threshold alone.
 */
export function performanceProfile(
  strata: Strata,
  thresholds: readonly number[],
  resamples = RESAMPLES,
): Estimate[] {
  return estimates(
    strata,
    (drawn) => {
      const sorted = Float64Array.from(drawn.flat()).sort();
      return thresholds.map((threshold) => 1 - countUpTo(sorted, threshold) / sorted.length);
    },
    resamples,
  );
}

/**
 * A learning curve over seeds: at each point the mean (or another statistic) of the runs' values there, with its
 * interval at that point alone. Whole runs are drawn anew.
 * @param runs [seeds, points], as many points in each
 */
export function curveOverSeeds(
  runs: readonly (readonly number[])[],
  statistic: (values: readonly number[]) => number = average,
  resamples = RESAMPLES,
): Estimate[] {
  const points = runs[0]?.length ?? 0;
  const at = (point: number, seeds: readonly number[]): number =>
    statistic(seeds.map((seed) => runs[seed]?.[point] as number));
  return estimates(
    [runs.map((_, seed) => seed)],
    ([seeds = []]) => Array.from({ length: points }, (_, point) => at(point, seeds)),
    resamples,
  );
}

/** Several numbers of the same runs, and of the same resamples. The seed is fixed: equal scores, equal intervals. */
function estimates(
  strata: Strata,
  statistics: (strata: Strata) => readonly number[],
  resamples: number,
): Estimate[] {
  if (strata.length === 0 || strata.some((runs) => runs.length === 0))
    throw new RangeError('Statistics need at least one run of each task.');
  const values = statistics(strata);
  if (strata.some((runs) => runs.length < 2)) return values.map((value) => ({ value, interval: undefined }));
  const generator = new Generator(0).child('bootstrap');
  const drawn = values.map(() => new Float64Array(resamples));
  for (let resample = 0; resample < resamples; resample++) {
    const again = statistics(
      strata.map((runs) => runs.map(() => runs[generator.integer(runs.length)] as number)),
    );
    again.forEach((value, which) => {
      (drawn[which] as Float64Array)[resample] = value;
    });
  }
  return values.map((value, which) => {
    const sorted = (drawn[which] as Float64Array).sort();
    return { value, interval: [quantile(sorted, 0.025), quantile(sorted, 0.975)] };
  });
}

function shareAbove(x: readonly number[], y: readonly number[]): number {
  let wins = 0;
  for (const a of x) for (const b of y) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (x.length * y.length);
}

/** How many of the sorted values are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
