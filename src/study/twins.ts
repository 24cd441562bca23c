/**
 * Studies have runs in common: RLPD on a task's expert data stands in most of them. One seed gives one run, so a run
 * whose settings, data and program are those of a result that is there already, in whichever study, is not played
 * again.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../errors.js';
import type { RunConfig } from '../training/config.js';
import { readConfig } from '../training/runFolder.js';
import { sameFingerprint } from './fingerprint.js';
import { machine, type Provenance, readProvenance } from './results.js';
import { readStudy, type ScaleName, STUDY_FILE, type Study, scaleNames, studyRuns } from './study.js';

export interface Twin {
  readonly folder: string;
  readonly provenance: Provenance;
}

/** A result of the study or of one beside it that the run would only repeat. */
export async function findTwin(
  study: Study,
  wanted: Pick<Provenance, 'fingerprint' | 'dataset'> & { readonly config: RunConfig },
): Promise<Twin | undefined> {
  const settings = settingsText(wanted.config);
  for (const folder of await resultFolders(study)) {
    const provenance = await readProvenance(folder).catch(ignoreInvalid);
    if (provenance === undefined) continue;
    const isSame =
      sameFingerprint(provenance.fingerprint, wanted.fingerprint) &&
      provenance.dataset?.sha256 === wanted.dataset?.sha256 &&
      // Another processor rounds differently.
      provenance.machine.processor === machine().processor &&
      settingsText(await readConfig(folder)) === settings;
    if (isSame) return { folder, provenance };
  }
  return undefined;
}

/** What a dataset is called, or where it lies, is no setting: its content is compared. */
function settingsText(config: RunConfig): string {
  const entries = Object.entries(config).filter(([name]) => name !== 'dataset');
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Where the study and those beside it keep their results. One that is not valid has nothing to offer, and is its own
 * owner's to mend.
 */
export async function resultFolders(
  study: Study,
  scales: readonly ScaleName[] = scaleNames,
): Promise<string[]> {
  const root = dirname(study.folder);
  const folders: string[] = [];
  for (const name of (await readdir(root)).sort()) {
    if ((await stat(join(root, name, STUDY_FILE)).catch(() => null)) === null) continue;
    try {
      const other = await readStudy(join(root, name));
      for (const scale of scales)
        folders.push(...studyRuns(other, scale).map(({ id }) => join(other.folder, id)));
    } catch (error) {
      ignoreInvalid(error);
    }
  }
  return folders;
}

function ignoreInvalid(error: unknown): undefined {
  if (!(error instanceof InputError)) throw error;
}
