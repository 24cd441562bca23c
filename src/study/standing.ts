/** Where a study stands: what each of its runs has behind it, and how long the rest takes. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLocked } from '../files/lock.js';
import { learnsOnline, type RunConfig } from '../training/config.js';
import { readConfig, readMetrics, runPaths } from '../training/runFolder.js';
import { fingerprint, fingerprintText } from './fingerprint.js';
import { type Provenance, readResult } from './results.js';
import { configOf, type ScaleName, type Study, type StudyRun } from './study.js';
import { type FinishedRun, findTwin, finishedRuns, isOfRecipe } from './twins.js';
import { isOfVersion, latestVersion } from './versions.js';
import { CLAIM_FILE, chosenRuns, defaultRunsFolder, folderOf } from './workPlace.js';

export interface RunStanding {
  readonly run: StudyRun;
  /**
   * Running: some process has it. Stopped: it can go on from a checkpoint. Elsewhere: another study has played an equal
   * run, whose result is taken over when this study is run.
   */
  readonly state: 'finished' | 'elsewhere' | 'running' | 'stopped' | 'failed' | 'missing';
  /** Why it failed. */
  readonly reason?: string | undefined;
  /** The share that is done, in [0, 1]. */
  readonly done: number;
  /** Wall-clock seconds of a finished run. */
  readonly seconds?: number | undefined;
  /** Where the numbers of a finished run come from. */
  readonly provenance?: Provenance | undefined;
  /** Where the result of a run that was played elsewhere lies. */
  readonly twin?: string | undefined;
}

export interface StandingOptions {
  /** Only runs whose id contains one of these. */
  readonly only?: readonly string[] | undefined;
  /** Where runs in progress lie. Default `runs/studies`. */
  readonly runs?: string | undefined;
  /** What it and the studies beside it have played, where that has been read already. */
  readonly others?: readonly FinishedRun[] | undefined;
}

/** Where each run of a scale stands. */
export async function studyStanding(
  study: Study,
  scale: ScaleName,
  options: StandingOptions = {},
): Promise<RunStanding[]> {
  const { only, runs = defaultRunsFolder, others = await finishedRuns(dirname(study.folder)) } = options;
  const standings: RunStanding[] = [];
  const current = await fingerprint();
  for (const run of chosenRuns(study, scale, only)) {
    const result = await readResult(study, run);
    if (result !== undefined) {
      standings.push({ run, state: 'finished', done: 1, seconds: result.wallSeconds, provenance: result });
      continue;
    }
    const folder = folderOf(runs, study, run);
    const done = await doneShare(run, folder);
    const reason = await readFile(runPaths(folder).failure, 'utf8').catch(() => undefined);
    const isRunning = await isLocked(join(folder, CLAIM_FILE));
    const config = configOf(run, run.recipe && 'data');
    const twin = isRunning ? undefined : await findTwin(others, run, config, current, isOfRecipe(run));
    if (twin !== undefined) {
      standings.push({ run, state: 'elsewhere', done: 1, twin: twin.folder });
      continue;
    }
    const state = isRunning
      ? 'running'
      : reason !== undefined
        ? 'failed'
        : (await stat(join(runPaths(folder).checkpoints, 'latest')).catch(() => null)) !== null
          ? 'stopped'
          : 'missing';
    standings.push({ run, state, done, ...(state === 'failed' && { reason: reason?.trim() }) });
  }
  return standings;
}

export interface StandingSummary {
  readonly total: number;
  readonly finished: number;
  /** Played in other studies, and still to be taken over. */
  readonly elsewhere: number;
  readonly running: number;
  readonly stopped: number;
  readonly failed: number;
  readonly missing: number;
  /**
   * Hours that the rest takes, one run after the other: by what finished runs of the same variant took, else by the
   * updates to be made and what one took in the runs of all studies at this scale. Null before any has finished.
   */
  readonly hoursLeft: number | null;
  /** One line for each program that made a result. */
  readonly fingerprints: readonly string[];
  /** Finished runs whose result is not known to be the present version's too. */
  readonly ofOtherVersions: number;
}

export async function summarise(
  study: Study,
  scale: ScaleName,
  standings: readonly RunStanding[],
  others?: readonly FinishedRun[],
): Promise<StandingSummary> {
  const count = (wanted: RunStanding['state']): number =>
    standings.filter(({ state }) => state === wanted).length;
  const ended = standings.filter(({ state }) => state === 'finished');
  const current = await fingerprint();
  const pace = await secondsPerUpdate(scale, others ?? (await finishedRuns(dirname(study.folder))));
  let seconds: number | undefined = 0;
  for (const { run, state, done } of standings) {
    if (state === 'finished' || state === 'elsewhere') continue;
    const alike = ended.flatMap((other) =>
      other.run.variant === run.variant && other.seconds !== undefined ? [other.seconds] : [],
    );
    const whole =
      alike.length > 0
        ? alike.reduce((sum, value) => sum + value, 0) / alike.length
        : pace && pace * plannedUpdates(configOf(run, run.recipe && 'data'));
    seconds = whole === undefined || seconds === undefined ? undefined : seconds + (1 - done) * whole;
  }
  return {
    total: standings.length,
    finished: ended.length,
    elsewhere: count('elsewhere'),
    running: count('running'),
    stopped: count('stopped'),
    failed: count('failed'),
    missing: count('missing'),
    hoursLeft: seconds === undefined ? null : seconds / 3600,
    fingerprints: [
      ...new Set(
        ended.flatMap(({ provenance }) => (provenance ? [fingerprintText(latestVersion(provenance))] : [])),
      ),
    ],
    ofOtherVersions: ended.filter(({ provenance }) => provenance && !isOfVersion(provenance, current)).length,
  };
}

/** Critic steps (behaviour cloning: actor steps) of a whole run. */
function plannedUpdates(config: RunConfig): number {
  const { pretrainUpdates, envFrames, actionRepeat, randomSteps, updateInterval, utdRatio } = config;
  if (!learnsOnline(config)) return pretrainUpdates;
  const learning = Math.max(0, envFrames / actionRepeat - randomSteps) / updateInterval;
  return pretrainUpdates + learning * utdRatio;
}

/** Over the finished runs of this scale in the study and those beside it; undefined where there is none. */
async function secondsPerUpdate(
  scale: ScaleName,
  others: readonly FinishedRun[],
): Promise<number | undefined> {
  let [seconds, updates] = [0, 0];
  for (const { run, folder, provenance } of others) {
    if (run.scale !== scale) continue;
    seconds += provenance.wallSeconds;
    updates += plannedUpdates(await readConfig(folder));
  }
  return updates === 0 ? undefined : seconds / updates;
}

/** The share of its updates that a run in progress has behind it. */
async function doneShare(run: StudyRun, folder: string): Promise<number> {
  const last = await readMetrics(folder).then(
    (lines) => lines.at(-1),
    () => undefined,
  );
  if (last === undefined) return 0;
  const config = configOf(run, run.recipe && 'data');
  const all = plannedUpdates(config);
  return all === 0 ? 0 : Math.min(1, last.updates / all);
}
