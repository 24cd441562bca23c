/**
 * The dataset of a recipe: recorded once under a folder of data, in a place named by all that its content follows from,
 * and found there again by every run and every study that asks for the same.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../../datasets/manifest.js';
import { taskLabel, taskModuleFile } from '../../envs/taskModule.js';
import { PARTIAL_ENDING, syncFolder } from '../files/atomicFile.js';
import { acquireLock } from '../files/lock.js';
import { makeFolder } from '../files/makeFolder.js';
import { collect } from '../training/collect.js';
import { parseCamera } from '../training/environmentOptions.js';
import { type Behaviour, behaviours, policiesAmong } from '../training/experts.js';
import type { DatasetRecipe } from './datasetRecipe.js';
import type { Fingerprint } from './fingerprint.js';

export interface EnsureOptions {
  /** Folder of data. */
  readonly data: string;
  readonly fingerprint: Fingerprint;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((line: string) => void) | undefined;
}

/**
 * The folder of the recipe's dataset, which is recorded where it is not there yet. Another process that records the
 * same is waited for by whoever asks again: it is refused meanwhile.
 * @returns undefined when `signal` was aborted on the way
 * @throws LockedError while another process records it; InputError where the task has no such level
 */
export async function ensureDataset(
  recipe: DatasetRecipe,
  options: EnsureOptions,
): Promise<string | undefined> {
  const { data, signal, onNote } = options;
  const acting = await behaviours(recipe.policiesOf ?? recipe.task, recipe.level, recipe.episodes);
  const folder = join(data, await datasetName(recipe, acting, options.fingerprint));
  if (await isDataset(folder)) return folder;
  await makeFolder(data);
  const lock = await acquireLock(`${folder}.lock`, `The dataset ${folder}`);
  try {
    if (await isDataset(folder)) return folder;
    onNote?.(`Recording ${recipe.episodes} episodes of ${recipe.task}, ${recipe.level}, into ${folder}.`);
    const aside = folder + PARTIAL_ENDING;
    await rm(aside, { recursive: true, force: true });
    await collect({
      task: recipe.task,
      folder: aside,
      behaviours: acting,
      mode: 'sample',
      environment: {
        actionRepeat: recipe.actionRepeat,
        imageSize: recipe.imageSize,
        ...(recipe.camera !== null && { cameras: [parseCamera(recipe.camera)] }),
      },
      seed: recipe.seed,
      details: { level: recipe.level },
      signal,
    });
    if (signal?.aborted) {
      await rm(aside, { recursive: true, force: true });
      return undefined;
    }
    await rename(aside, folder);
    await syncFolder(data);
    return folder;
  } finally {
    await lock.release();
  }
}

async function datasetName(
  recipe: DatasetRecipe,
  acting: readonly Behaviour[],
  { environment, renderer }: Fingerprint,
): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify({ ...recipe, environment, renderer }));
  for (const { tensors } of policiesAmong(acting))
    for (const [name, { data }] of tensors)
      digest.update(name).update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const { task, level, episodes } = recipe;
  const module = taskModuleFile(task);
  if (module !== undefined) digest.update(await readFile(module));
  return `${taskLabel(task)}-${level}-${episodes}-${digest.digest('hex').slice(0, 8)}`;
}

async function isDataset(folder: string): Promise<boolean> {
  return (await stat(join(folder, MANIFEST_FILE)).catch(() => null)) !== null;
}
