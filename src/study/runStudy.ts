/**
 * Plays what a study still misses, seed by seed across everything it compares: in child processes, or wherever else its
 * `play` has it done. What was interrupted goes on from its last checkpoint; a run that fails holds up nobody; several
 * processes on one study share its runs, since each takes a run before it begins. What another study has played is taken
 * over, and what another one is playing comes last.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../files/atomicFile.js';
import { acquireLock, LockedError } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { forgetFailure, keepFailure, readMetrics, runPaths } from '../training/runFolder.js';
import { type Fingerprint, fingerprint, sameFingerprint } from './fingerprint.js';
import { inProcess } from './inProcess.js';
import type { PlayEvent } from './playRun.js';
import { keepResult, type Provenance, readResult } from './results.js';
import { defaultDataFolder, runDataset } from './runDataset.js';
import { configOf, type StudyRun } from './study.js';
import { type FinishedRun, findTwin, finishedRuns, lockTwins } from './twins.js';
import { isOfVersion } from './versions.js';
import { CLAIM_FILE, chosenRuns, defaultRunsFolder, folderOf, type StudyWork } from './workPlace.js';

export interface RunStudyOptions extends StudyWork {
  /** Runs at once; default 1. Their data are recorded one after another, on all cores. */
  readonly jobs?: number | undefined;
  /**
   * Whether runs are played on whichever machines: a finished run of any machine's is then one that playing it would only
   * repeat. Default: of machines that round as this one does.
   */
  readonly onAnyMachine?: boolean | undefined;
  /** After so many seconds runs in progress are stopped, with a checkpoint. */
  readonly budgetSeconds?: number | undefined;
  /**
   * A run has its result, whichever version of the program made it; with this, those that are not known to be the
   * present version's too are played again.
   */
  readonly refresh?: boolean | undefined;
  readonly onEvent?: ((event: StudyEvent) => void) | undefined;
}

export type StudyEvent = { readonly run: StudyRun } & (
  | PlayEvent
  | { readonly kind: 'finished' | 'stopped' | 'taken' }
  | { readonly kind: 'failed'; readonly reason: string }
);

export interface StudyOutcome {
  readonly finished: number;
  readonly stopped: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** Runs that another process had, or had an equal one of. */
  readonly taken: number;
  /** Runs that have no result yet. */
  readonly missing: number;
  /** Runs whose result is not known to be the present version's too. */
  readonly ofOtherVersions: number;
}

const FINGERPRINT_FILE = 'fingerprint.json';

/** @throws InputError where a run's settings are not valid: before anything is played */
export async function runStudy(options: RunStudyOptions): Promise<StudyOutcome> {
  const { study, scale, jobs = 1, budgetSeconds, signal, onEvent = () => {} } = options;
  const runs = chosenRuns(study, scale, options.only);
  for (const run of runs) configOf(run, run.recipe && 'data');
  const current = await fingerprint();
  const oneByOne = inTurn();
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = budgetSeconds === undefined ? undefined : setTimeout(abort, budgetSeconds * 1000);
  const counts = { finished: 0, stopped: 0, taken: 0 };
  const failed: { id: string; reason: string }[] = [];
  const ended = (run: StudyRun, outcome: Outcome): void => {
    if (outcome.kind === 'failed') failed.push({ id: run.id, reason: outcome.reason });
    else counts[outcome.kind]++;
    onEvent({ run, ...outcome });
  };
  /** Plays all of them but those that are equal to one in progress, which it returns. */
  const play = async (queue: StudyRun[]): Promise<StudyRun[]> => {
    const later: StudyRun[] = [];
    const work = async (): Promise<void> => {
      for (let run = queue.shift(); run !== undefined && !stop.signal.aborted; run = queue.shift()) {
        const outcome = await playOne(run, options, current, oneByOne, stop.signal);
        if (outcome === 'later') later.push(run);
        else if (outcome !== undefined) ended(run, outcome);
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, work));
    return later;
  };
  try {
    for (let left = [...runs]; left.length > 0 && !stop.signal.aborted; ) {
      const before = left.length;
      left = await play(left);
      // None of these is in progress here: other processes have all they are equal to.
      if (left.length === before) for (const run of left.splice(0)) ended(run, { kind: 'taken' });
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
  let [missing, ofOtherVersions] = [0, 0];
  for (const run of runs) {
    const result = await readResult(study, run);
    if (result === undefined) missing++;
    else if (!isOfVersion(result, current)) ofOtherVersions++;
  }
  return { ...counts, failed, missing, ofOtherVersions };
}

type Outcome =
  | { readonly kind: 'finished' | 'stopped' | 'taken' }
  | { readonly kind: 'failed'; readonly reason: string };

type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** Does one thing after another, of all that are asked for. */
function inTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

/** Undefined where the run has its result already; 'later' while an equal one is being played. */
async function playOne(
  run: StudyRun,
  options: RunStudyOptions,
  current: Fingerprint,
  oneByOne: InTurn,
  signal: AbortSignal,
): Promise<Outcome | 'later' | undefined> {
  const { study, runs = defaultRunsFolder, refresh = false } = options;
  const isThere = async (): Promise<boolean> => {
    const result = await readResult(study, run);
    return result !== undefined && (!refresh || isOfVersion(result, current));
  };
  if (await isThere()) return undefined;
  const folder = folderOf(runs, study, run);
  await makeFolder(folder);
  try {
    const claim = await acquireLock(join(folder, CLAIM_FILE), `The run ${run.id}`);
    try {
      // Another process may have ended it since.
      if (await isThere()) return undefined;
      const twins = await lockTwins(runs, run, current).catch(ignoreLocked);
      if (twins === undefined) {
        options.onEvent?.({
          run,
          kind: 'note',
          text: `${run.id} is the same run as one that is being played: it comes after the others.`,
        });
        return 'later';
      }
      try {
        return await playClaimed(run, folder, options, current, oneByOne, signal);
      } finally {
        await twins.release();
      }
    } finally {
      await claim.release();
    }
  } catch (error) {
    if (error instanceof LockedError) return { kind: 'taken' };
    return { kind: 'failed', reason: await keepFailure(folder, error) };
  }
}

function ignoreLocked(error: unknown): undefined {
  if (!(error instanceof LockedError)) throw error;
}

async function playClaimed(
  run: StudyRun,
  folder: string,
  options: RunStudyOptions,
  current: Fingerprint,
  oneByOne: InTurn,
  signal: AbortSignal,
): Promise<Outcome> {
  const { study, play = inProcess, onEvent = () => {} } = options;
  await forgetFailure(folder);
  const { recipe } = run;
  const dataset =
    recipe &&
    (await oneByOne(() =>
      runDataset(recipe, {
        data: options.data ?? defaultDataFolder,
        fingerprint: current,
        signal,
        onNote: (text) => onEvent({ run, kind: 'note', text }),
      }),
    ));
  if (signal.aborted) return { kind: 'stopped' };
  const data = dataset?.description ?? null;
  const config = configOf(run, dataset?.folder);
  const isSameData = ({ provenance }: FinishedRun) => provenance.dataset?.sha256 === data?.sha256;
  const finished = await finishedRuns(dirname(study.folder));
  const twin = await findTwin(finished, run, config, current, isSameData, options.onAnyMachine);
  if (twin !== undefined) {
    onEvent({
      run,
      kind: 'note',
      text: `${run.id} is the same run as ${twin.folder}, whose result it takes.`,
    });
    const playedBy = twin.provenance.playedBy ?? { study: twin.study.name, run: twin.run.id };
    await keepResult(study, run, twin.folder, { ...twin.provenance, playedBy });
    return { kind: 'finished' };
  }
  const resumed = await canGoOn(folder, current);
  if (!resumed) await beginAnew(folder, current);
  const result = await play({ name: `${study.name}/${run.id}`, folder, config, resumed }, signal, (event) =>
    onEvent({ run, ...event }),
  );
  if (!result.finished) return { kind: 'stopped' };
  const seconds = (await readMetrics(folder)).at(-1)?.seconds ?? result.wallSeconds;
  const provenance: Provenance = {
    command: `rlpd study run ${study.name} --scale ${run.scale} --only ${run.id}`,
    wallSeconds: seconds,
    finished: new Date().toISOString(),
    machine: result.machine,
    engine: result.engine,
    dataset: data,
    fingerprint: current,
    verified: [],
  };
  await keepResult(study, run, folder, provenance);
  // The policy stays, for films; the experience and the checkpoints have served.
  for (const path of [runPaths(folder).replay, runPaths(folder).checkpoints])
    await rm(path, { recursive: true, force: true });
  return { kind: 'finished' };
}

/** Whether a run lies there that this program began: one of other sources would mix two learners in one curve. */
async function canGoOn(folder: string, current: Fingerprint): Promise<boolean> {
  if ((await stat(runPaths(folder).config).catch(() => null)) === null) return false;
  const text = await readFile(join(folder, FINGERPRINT_FILE), 'utf8').catch(() => 'null');
  const saved = JSON.parse(text) as Fingerprint | null;
  return saved !== null && sameFingerprint(saved, current);
}

async function beginAnew(folder: string, current: Fingerprint): Promise<void> {
  const { config, metrics, evaluations, replay, policies, bestPolicy, checkpoints } = runPaths(folder);
  for (const path of [config, metrics, evaluations, replay, policies, bestPolicy, checkpoints])
    await rm(path, { recursive: true, force: true });
  await writeFileAtomic(join(folder, FINGERPRINT_FILE), `${JSON.stringify(current)}\n`);
}
