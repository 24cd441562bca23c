/**
 * Plays what a study still misses, seed by seed across everything it compares, in child processes. What was
 * interrupted goes on from its last checkpoint; a run that fails holds up nobody; several processes on one study share
 * its runs, since each takes a run before it begins.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../../datasets/reader.js';
import { writeFileAtomic } from '../files/atomicFile.js';
import { acquireLock, LockedError } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { datasetHash } from '../training/runData.js';
import { readMetrics, runPaths } from '../training/runFolder.js';
import type { TrainResult } from '../training/train.js';
import type { Progress } from '../training/trainingRun.js';
import { type Fingerprint, fingerprint, sameFingerprint } from './fingerprint.js';
import { ensureDataset } from './recordedDataset.js';
import { keepResult, machine, type Provenance, readResult } from './results.js';
import type { RunOrder, RunReport } from './runProcess.js';
import { configOf, type ScaleName, type Study, type StudyRun } from './study.js';
import { findTwin } from './twins.js';
import { CLAIM_FILE, chosenRuns, defaultRunsFolder, FAILURE_FILE, folderOf } from './workPlace.js';

export interface RunStudyOptions {
  readonly study: Study;
  readonly scale: ScaleName;
  /** Only runs whose id contains one of these. */
  readonly only?: readonly string[] | undefined;
  /** Runs at once. Default 1. */
  readonly jobs?: number | undefined;
  /** After so many seconds runs in progress are stopped, with a checkpoint. */
  readonly budgetSeconds?: number | undefined;
  /** Runs whose result is of another fingerprint are played again. */
  readonly refresh?: boolean | undefined;
  /** Where runs in progress lie. Default `runs/studies`. */
  readonly runs?: string | undefined;
  /** Where datasets lie. Default `data`. */
  readonly data?: string | undefined;
  /** Aborting it stops every run, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StudyEvent) => void) | undefined;
}

export type StudyEvent = { readonly run: StudyRun } & (
  | { readonly kind: 'started'; readonly resumed: boolean }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'finished' | 'stopped' | 'taken' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'note'; readonly text: string }
);

export interface StudyOutcome {
  readonly finished: number;
  readonly stopped: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** Runs that another process had. */
  readonly taken: number;
  /** Runs that have no result yet. */
  readonly missing: number;
}

export const defaultDataFolder = 'data';

const FINGERPRINT_FILE = 'fingerprint.json';
const WAIT_MS = 500;

/** @throws InputError where a run's settings are not valid: before anything is played */
export async function runStudy(options: RunStudyOptions): Promise<StudyOutcome> {
  const { study, scale, jobs = 1, budgetSeconds, signal, onEvent = () => {} } = options;
  const runs = chosenRuns(study, scale, options.only);
  for (const run of runs) configOf(run, run.recipe && 'data');
  const current = await fingerprint();
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = budgetSeconds === undefined ? undefined : setTimeout(abort, budgetSeconds * 1000);
  const counts = { finished: 0, stopped: 0, taken: 0 };
  const failed: { id: string; reason: string }[] = [];
  const queue = [...runs];
  const work = async (): Promise<void> => {
    for (let run = queue.shift(); run !== undefined && !stop.signal.aborted; run = queue.shift()) {
      const outcome = await playOne(run, options, current, stop.signal);
      if (outcome === undefined) continue;
      if (outcome.kind === 'failed') failed.push({ id: run.id, reason: outcome.reason });
      else counts[outcome.kind]++;
      onEvent({ run, ...outcome });
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
  let missing = 0;
  for (const run of runs) if ((await readResult(study, run)) === undefined) missing++;
  return { ...counts, failed, missing };
}

type Outcome =
  | { readonly kind: 'finished' | 'stopped' | 'taken' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Undefined where the run has its result already. */
async function playOne(
  run: StudyRun,
  options: RunStudyOptions,
  current: Fingerprint,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const { study, runs = defaultRunsFolder, refresh = false } = options;
  const isThere = async (): Promise<boolean> => {
    const result = await readResult(study, run);
    return result !== undefined && (!refresh || sameFingerprint(result.fingerprint, current));
  };
  if (await isThere()) return undefined;
  const folder = folderOf(runs, study, run);
  await makeFolder(folder);
  try {
    const claim = await acquireLock(join(folder, CLAIM_FILE), `The run ${run.id}`);
    try {
      // Another process may have ended it since.
      if (await isThere()) return undefined;
      return await playClaimed(run, folder, options, current, signal);
    } finally {
      await claim.release();
    }
  } catch (error) {
    if (error instanceof LockedError) return { kind: 'taken' };
    const reason = error instanceof Error ? error.message : String(error);
    await writeFileAtomic(join(folder, FAILURE_FILE), `${reason}\n`);
    return { kind: 'failed', reason };
  }
}

async function playClaimed(
  run: StudyRun,
  folder: string,
  options: RunStudyOptions,
  current: Fingerprint,
  signal: AbortSignal,
): Promise<Outcome> {
  const { study, onEvent = () => {} } = options;
  await rm(join(folder, FAILURE_FILE), { force: true });
  const dataset = await dataOf(run, options, current, signal);
  if (signal.aborted) return { kind: 'stopped' };
  const data = dataset === undefined ? null : await describeData(dataset);
  const config = configOf(run, dataset);
  const twin = await findTwin(study, { config, fingerprint: current, dataset: data });
  if (twin !== undefined) {
    onEvent({
      run,
      kind: 'note',
      text: `${run.id} is the same run as ${twin.folder}, whose result it takes.`,
    });
    await keepResult(study, run, twin.folder, twin.provenance);
    return { kind: 'finished' };
  }
  const resumed = await canGoOn(folder, current);
  if (!resumed) await beginAnew(folder, current);
  onEvent({ run, kind: 'started', resumed });
  const result = await inProcess({ kind: 'start', folder, config, resumed }, signal, (progress) =>
    onEvent({ run, kind: 'progress', progress }),
  );
  if (!result.finished) return { kind: 'stopped' };
  const seconds = (await readMetrics(folder)).at(-1)?.seconds ?? result.wallSeconds;
  const provenance: Provenance = {
    command: `rlpd study run ${study.name} --scale ${run.scale} --only ${run.id}`,
    wallSeconds: seconds,
    finished: new Date().toISOString(),
    machine: machine(),
    engine: result.engine,
    dataset: data,
    fingerprint: current,
  };
  await keepResult(study, run, folder, provenance);
  // The policy stays, for films; the experience and the checkpoints have served.
  for (const path of [runPaths(folder).replay, runPaths(folder).checkpoints])
    await rm(path, { recursive: true, force: true });
  return { kind: 'finished' };
}

/** Waits while another process, or another run of this one, records it. */
async function dataOf(
  run: StudyRun,
  { data = defaultDataFolder, onEvent = () => {} }: RunStudyOptions,
  current: Fingerprint,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (run.recipe === undefined) return undefined;
  while (!signal.aborted) {
    try {
      return await ensureDataset(run.recipe, {
        data,
        fingerprint: current,
        signal,
        onNote: (text) => onEvent({ run, kind: 'note', text }),
      });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
  return undefined;
}

async function describeData(folder: string): Promise<NonNullable<Provenance['dataset']>> {
  const { manifest } = await openDataset(folder);
  return {
    sha256: await datasetHash(folder),
    episodes: manifest.episodes,
    returnMean: manifest.returns?.mean ?? null,
  };
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

const childModule = fileURLToPath(new URL('./runProcess.js', import.meta.url));

/** Trains in a process of its own. @throws LockedError, InputError or Error as the run does, or where it dies */
async function inProcess(
  order: RunOrder & { kind: 'start' },
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<TrainResult> {
  const child: ChildProcess = fork(childModule, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-2000);
  });
  let last: RunReport | undefined;
  child.on('message', (report: RunReport) => {
    if (report.kind === 'progress') onProgress(report.progress);
    else last = report;
  });
  const tell = (message: RunOrder): void => {
    // A child that is gone has said what it had to.
    if (child.connected) child.send(message, () => {});
  };
  const stop = (): void => tell({ kind: 'stop' });
  signal.addEventListener('abort', stop, { once: true });
  try {
    tell(order);
    if (signal.aborted) stop();
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const report = last as RunReport | undefined;
    if (report?.kind === 'ended') return report.result;
    if (report?.kind === 'failed')
      throw report.isLocked ? new LockedError(report.message) : new Error(report.message);
    const how = killedBy === null ? `ended with exit code ${code}` : `was ended by ${killedBy}`;
    throw new Error(`Its process ${how}${said === '' ? '' : `: ${said.trim()}`}.`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
