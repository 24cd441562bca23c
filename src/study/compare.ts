/**
 * Runs that a person has, compared without a study: grouped by the settings in which they differ, one chart for each
 * task and data. Runs that differ in their seed alone are one group.
 */
import { basename } from 'node:path';
import { InputError } from '../errors.js';
import { agentSettings, type RunConfig } from '../training/config.js';
import { parseDatasets } from '../training/datasetWeights.js';
import type { MetricsLine } from '../training/metrics.js';
import { changeable, readConfig, readMetrics } from '../training/runFolder.js';
import { grouped } from '../words.js';
import { learningCurvesSvg, variantColour } from './figures.js';
import { bestMean, type CurveAxis, curveOf, evaluationsOf, isOffline } from './learningCurves.js';
import { type Estimate, estimate, meanOf } from './statistics.js';
import { slug } from './study.js';

/** A run's folder, as it is or as it was kept: `config.json` and `metrics.jsonl`. */
export interface ComparedRun {
  readonly folder: string;
  readonly config: RunConfig;
  readonly metrics: readonly MetricsLine[];
}

/** Runs that differ in their seed alone. */
export interface RunGroup {
  /** The settings in which it differs from the chart's other groups, such as "offlineShare 0.25". */
  readonly name: string;
  readonly color: string;
  /** In the order of their seeds; at least one. */
  readonly runs: readonly ComparedRun[];
}

/** The groups of one task and data: "walker-walk, expert". */
export interface GroupedRuns {
  readonly title: string;
  readonly groups: readonly RunGroup[];
}

export interface ComparedGroup extends RunGroup {
  /** Mean over seeds at the last evaluation that all of them have made. */
  readonly last: Estimate & { readonly envFrames: number; readonly updates: number };
  /** Mean over seeds of each run's best evaluation. */
  readonly best: Estimate;
}

export interface Comparison {
  /** "walker-walk, expert", and a name for files. */
  readonly title: string;
  readonly slug: string;
  readonly svg: string;
  readonly groups: readonly ComparedGroup[];
}

export interface Comparisons {
  readonly charts: readonly Comparison[];
  /** Runs that are left out, and why, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * A run's settings and metrics, finished or not.
 * @throws InputError where the folder is no run
 */
export async function readComparedRun(folder: string): Promise<ComparedRun> {
  const config = await readConfig(folder);
  const metrics = await readMetrics(folder).catch((error: NodeJS.ErrnoException) => {
    // A run that has just begun.
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return { folder, config, metrics };
}

/**
 * Learning curves of runs, one chart for each task and data; runs that differ in their seed alone are one curve.
 * @throws InputError where no run has an evaluation yet, or the axis is minutes and a run does not say how long it
 *   computed
 */
export function compareRuns(runs: readonly ComparedRun[], axis: CurveAxis): Comparisons {
  const notes: string[] = [];
  const scored = withoutBlanks(runs, notes);
  if (scored.length === 0)
    throw new InputError('There is nothing to compare yet: none of these runs has made an evaluation.');
  if (axis === 'minutes') requireSeconds(scored);
  const grouped = groupRuns(scored);
  notes.push(...grouped.notes);
  const charts = grouped.charts.map(({ title, groups: members }): Comparison => {
    const groups = members.flatMap((group) => standing(group, notes) ?? []);
    return { title, slug: slug(title), svg: learningCurvesSvg({ title, axis, groups }), groups };
  });
  return { charts, notes };
}

/** Runs by task and data, and within these by their settings; those without an evaluation are there too. */
export function groupRuns(runs: readonly ComparedRun[]): {
  readonly charts: readonly GroupedRuns[];
  /** Runs that are left out, and why, a sentence each. */
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  const distinct = withoutTwins(runs, notes);
  // Equal settings have one colour in all charts.
  const colours = [...new Set(distinct.map(({ config }) => settingsKey(config)))];
  const charts = chartsOf(distinct).map(({ title, runs: members }) => ({
    title,
    groups: groupsOf(members, colours),
  }));
  return { charts, notes };
}

function withoutBlanks(runs: readonly ComparedRun[], notes: string[]): ComparedRun[] {
  return runs.filter((run) => {
    const isScored = evaluationsOf(run).length > 0;
    if (!isScored) notes.push(`${run.folder} has made no evaluation yet, and is left out.`);
    return isScored;
  });
}

/** Of runs with equal settings and seed, which say nothing of other seeds, the first. */
function withoutTwins(runs: readonly ComparedRun[], notes: string[]): ComparedRun[] {
  const first = new Map<string, string>();
  return runs.filter(({ folder, config }) => {
    const key = `${config.seed} ${config.task} ${dataKey(config)} ${settingsKey(config)}`;
    const twin = first.get(key);
    if (twin !== undefined)
      notes.push(`${folder} has the settings and the seed (${config.seed}) of ${twin}, and is left out.`);
    else first.set(key, folder);
    return twin === undefined;
  });
}

function requireSeconds(runs: readonly ComparedRun[]): void {
  const silent = runs.find((run) => evaluationsOf(run).some(({ seconds }) => seconds === undefined));
  if (silent !== undefined)
    throw new InputError(
      `${silent.folder} does not say how long it computed, as older runs do not: compare it by --x envFrames or --x updates.`,
    );
}

/** One chart for each task and data. Runs without data are in all of their task's. */
function chartsOf(runs: readonly ComparedRun[]): { title: string; runs: ComparedRun[] }[] {
  const tasks = [...new Set(runs.map(({ config }) => config.task))];
  return tasks.flatMap((task) => {
    const members = runs.filter(({ config }) => config.task === task);
    const keys = [...new Set(members.map(({ config }) => dataKey(config)))].filter((key) => key !== noData);
    if (keys.length < 2) return [{ title: task, runs: members }];
    const configs = keys.map((key) => members.find(({ config }) => dataKey(config) === key)?.config);
    const short = configs.map((config) => dataName(config, basename));
    const isShortEnough = new Set(short).size === keys.length;
    return keys.map((key, i) => ({
      title: `${task}, ${isShortEnough ? short[i] : dataName(configs[i], (path) => path)}`,
      runs: members.filter(({ config }) => dataKey(config) === key || dataKey(config) === noData),
    }));
  });
}

function groupsOf(runs: readonly ComparedRun[], colours: readonly string[]): RunGroup[] {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) {
    const key = settingsKey(run.config);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const members = [...groups.values()].map((group) => group.sort((a, b) => a.config.seed - b.config.seed));
  const configs = members.flatMap(([run]) => (run === undefined ? [] : [run.config]));
  const differing = grouping(configs[0]).filter(
    (name) => new Set(configs.map((config) => JSON.stringify(config[name]))).size > 1,
  );
  return members.map((group, place): RunGroup => {
    const config = configs[place] as RunConfig;
    const name = differing.map((setting) => `${setting} ${settingWords(config[setting])}`).join(', ');
    return {
      name: name === '' ? config.algorithm : name,
      color: variantColour(colours.indexOf(settingsKey(config))),
      runs: group,
    };
  });
}

/** A group with how it stands; undefined, and a note, where its runs have no evaluation in common. */
function standing(group: RunGroup, notes: string[]): ComparedGroup | undefined {
  const { runs } = group;
  const last = curveOf(runs, 'updates').at(-1);
  if (last === undefined) {
    notes.push(
      `${runs.map(({ folder }) => folder).join(', ')} have no evaluation in common, and are left out.`,
    );
    return undefined;
  }
  for (const run of runs) {
    const { envFrames, updates } = evaluationsOf(run).at(-1) ?? last;
    if (updates > last.updates || envFrames > last.envFrames)
      notes.push(
        `${run.folder} has got further than its group's other seeds: its curve ends where theirs do.`,
      );
  }
  return { ...group, last, best: estimate([runs.map((run) => bestMean(run) as number)], meanOf) };
}

/** Where a group stands: env frames, or updates where it learns from data alone. */
export function standWords({ runs, last }: ComparedGroup): string {
  return isOffline(runs) ? `${grouped(last.updates)} updates` : `${grouped(last.envFrames)} frames`;
}

const noData = '[]';

function dataKey({ dataset }: RunConfig): string {
  return JSON.stringify(dataset);
}

function dataName(config: RunConfig | undefined, name: (path: string) => string): string {
  return parseDatasets(config?.dataset ?? [])
    .map(({ folder }) => name(folder))
    .join(' + ');
}

/**
 * Settings that make a group. Those that say how long a run goes on, what it reports and where it computes do not,
 * except for the precision, which somebody may want to compare.
 */
function grouping(config: RunConfig | undefined): (keyof RunConfig)[] {
  const apart: ReadonlySet<string> = new Set<keyof RunConfig>(['seed', 'task', 'dataset']);
  if (config === undefined) return [];
  // What a person changes is the learner's more often than the run's.
  const names = new Set([...Object.keys(agentSettings(config)), ...Object.keys(config)]);
  return ([...names] as (keyof RunConfig)[]).filter(
    (name) => !apart.has(name) && (name === 'precision' || !changeable.has(name)),
  );
}

function settingsKey(config: RunConfig): string {
  return JSON.stringify(grouping(config).map((name) => config[name]));
}

function settingWords(value: RunConfig[keyof RunConfig]): string {
  return Array.isArray(value) ? value.join('+') : String(value);
}
