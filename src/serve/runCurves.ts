/** Curves of runs for the page: every number that they report, grouped as `rlpd compare` groups them, or run by run. */
import { palette } from '../media/palette.js';
import { type ComparedRun, groupRuns, type RunGroup } from '../study/compare.js';
import {
  axisLabels,
  bandOf,
  type CurveAxis,
  type CurveDetail,
  type CurveRun,
  curveOf,
  evaluationsOf,
  meanReturns,
  type Report,
} from '../study/learningCurves.js';
import type { Curves, MeasureChart } from './protocol.js';

/**
 * What is reported all the time is drawn for the eye: as many points as can be seen, and intervals that a second's
 * computing gives. Evaluations are drawn as `rlpd compare` draws them.
 */
const forTheEye: CurveDetail = { maxPoints: 150, resamples: 200 };

interface Measure {
  readonly name: string;
  readonly label: string;
  readonly reports: (run: CurveRun) => Report[];
  /** Default: all of it. */
  readonly detail?: CurveDetail;
}

const evaluationMeasures: readonly Measure[] = [
  {
    name: 'return',
    label: 'return of evaluations',
    reports: meanReturns,
  },
  {
    name: 'successRate',
    label: 'success of evaluations',
    reports: (run) =>
      evaluationsOf(run).flatMap(({ successRate, ...line }) =>
        successRate === undefined ? [] : [{ ...line, value: successRate }],
      ),
  },
  {
    name: 'trainingReturn',
    label: 'return of episodes in training',
    reports: ({ metrics }) =>
      metrics.flatMap((line) => (line.kind === 'episode' ? [{ ...line, value: line.return }] : [])),
    detail: forTheEye,
  },
];

const speedMeasures: readonly Measure[] = (
  [
    ['envFrames', 'env frames'],
    ['updates', 'updates'],
  ] as const
).map(([unit, words]) => ({
  name: `${unit}PerSecond`,
  label: `${words} a second`,
  reports: (run) => speeds(run, unit),
  detail: forTheEye,
}));

/** Of a line of training metrics, what is no measure of learning. */
const counterNames: ReadonlySet<string> = new Set([
  ...['kind', 'envFrames', 'agentSteps', 'updates', 'episodes', 'seconds'],
]);

/**
 * @param each whether every run is a curve of its own, instead of one for runs that differ in their seed alone
 */
export function curvesOf(
  runs: readonly (ComparedRun & { readonly id: string })[],
  axis: CurveAxis,
  each: boolean,
): Curves {
  const grouped = groupRuns(runs);
  const ids = new Map(runs.map(({ folder, id }) => [folder, id]));
  const tasks = grouped.charts.map(({ title, groups }) => {
    const shown = each ? singly(groups, ids) : groups;
    const charts = measuresOf(runs).map((measure) => chartOf(measure, shown, axis, ids));
    return { title, charts: charts.filter(({ curves }) => curves.length > 0) };
  });
  const silent = runs.filter(({ metrics }) => metrics.some(({ seconds }) => seconds === undefined));
  const minutes = silent.map(({ id }) => `${id} does not say how long it computed, as older runs do not.`);
  return {
    xLabel: axisLabels[axis],
    tasks,
    notes: [...grouped.notes, ...(axis === 'minutes' ? minutes : [])],
  };
}

function singly(groups: readonly RunGroup[], ids: ReadonlyMap<string, string>): RunGroup[] {
  const runs = groups.flatMap((group) => group.runs);
  return runs.map((run, place) => ({
    name: ids.get(run.folder) ?? run.folder,
    color: palette[place % palette.length] as string,
    runs: [run],
  }));
}

function chartOf(
  { name, label, reports, detail }: Measure,
  groups: readonly RunGroup[],
  axis: CurveAxis,
  ids: ReadonlyMap<string, string>,
): MeasureChart {
  const curves = groups.flatMap((group) => {
    const points = curveOf(group.runs, axis, reports, detail);
    if (points.length === 0) return [];
    const band = bandOf(points);
    return [
      {
        name: group.name,
        color: group.color,
        runs: group.runs.map(({ folder }) => ids.get(folder) ?? folder),
        x: points.map(({ x }) => x),
        value: points.map(({ value }) => value),
        low: band?.low ?? null,
        high: band?.high ?? null,
      },
    ];
  });
  return { measure: name, label, curves };
}

/** Returns first, then whatever the runs' learners report, then speeds. */
function measuresOf(runs: readonly CurveRun[]): Measure[] {
  const names = new Set(
    runs.flatMap(({ metrics }) => {
      const last = metrics.findLast(({ kind }) => kind === 'train');
      return Object.entries(last ?? {}).flatMap(([name, value]) => (typeof value === 'number' ? [name] : []));
    }),
  );
  const learners = [...names].filter((name) => !counterNames.has(name));
  return [...evaluationMeasures, ...learners.map(trainMeasure), ...speedMeasures];
}

function trainMeasure(name: string): Measure {
  return {
    name,
    // criticLoss → critic loss, qMean → Q mean
    label: name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/^q /, 'Q '),
    detail: forTheEye,
    reports: ({ metrics }) =>
      metrics.flatMap((line) => {
        if (line.kind !== 'train') return [];
        const value = line[name];
        return typeof value === 'number' ? [{ ...line, value }] : [];
      }),
  };
}

/** From one report of training to the next, evaluations in between included. */
function speeds({ metrics }: CurveRun, unit: 'envFrames' | 'updates'): Report[] {
  const reports = metrics.filter(({ kind }) => kind === 'train');
  return reports.flatMap((report, i) => {
    const before = reports[i - 1];
    if (before?.seconds === undefined || report.seconds === undefined) return [];
    const value = (report[unit] - before[unit]) / (report.seconds - before.seconds);
    const { envFrames, updates, seconds } = report;
    return Number.isFinite(value) ? [{ envFrames, updates, seconds, value }] : [];
  });
}
