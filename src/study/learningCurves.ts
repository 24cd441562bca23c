/**
 * Runs' evaluations as learning curves, and several seeds of one setting as one curve: the mean over seeds of the mean
 * return, at every point that all of them have reached.
 */
import { learnsOnline, type RunConfig } from '../training/config.js';
import type { MetricsLine } from '../training/metrics.js';
import { average } from '../training/returnStatistics.js';
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
 * The curve of several seeds over what all of them have evaluated, one point an x: of several evaluations before the
 * first env frame, the last.
 * @param runs of equal settings but for the seed; at least one
 * @returns none where the axis is minutes and a run does not say its seconds
 */
export function curveOf(runs: readonly CurveRun[], axis: CurveAxis): CurvePoint[] {
  const seeds = runs.map((run) => new Map(evaluationsOf(run).map((line) => [standOf(line), line])));
  const stands = [...(seeds[0]?.keys() ?? [])].filter((stand) => seeds.every((lines) => lines.has(stand)));
  const lines = seeds.map((found) => stands.map((stand) => found.get(stand) as EvaluationLine));
  const points = curveOverSeeds(lines.map((seed) => seed.map(({ mean }) => mean))).flatMap(
    (estimate, point): CurvePoint[] => {
      const here = lines.map((seed) => seed[point] as EvaluationLine);
      const xs = here.flatMap((line) => xOf(line, axis) ?? []);
      const { envFrames, updates } = here[0] as EvaluationLine;
      return xs.length < here.length ? [] : [{ ...estimate, x: average(xs), envFrames, updates }];
    },
  );
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

/** Two evaluations of equal stand are of the same moment in two runs. */
function standOf({ envFrames, updates }: EvaluationLine): string {
  return `${envFrames} ${updates}`;
}

function xOf(line: EvaluationLine, axis: CurveAxis): number | undefined {
  if (axis !== 'minutes') return line[axis];
  return line.seconds === undefined ? undefined : line.seconds / 60;
}
