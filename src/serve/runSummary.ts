/** Where a run stands, from its lock, its settings and the end of its metrics: a thousand of them take no second. */
import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isLocked } from '../files/lock.js';
import { CLAIM_FILE } from '../study/workPlace.js';
import { learnsOnline, type RunConfig } from '../training/config.js';
import { type MetricsLine, parseMetricsLine } from '../training/metrics.js';
import { readConfig, runPaths } from '../training/runFolder.js';
import type { RunSummary } from './protocol.js';
import type { RunFolder } from './shelf.js';

/** Holds the last evaluation and enough reports for a speed. */
const TAIL_BYTES = 64 * 1024;
/** A speed is that of so many last reports. */
const SPEED_REPORTS = 10;

/** What a run has said last, as far as a summary needs it. */
interface LastWords {
  readonly last: MetricsLine | undefined;
  readonly evaluation: Extract<MetricsLine, { readonly kind: 'evaluation' }> | undefined;
  /** Of training, oldest first. */
  readonly reports: readonly MetricsLine[];
}

interface Read {
  readonly version: string;
  readonly config: RunConfig;
  readonly words: LastWords;
}

/** Runs by folder. Settings and metrics that have not changed since are not read again. */
export class RunSummaries {
  readonly #read = new Map<string, Read>();

  /** Never throws: what cannot be read is a failed run, with the reason. */
  async get(id: string, { path, names }: RunFolder): Promise<RunSummary> {
    let read: Read;
    try {
      read = await this.#current(path);
    } catch (error) {
      return unreadable(id, (error as Error).message);
    }
    const { config, words } = read;
    const { task, algorithm, seed } = config;
    const stand = standOf(config, words.last);
    const state = await stateOf(path, names, stand);
    const perSecond = speed(words.reports, stand.unit);
    const isRunning = state.state === 'running' && perSecond !== null;
    return {
      ...{ id, task, algorithm, seed, ...state, ...stand, perSecond },
      secondsLeft: isRunning ? (stand.total - stand.done) / perSecond : null,
      lastReturn: words.evaluation?.mean ?? null,
      lastSuccess: words.evaluation?.successRate ?? null,
    };
  }

  async #current(folder: string): Promise<Read> {
    const { config, metrics } = runPaths(folder);
    const stats = await Promise.all([config, metrics].map((path) => stat(path).catch(() => null)));
    const version = stats.map((found) => `${found?.mtimeMs} ${found?.size}`).join(' ');
    const known = this.#read.get(folder);
    if (known?.version === version) return known;
    const read = { version, config: await readConfig(folder), words: await lastWords(metrics) };
    this.#read.set(folder, read);
    return read;
  }
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
  names: ReadonlySet<string>,
  { done, total }: Stand,
): Promise<Pick<RunSummary, 'state' | 'reason'>> {
  const { lock, failure } = runPaths(folder);
  const [hasLock, hasFailure] = [lock, failure].map((path) => names.has(basename(path)));
  if (
    (hasLock && (await isLocked(lock))) ||
    (names.has(CLAIM_FILE) && (await isLocked(join(folder, CLAIM_FILE))))
  )
    return { state: 'running', reason: null };
  const reason = hasFailure ? await readFile(failure, 'utf8').catch(() => undefined) : undefined;
  if (reason !== undefined) return { state: 'failed', reason: reason.trim() };
  if (done >= total) return { state: 'finished', reason: null };
  if (!hasLock || (await stat(lock).catch(() => null)) === null) return { state: 'stopped', reason: null };
  return {
    state: 'failed',
    reason: 'Its process is gone without having ended it (killed, out of memory, or the machine went down).',
  };
}

/** From the end on. A damaged line is left out here, and named where the curves are drawn. */
async function lastWords(path: string): Promise<LastWords> {
  let last: MetricsLine | undefined;
  let evaluation: LastWords['evaluation'];
  const reports: MetricsLine[] = [];
  for (const text of (await endOf(path)).reverse()) {
    if (evaluation !== undefined && reports.length === SPEED_REPORTS) break;
    const line = parseMetricsLine(text);
    last ??= line;
    if (line?.kind === 'evaluation') evaluation ??= line;
    else if (line?.kind === 'train' && reports.length < SPEED_REPORTS) reports.unshift(line);
  }
  return { last, evaluation, reports };
}

/** Whole lines at the end of a file; none where it is not there. */
async function endOf(path: string): Promise<string[]> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .slice(from === 0 ? 0 : 1, -1);
  } finally {
    await file.close();
  }
}

function speed(reports: readonly MetricsLine[], unit: RunSummary['unit']): number | null {
  const [first, last] = [reports[0], reports.at(-1)];
  if (first?.seconds === undefined || last?.seconds === undefined) return null;
  const key = unit === 'updates' ? 'updates' : 'envFrames';
  const perSecond = (last[key] - first[key]) / (last.seconds - first.seconds);
  return Number.isFinite(perSecond) && perSecond > 0 ? perSecond : null;
}
