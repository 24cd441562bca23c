/**
 * The studies that come with the program. They are looked at where they lie; what is run or drawn of one goes into a
 * folder of one's own, with a copy of its definition.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import { STUDY_FILE } from './study.js';

/** Where they lie; in a clone that is where their results are, too. From dist/src/study. */
export const shippedStudies = fileURLToPath(new URL('../../../results/', import.meta.url));

/** Names of the studies in a folder, sorted; none where it is not there. */
export async function studyNames(results: string): Promise<string[]> {
  const names = (await readdir(results).catch(() => [])).sort();
  const found = await Promise.all(names.map((name) => isStudy(join(results, name))));
  return names.filter((_, i) => found[i]);
}

/** Copies a shipped study's definition into a folder of results. Returns the study's folder there. */
export async function adoptStudy(name: string, results: string): Promise<string> {
  const folder = join(results, name);
  await makeFolder(folder);
  await writeFileAtomic(join(folder, STUDY_FILE), await readFile(join(shippedStudies, name, STUDY_FILE)));
  return folder;
}

export async function isStudy(folder: string): Promise<boolean> {
  return (await stat(join(folder, STUDY_FILE)).catch(() => null)) !== null;
}
