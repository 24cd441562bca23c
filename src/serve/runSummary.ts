/** Where a run stands, from its lock, its settings and the end of its metrics: a thousand of them take no second. */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLocked } from '../files/lock.js';
import { CLAIM_FILE } from '../study/workPlace.js';
import { learnsOnline, type RunConfig } from '../training/config.js';
import { type MetricsLine, parseMetricsLine } from '../training/metrics.js';
import { readConfig, runPaths } from '../training/runFolder.js';
import type { RunSummary } from './protocol.js';

/** Holds the last evaluation and enough reports for a speed. */
const TAIL_BYTES = 64 * 1024;
/** A speed is that of so many last reports. */
const SPEED_REPORTS = 10;

/** Never throws: what cannot be read is a failed run, with the reason. */
export async function summariseRun(id: string, folder: string): Promise<RunSummary> {
  let config: RunConfig;
  try {
    config = await readConfig(folder);
  } catch (error) {
    return unreadable(id, (error as Error).message);
  }
  const lines = await lastLines(runPaths(folder).metrics);
  const { task, algorithm, seed } = config;
  const stand = standOf(config, lines.at(-1));
  const state = await stateOf(folder, stand);
  const perSecond = speed(lines, stand.unit);
  const evaluation = lines.findLast((line) => line.kind === 'evaluation');
  return {
    id,
    task,
    algorithm,
    seed,
    ...state,
    ...stand,
    perSecond,
    secondsLeft:
      state.state === 'running' && perSecond !== null ? (stand.total - stand.done) / perSecond : null,
    lastReturn: evaluation?.mean ?? null,
    lastSuccess: evaluation?.successRate ?? null,
  };
}

function unreadable(id: string, reason: string): RunSummary {
  const nothing = { perSecond: null, secondsLeft: null, lastReturn: null, lastSuccess: null };
  const stand = { unit: 'env frames', done: 0, total: 0 } as const;
  return { id, task: '', algorithm: '', seed: 0, state: 'failed', reason, ...stand, ...nothing };
}

type Stand = Pick<RunSummary, 'unit' | 'done' | 'total'>;

function standOf(config: RunConfig, last: MetricsLine | undefined): Stand {
  return learnsOnline(config) && config.envFrames > 0
    ? { unit: 'env frames', done: last?.envFrames ?? 0, total: config.envFrames }
    : { unit: 'updates', done: last?.updates ?? 0, total: config.pretrainUpdates };
}

async function stateOf(
  folder: string,
  { done, total }: Stand,
): Promise<Pick<RunSummary, 'state' | 'reason'>> {
  const { lock, failure } = runPaths(folder);
  if ((await isLocked(lock)) || (await isLocked(join(folder, CLAIM_FILE))))
    return { state: 'running', reason: null };
  const reason = await readFile(failure, 'utf8').catch(() => undefined);
  if (reason !== undefined) return { state: 'failed', reason: reason.trim() };
  if (done >= total) return { state: 'finished', reason: null };
  if ((await stat(lock).catch(() => null)) === null) return { state: 'stopped', reason: null };
  return {
    state: 'failed',
    reason: 'Its process is gone without having ended it (killed, out of memory, or the machine went down).',
  };
}

/** Whole lines at the end of the metrics; a damaged one is left out here, and named where the curves are drawn. */
async function lastLines(path: string): Promise<MetricsLine[]> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .slice(from === 0 ? 0 : 1, -1);
    return lines.flatMap((line) => parseMetricsLine(line) ?? []);
  } finally {
    await file.close();
  }
}

function speed(lines: readonly MetricsLine[], unit: RunSummary['unit']): number | null {
  const reports = lines.filter(({ kind }) => kind === 'train').slice(-SPEED_REPORTS);
  const [first, last] = [reports[0], reports.at(-1)];
  if (first?.seconds === undefined || last?.seconds === undefined) return null;
  const key = unit === 'updates' ? 'updates' : 'envFrames';
  const perSecond = (last[key] - first[key]) / (last.seconds - first.seconds);
  return Number.isFinite(perSecond) && perSecond > 0 ? perSecond : null;
}
