/**
 * Figures of runs: learning curves, numbers with their intervals, performance profiles. A variant keeps its colour in
 * all of a study's.
 */
import { curveChartSvg, intervalChartSvg, type Level } from '../media/chart.js';
import { palette } from '../media/palette.js';
import { axisLabels, bandOf, type CurveAxis, type CurveRun, curveOf, isOffline } from './learningCurves.js';
import type { Estimate } from './statistics.js';

/** Runs that are one line of a figure: one setting, several seeds. */
export interface CurveGroup {
  readonly name: string;
  readonly color: string;
  /** At least one. */
  readonly runs: readonly CurveRun[];
}

/** A number of one variant. */
export interface NamedEstimate {
  readonly name: string;
  readonly color: string;
  readonly estimate: Estimate;
}

/** The colour of the variant in this place of the study's list. */
export function variantColour(place: number): string {
  return palette[place % palette.length] as string;
}

/**
 * The line is the mean over seeds of the evaluations' mean return, the band its 95% bootstrap interval over seeds; one
 * seed has no band. Runs that learn from data alone see no env frames: over those they are a level, at their last
 * evaluation.
 */
export function learningCurvesSvg(chart: {
  readonly title: string;
  readonly axis: CurveAxis;
  readonly groups: readonly CurveGroup[];
  /** In CSS pixels. */
  readonly width?: number;
}): string {
  const { title, axis, groups, ...size } = chart;
  const isLevel = ({ runs }: CurveGroup): boolean => axis === 'envFrames' && isOffline(runs);
  const curves = groups
    .filter((group) => !isLevel(group))
    .map((group) => {
      const points = curveOf(group.runs, axis);
      return {
        name: legendName(group),
        color: group.color,
        x: points.map(({ x }) => x),
        mean: points.map(({ value }) => value),
        ...bandOf(points),
      };
    });
  const levels = groups.filter(isLevel).flatMap((group): Level[] => {
    const last = curveOf(group.runs, 'updates').at(-1);
    return last === undefined
      ? []
      : [{ name: legendName(group), color: group.color, value: last.value, ...ends(last) }];
  });
  const hasIntervals = groups.some(({ runs }) => runs.length > 1);
  return curveChartSvg({
    title,
    subtitle: hasIntervals ? 'mean over seeds and its 95% bootstrap interval' : 'one seed each',
    xLabel: axisLabels[axis],
    yLabel: 'return',
    curves,
    levels,
    ...size,
  });
}

/** A row for each variant: its number, and its interval where it has one. */
export function estimatesSvg(chart: {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  readonly rows: readonly NamedEstimate[];
  readonly reference?: number;
  readonly xRange?: readonly [number, number];
}): string {
  const rows = chart.rows.map(({ name, color, estimate }) => ({
    name,
    color,
    value: estimate.value,
    ...ends(estimate),
  }));
  return intervalChartSvg({ ...chart, rows });
}

/** Performance profiles over the same thresholds; the band is each threshold's own interval. */
export function profilesSvg(chart: {
  readonly title: string;
  readonly subtitle: string;
  readonly thresholds: readonly number[];
  readonly profiles: readonly {
    readonly name: string;
    readonly color: string;
    /** As many as thresholds. */
    readonly shares: readonly Estimate[];
  }[];
}): string {
  const { title, subtitle, thresholds, profiles } = chart;
  return curveChartSvg({
    title,
    subtitle,
    xLabel: 'normalised score τ',
    yLabel: 'share of runs above τ',
    yRange: [0, 1],
    curves: profiles.map(({ name, color, shares }) => ({
      name,
      color,
      x: thresholds,
      mean: shares.map(({ value }) => value),
      ...(shares.every(({ interval }) => interval !== undefined) && {
        low: shares.map(({ value, interval }) => interval?.[0] ?? value),
        high: shares.map(({ value, interval }) => interval?.[1] ?? value),
      }),
    })),
  });
}

function legendName({ name, runs }: CurveGroup): string {
  return `${name} (${runs.length} ${runs.length === 1 ? 'seed' : 'seeds'})`;
}

function ends({ interval }: Estimate): { low: number; high: number } | undefined {
  return interval && { low: interval[0], high: interval[1] };
}
