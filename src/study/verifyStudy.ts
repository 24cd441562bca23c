/**
 * Whether results that an earlier version of the program made are this version's too. One run of each task and variant
 * is begun again, until it has learnt: where every number is the one that was kept, bit for bit, and the data recorded
 * anew are those of then, all results like it are marked as this version's. A change that leaves the numbers alone then
 * costs a study some minutes and not its runs.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import type { MetricsLine } from '../training/metrics.js';
import { readMetrics } from '../training/runFolder.js';
import { decisiveText } from './decisiveSettings.js';
import { type Fingerprint, fingerprint, fingerprintText } from './fingerprint.js';
import { inProcess } from './inProcess.js';
import { type RunResult, readProvenance, readResult, writeProvenance } from './results.js';
import { defaultDataFolder, runDataset } from './runDataset.js';
import { configOf, type StudyRun } from './study.js';
import { isComputedHere } from './twins.js';
import { isOfVersion, latestVersion } from './versions.js';
import { chosenRuns, defaultRunsFolder, type StudyWork } from './workPlace.js';

export interface VerifyStudyOptions extends StudyWork {
  /** What is done next, in a sentence. */
  readonly onNote?: ((text: string) => void) | undefined;
}

export interface Verification {
  /** The run that was begun again. */
  readonly run: string;
  /** Results that are this version's from now on. */
  readonly verified: readonly string[];
  /** Results that stay another version's, and why. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** Lines of metrics that have to be equal once learning has begun; what came before it has to be, too. */
const LEARNT_LINES = 3;

interface Kept {
  readonly run: StudyRun;
  readonly result: RunResult;
}

/** One verification for each task and variant that has results of other versions, in the order of the runs. */
export async function verifyStudy(options: VerifyStudyOptions): Promise<Verification[]> {
  const { study, scale, only, signal = new AbortController().signal } = options;
  const current = await fingerprint();
  const groups = new Map<string, Kept[]>();
  for (const run of chosenRuns(study, scale, only)) {
    const result = await readResult(study, run);
    if (result === undefined || isOfVersion(result, current)) continue;
    const key = [run.task, run.variant, fingerprintText(latestVersion(result))].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), { run, result }]);
  }
  const verifications: Verification[] = [];
  for (const group of groups.values()) {
    if (signal.aborted) break;
    const verification = await verifyGroup(group, options, current, signal);
    if (verification !== undefined) verifications.push(verification);
  }
  return verifications;
}

/** Undefined where it was stopped. */
async function verifyGroup(
  group: readonly Kept[],
  options: VerifyStudyOptions,
  current: Fingerprint,
  signal: AbortSignal,
): Promise<Verification | undefined> {
  const { study, onNote } = options;
  const verified: string[] = [];
  const refused: { id: string; reason: string }[] = [];
  const sound: (Kept & { readonly dataset: string | undefined })[] = [];
  for (const kept of group) {
    const { recipe } = kept.run;
    const dataset =
      recipe &&
      (await runDataset(recipe, {
        data: options.data ?? defaultDataFolder,
        fingerprint: current,
        signal,
        onNote,
      }));
    if (signal.aborted) return undefined;
    const reason = differenceBefore(kept, dataset?.description.sha256);
    if (reason === undefined) sound.push({ ...kept, dataset: dataset?.folder });
    else refused.push({ id: kept.run.id, reason });
  }
  const [witness] = sound;
  if (witness === undefined) return { run: group[0]?.run.id ?? '', verified, refused };
  const { id } = witness.run;
  onNote?.(`Beginning ${id} again.`);
  const beginning = beginningOf(witness.result.metrics);
  const lines = await beginAgain(witness, beginning, options, signal);
  if (signal.aborted) return undefined;
  const difference = firstDifference(beginning, lines);
  for (const { run } of sound) {
    if (difference !== undefined) {
      refused.push({ id: run.id, reason: difference });
      continue;
    }
    const folder = join(study.folder, run.id);
    const provenance = await readProvenance(folder);
    if (provenance === undefined) continue;
    const { envFrames = 0, updates = 0 } = beginning.at(-1) ?? {};
    const seen = { fingerprint: current, run: id, envFrames, updates };
    await writeProvenance(folder, { ...provenance, verified: [...provenance.verified, seen] });
    verified.push(run.id);
  }
  return { run: id, verified, refused };
}

/** What tells a result from this machine's and version's without playing anything. */
function differenceBefore({ run, result }: Kept, dataset: string | undefined): string | undefined {
  if (!isComputedHere(result, result.config))
    return `it was computed on another machine (${result.machine.processor}, ${result.machine.cores} cores), which rounds differently`;
  if (decisiveText(configOf(run, run.recipe && 'data')) !== decisiveText(result.config))
    return 'its settings are not those of study.json now';
  if (dataset !== result.dataset?.sha256) return 'its data, recorded anew, are others';
  return undefined;
}

/** The first lines of a run, until it has learnt. */
function beginningOf(metrics: readonly MetricsLine[]): readonly MetricsLine[] {
  const learnt = metrics.flatMap(({ updates }, place) => (updates > 0 ? [place] : []));
  return metrics.slice(0, (learnt[LEARNT_LINES - 1] ?? metrics.length) + 1);
}

/** The lines of the run's metrics as they are now, at least as far as those it began with. */
async function beginAgain(
  { run, dataset }: { readonly run: StudyRun; readonly dataset: string | undefined },
  beginning: readonly MetricsLine[],
  { study, runs = defaultRunsFolder, play = inProcess }: VerifyStudyOptions,
  signal: AbortSignal,
): Promise<MetricsLine[]> {
  const folder = join(runs, study.name, '.verify', run.id);
  await makeFolder(folder);
  const lock = await acquireLock(`${folder}.lock`, `The beginning of ${run.id}`);
  try {
    await rm(folder, { recursive: true, force: true });
    await makeFolder(folder);
    const last = beginning.at(-1);
    const enough = new AbortController();
    await play(
      {
        name: `the beginning of ${study.name}/${run.id}`,
        folder,
        config: configOf(run, dataset),
        resumed: false,
      },
      AbortSignal.any([signal, enough.signal]),
      (event) => {
        if (event.kind !== 'progress' || last === undefined) return;
        const { envFrames, updates } = event.progress;
        if (envFrames > last.envFrames || updates > last.updates) enough.abort();
      },
    );
    return signal.aborted ? [] : await readMetrics(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await lock.release();
  }
}

/** Where the two part, in a sentence; training lines of which only some were kept are looked up among all. */
function firstDifference(
  beginning: readonly MetricsLine[],
  lines: readonly MetricsLine[],
): string | undefined {
  for (const line of beginning) {
    const text = numbersOf(line);
    if (!lines.some((other) => numbersOf(other) === text))
      return `the ${line.kind} at ${line.envFrames} env frames and ${line.updates} updates has other numbers`;
  }
  return undefined;
}

/** All but the clock's. */
function numbersOf({ seconds, ...line }: MetricsLine): string {
  return JSON.stringify(Object.entries(line).sort(([a], [b]) => (a < b ? -1 : 1)));
}
