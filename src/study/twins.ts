/**
 * Studies have runs in common: RLPD on a task's expert data stands in most of them. One seed gives one run, so a run
 * whose settings, data and program are those of another one, in whichever study, is not played again: a finished one's
 * result is taken over, and one that is being played is waited for.
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../errors.js';
import { acquireLock, type Lock } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import type { RunConfig } from '../training/config.js';
import { readConfig } from '../training/runFolder.js';
import { decisiveText } from './decisiveSettings.js';
import { type Fingerprint, fingerprintText, sameFingerprint } from './fingerprint.js';
import { machine, type Provenance, readProvenance } from './results.js';
import {
  configOf,
  readStudy,
  type ScaleName,
  STUDY_FILE,
  type Study,
  type StudyRun,
  scaleNames,
  studyRuns,
} from './study.js';

/** A run of the study or of one beside it, and where its result lies when it has one. */
export interface RunBeside {
  readonly study: Study;
  readonly run: StudyRun;
  readonly folder: string;
}

export interface Twin extends RunBeside {
  readonly provenance: Provenance;
}

/**
 * All runs of the study and of those beside it. A study that is not valid has nothing to offer, and is its own owner's
 * to mend.
 */
export async function runsBeside(
  study: Study,
  scales: readonly ScaleName[] = scaleNames,
): Promise<RunBeside[]> {
  const root = dirname(study.folder);
  const found: RunBeside[] = [];
  for (const name of (await readdir(root)).sort()) {
    if ((await stat(join(root, name, STUDY_FILE)).catch(() => null)) === null) continue;
    try {
      const other = await readStudy(join(root, name));
      for (const scale of scales)
        for (const run of studyRuns(other, scale))
          found.push({ study: other, run, folder: join(other.folder, run.id) });
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
 */
export async function findTwin(
  others: readonly RunBeside[],
  run: StudyRun,
  config: RunConfig,
  current: Fingerprint,
  isSameData: (twin: Twin) => boolean,
): Promise<Twin | undefined> {
  const settings = decisiveText(config);
  const { processor, cores } = machine();
  for (const other of others) {
    if (other.run.task !== run.task || other.run.seed !== run.seed) continue;
    const provenance = await readProvenance(other.folder).catch(ignoreInvalid);
    if (provenance === undefined) continue;
    const twin = { ...other, provenance };
    const isSame =
      sameFingerprint(provenance.fingerprint, current) &&
      // Another processor rounds differently, and so may another number of threads: a core each.
      provenance.machine.processor === processor &&
      (config.threads !== null || provenance.machine.cores === cores) &&
      isSameData(twin) &&
      decisiveText(await readConfig(other.folder)) === settings;
    if (isSame) return twin;
  }
  return undefined;
}

/** Whether a result's data was made by the run's recipe: known without the data, which may not be here. */
export function isOfRecipe(run: StudyRun): (twin: Twin) => boolean {
  const recipe = JSON.stringify(run.recipe);
  return (twin) => JSON.stringify(twin.run.recipe) === recipe;
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
  const name = createHash('sha256').update(equal.join('\n')).digest('hex').slice(0, 16);
  const folder = join(runs, '.equal');
  await makeFolder(folder);
  return acquireLock(join(folder, `${name}.json`), `A run equal to ${run.id}`);
}

function ignoreInvalid(error: unknown): undefined {
  if (!(error instanceof InputError)) throw error;
}
