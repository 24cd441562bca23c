/** Where a run of a study lies while it is played: a run's folder as any other, with who has it. */
import { join } from 'node:path';
import { type ScaleName, type Study, type StudyRun, studyRuns } from './study.js';

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
