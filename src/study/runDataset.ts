/** The data of a study's run: recorded where it is not there yet, waited for while another process records it. */
import { setTimeout as wait } from 'node:timers/promises';
import { openDataset } from '../../datasets/reader.js';
import { LockedError } from '../files/lock.js';
import { datasetHash } from '../training/runData.js';
import type { DatasetRecipe } from './datasetRecipe.js';
import { type EnsureOptions, ensureDataset } from './recordedDataset.js';
import type { Provenance } from './results.js';

export const defaultDataFolder = 'data';

const WAIT_MS = 500;

export interface RunDataset {
  readonly folder: string;
  /** What is kept of it with a result. */
  readonly description: NonNullable<Provenance['dataset']>;
}

/** @returns undefined when `signal` was aborted on the way */
export async function runDataset(
  recipe: DatasetRecipe,
  options: EnsureOptions & { readonly signal: AbortSignal },
): Promise<RunDataset | undefined> {
  while (!options.signal.aborted) {
    try {
      const folder = await ensureDataset(recipe, options);
      return folder === undefined ? undefined : { folder, description: await describe(folder) };
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      // Whoever stops it finds out at the top of the loop.
      await wait(WAIT_MS, undefined, { signal: options.signal }).catch(() => {});
    }
  }
  return undefined;
}

async function describe(folder: string): Promise<RunDataset['description']> {
  const { manifest } = await openDataset(folder);
  return {
    sha256: await datasetHash(folder),
    episodes: manifest.episodes,
    returnMean: manifest.returns?.mean ?? null,
  };
}
