/**
 * A study's results at one scale, sorted for comparing: which runs count, in which place (task and data) each stands,
 * what is missing, and what has to be shown apart because its numbers come from another program or other settings.
 */
import { isSameQuestion } from './decisiveSettings.js';
import { lastMean } from './learningCurves.js';
import type { RunResult } from './results.js';
import { configOf, type ScaleName, type Study, type StudyRun, studyRuns } from './study.js';
import { shareVersion } from './versions.js';

/** Where variants meet. */
export interface Place {
  readonly task: string;
  /** Undefined where the study gives no data at this scale. */
  readonly data: string | undefined;
}

export interface ScaleResults {
  readonly scale: ScaleName;
  readonly planned: readonly StudyRun[];
  /** What counts: the study's own settings, the newest version of the program, at least one evaluation. In the order of the ids. */
  readonly runs: readonly RunResult[];
  /** Runs of other versions, one list for each, the newest first. */
  readonly older: readonly (readonly RunResult[])[];
  /** Runs that the study no longer asks for, or asks for with other settings. */
  readonly foreign: readonly RunResult[];
  /** Runs that never evaluated their policy. */
  readonly unscored: readonly RunResult[];
  readonly missing: readonly StudyRun[];
  readonly places: readonly Place[];
}

export function scaleResults(study: Study, scale: ScaleName, results: readonly RunResult[]): ScaleResults {
  const planned = studyRuns(study, scale);
  const byId = new Map(planned.map((run) => [run.id, run]));
  const here = results
    .filter(({ id }) => id.startsWith(`${scale}/`))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const isOwn = (result: RunResult): boolean => {
    const run = byId.get(result.id);
    return run !== undefined && hasSettingsOf(result, run);
  };
  const own = here.filter(isOwn);
  const scored = own.filter((run) => lastMean(run) !== undefined);
  const [runs = [], ...older] = byVersion(scored);
  const done = new Set(runs.map(({ id }) => id));
  return {
    scale,
    planned,
    runs,
    older,
    foreign: here.filter((result) => !isOwn(result)),
    unscored: own.filter((run) => lastMean(run) === undefined),
    missing: planned.filter(({ id }) => !done.has(id)),
    places: placesOf(study, scale),
  };
}

/** The runs of a variant in a place; one that is given no data stands in every place of its task. */
export function runsIn(runs: readonly RunResult[], variant: string, { task, data }: Place): RunResult[] {
  return runs.filter(
    (run) => run.variant === variant && run.task === task && (run.data === undefined || run.data === data),
  );
}

/** "walker-walk, expert". */
export function placeName({ task, data }: Place): string {
  return data === undefined ? task : `${task}, ${data}`;
}

function placesOf(study: Study, scale: ScaleName): Place[] {
  const { tasks = [], data = {} } = study.scales[scale] ?? {};
  const usesData = Object.values(study.variants).some((variant) => variant.usesData);
  const names = usesData && Object.keys(data).length > 0 ? Object.keys(data) : [undefined];
  return tasks.flatMap((task) => names.map((name): Place => ({ task, data: name })));
}

/** Groups whose numbers one version of the program computes, the one with the newest run first; in each as given. */
function byVersion(runs: readonly RunResult[]): RunResult[][] {
  const groups: RunResult[][] = [];
  for (const run of runs) {
    const alike = groups.filter((group) => group.some((other) => shareVersion(run, other)));
    for (const group of alike) groups.splice(groups.indexOf(group), 1);
    groups.push([...alike.flat(), run]);
  }
  for (const group of groups) group.sort((a, b) => runs.indexOf(a) - runs.indexOf(b));
  const newest = (group: readonly RunResult[]): number =>
    Math.max(...group.map(({ finished }) => Date.parse(finished)));
  return groups.sort((a, b) => newest(b) - newest(a));
}

function hasSettingsOf({ config }: RunResult, run: StudyRun): boolean {
  return isSameQuestion(configOf(run, config.dataset[0]), config);
}
