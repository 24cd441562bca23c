/**
 * Studies have runs in common: RLPD on a task's expert data stands in most of them. One seed gives one run, so a run
 * whose settings, data and program are those of another one, in whichever study, is not played again: a finished one's
 * result is taken over, and one that is being played is waited for.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.js';
import { acquireLock, type Lock } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { sha256Of } from '../files/sha256.js';
import type { RunConfig } from '../training/config.js';
import { readConfig } from '../training/runFolder.js';
import { decisiveText } from './decisiveSettings.js';
import { type Fingerprint, fingerprintText } from './fingerprint.js';
import { machine, type Provenance, readProvenance } from './results.js';
import {
  configOf,
  readStudy,
  STUDY_FILE,
  type Study,
  type StudyRun,
  scaleNames,
  studyRuns,
} from './study.js';
import { isOfVersion } from './versions.js';

/** A finished run of some study. */
export interface FinishedRun {
  readonly study: Study;
  readonly run: StudyRun;
  /** Where its result lies. */
  readonly folder: string;
  readonly provenance: Provenance;
}

/**
 * What the studies in a folder have played so far. A study or a result that is not valid has nothing to offer, and is its
 * own owner's to mend.
 */
export async function finishedRuns(root: string): Promise<FinishedRun[]> {
  const found: FinishedRun[] = [];
  for (const name of (await readdir(root)).sort()) {
    if ((await stat(join(root, name, STUDY_FILE)).catch(() => null)) === null) continue;
    try {
      const other = await readStudy(join(root, name));
      for (const scale of scaleNames)
        for (const run of studyRuns(other, scale)) {
          const folder = join(other.folder, run.id);
          const provenance = await readProvenance(folder).catch(ignoreInvalid);
          if (provenance !== undefined) found.push({ study: other, run, folder, provenance });
        }
    } catch (error) {
      ignoreInvalid(error);
    }
  }
  return found;
}

/**
 * A result among `others` that playing `run` would only repeat.
 * @param config the run's settings
 * @param isSameData whether a result was learnt from the run's data
 * @param onAnyMachine whether results of machines count, too, that round otherwise than this one
 */
export async function findTwin(
  others: readonly FinishedRun[],
  run: StudyRun,
  config: RunConfig,
  current: Fingerprint,
  isSameData: (other: FinishedRun) => boolean,
  onAnyMachine = false,
): Promise<FinishedRun | undefined> {
  const settings = decisiveText(config);
  for (const other of others) {
    const { provenance } = other;
    const isSame =
      other.run.task === run.task &&
      other.run.seed === run.seed &&
      isOfVersion(provenance, current) &&
      (onAnyMachine || isComputedHere(provenance, config)) &&
      isSameData(other) &&
      decisiveText(await readConfig(other.folder)) === settings;
    if (isSame) return other;
  }
  return undefined;
}

/** Whether this machine rounds as the result's did: another processor does not, nor need another number of threads. */
export function isComputedHere({ machine: theirs }: Provenance, { threads }: RunConfig): boolean {
  const { processor, cores } = machine();
  // Without a setting there is a thread for each core.
  return theirs.processor === processor && (threads !== null || theirs.cores === cores);
}

/** Whether a result's data was made by the run's recipe: known without the data, which may not be here. */
export function isOfRecipe(run: StudyRun): (other: FinishedRun) => boolean {
  const recipe = JSON.stringify(run.recipe);
  return (other) => JSON.stringify(other.run.recipe) === recipe;
}

/**
 * Takes the right to play a run, of all that are equal to it in whichever study.
 * @param runs where runs in progress lie
 * @throws LockedError while one of them is being played
 */
export async function lockTwins(runs: string, run: StudyRun, current: Fingerprint): Promise<Lock> {
  const equal = [
    decisiveText(configOf(run, run.recipe && 'data')),
    JSON.stringify(run.recipe ?? null),
    fingerprintText(current),
    machine().processor,
  ];
  const name = sha256Of(equal.join('\n')).slice(0, 16);
  const folder = join(runs, '.equal');
  await makeFolder(folder);
  return acquireLock(join(folder, `${name}.json`), `A run equal to ${run.id}`);
}

function ignoreInvalid(error: unknown): undefined {
  if (!(error instanceof InputError)) throw error;
}
