/** Where a run of a study lies while it is played: a run's folder as any other, with who has it. */
import { join } from 'node:path';
import type { PlayRun } from './playRun.js';
import { type ScaleName, type Study, type StudyRun, studyRuns } from './study.js';

/** Which runs of a study are to be played, and where. */
export interface StudyWork {
  readonly study: Study;
  readonly scale: ScaleName;
  /** Only runs whose id contains one of these. */
  readonly only?: readonly string[] | undefined;
  /** Who plays a run. Default: a process of its own. */
  readonly play?: PlayRun | undefined;
  /** Where runs in progress lie. Default `runs/studies`. */
  readonly runs?: string | undefined;
  /** Where datasets lie. Default `data`. */
  readonly data?: string | undefined;
  /** Aborting it stops every run, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

export const defaultRunsFolder = 'runs/studies';

/** Which process plays it. */
export const CLAIM_FILE = 'claim.json';

/** The runs of a scale, or those of them whose id contains one of the parts. */
export function chosenRuns(study: Study, scale: ScaleName, only: readonly string[] = []): StudyRun[] {
  const runs = studyRuns(study, scale);
  return only.length === 0 ? runs : runs.filter(({ id }) => only.some((part) => id.includes(part)));
}

export function folderOf(runs: string, study: Study, run: StudyRun): string {
  return join(runs, study.name, run.id);
}
