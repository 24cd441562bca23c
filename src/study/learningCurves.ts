/**
 * Runs' evaluations as learning curves, and several seeds of one setting as one curve: the mean over seeds of the mean
 * return, at every point that all of them have reached.
 */
import { learnsOnline, type RunConfig } from '../training/config.js';
import type { MetricsLine } from '../training/metrics.js';
import { average, RESAMPLES } from '../training/returnStatistics.js';
import { curveOverSeeds, type Estimate, type Interval } from './statistics.js';

/** What a curve needs of a run. */
export interface CurveRun {
  readonly config: RunConfig;
  readonly metrics: readonly MetricsLine[];
}

export const curveAxes = ['envFrames', 'updates', 'minutes'] as const;
export type CurveAxis = (typeof curveAxes)[number];

export const axisLabels: Readonly<Record<CurveAxis, string>> = {
  envFrames: 'env frames',
  updates: 'updates',
  minutes: 'minutes of computing',
};

export type EvaluationLine = Extract<MetricsLine, { readonly kind: 'evaluation' }>;

/** A point of a curve over seeds. */
export interface CurvePoint extends Estimate {
  /** Minutes, in which seeds differ, are the mean over them. */
  readonly x: number;
  readonly envFrames: number;
  readonly updates: number;
}

/** A number that a run reports of itself, at one moment. */
export interface Report {
  readonly envFrames: number;
  readonly updates: number;
  readonly seconds?: number | undefined;
  readonly value: number;
}

/** How much of a curve is computed; default: all of it, with the intervals of a study. */
export interface CurveDetail {
  /** More are thinned evenly, and the last is kept. */
  readonly maxPoints?: number;
  /** Of the intervals' bootstrap. */
  readonly resamples?: number;
}

/** The mean return of each evaluation. */
export function meanReturns(run: CurveRun): Report[] {
  return evaluationsOf(run).map(({ mean, ...line }) => ({ ...line, value: mean }));
}

export function evaluationsOf({ metrics }: CurveRun): EvaluationLine[] {
  return metrics.flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
}

/** The mean return of the last evaluation; undefined before the first. */
export function lastMean(run: CurveRun): number | undefined {
  return evaluationsOf(run).at(-1)?.mean;
}

/** The mean return of the best evaluation; undefined before the first. */
export function bestMean(run: CurveRun): number | undefined {
  const means = evaluationsOf(run).map(({ mean }) => mean);
  return means.length === 0 ? undefined : Math.max(...means);
}

/** Where a run first had a mean return of at least `threshold`. */
export function firstReaching(run: CurveRun, threshold: number): EvaluationLine | undefined {
  return evaluationsOf(run).find(({ mean }) => mean >= threshold);
}

/**
 * The curve of several seeds over what all of them have reported, one point an x: of several evaluations before the
 * first env frame, the last.
 * @param runs of equal settings but for the seed; at least one
 * @param reports what is drawn of a run; default: the mean return of its evaluations
 * @returns none where the axis is minutes and a run does not say its seconds
 */
export function curveOf(
  runs: readonly CurveRun[],
  axis: CurveAxis,
  reports: (run: CurveRun) => readonly Report[] = meanReturns,
  { maxPoints = Number.POSITIVE_INFINITY, resamples = RESAMPLES }: CurveDetail = {},
): CurvePoint[] {
  const seeds = runs.map((run) => new Map(reports(run).map((report) => [standOf(report), report])));
  const common = [...(seeds[0]?.keys() ?? [])].filter((stand) => seeds.every((found) => found.has(stand)));
  const stride = Math.max(1, common.length / maxPoints);
  const stands = common.filter(
    (_, i) => Math.floor((common.length - 1 - i) / stride) < Math.floor((common.length - i) / stride),
  );
  const lines = seeds.map((found) => stands.map((stand) => found.get(stand) as Report));
  const values = lines.map((seed) => seed.map(({ value }) => value));
  const points = curveOverSeeds(values, average, resamples).flatMap((estimate, point): CurvePoint[] => {
    const here = lines.map((seed) => seed[point] as Report);
    const xs = here.flatMap((line) => xOf(line, axis) ?? []);
    const { envFrames, updates } = here[0] as Report;
    return xs.length < here.length ? [] : [{ ...estimate, x: average(xs), envFrames, updates }];
  });
  return points.filter(({ x }, i) => x !== points[i + 1]?.x);
}

/** Lower and upper ends by point, where all points have an interval. */
export function bandOf(points: readonly CurvePoint[]): { low: number[]; high: number[] } | undefined {
  const intervals = points.flatMap(({ interval }): Interval[] => (interval === undefined ? [] : [interval]));
  if (intervals.length < points.length || points.length === 0) return undefined;
  return { low: intervals.map(([low]) => low), high: intervals.map(([, high]) => high) };
}

/** Whether none of the runs ever steps an environment to learn. */
export function isOffline(runs: readonly CurveRun[]): boolean {
  return runs.every(({ config }) => !learnsOnline(config));
}

/** Two reports of equal stand are of the same moment in two runs. */
function standOf({ envFrames, updates }: Report): string {
  return `${envFrames} ${updates}`;
}

function xOf(line: Report, axis: CurveAxis): number | undefined {
  if (axis !== 'minutes') return line[axis];
  return line.seconds === undefined ? undefined : line.seconds / 60;
}
