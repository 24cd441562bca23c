/** A dataset of an older format version, written anew in the present one: the same episodes, images and provenance. */
import { lockDataset } from './datasetLock.js';
import { FORMAT_VERSION, headerOf } from './manifest.js';
import { openDataset } from './reader.js';
import { DatasetWriter } from './writer.js';

export interface Upgrade {
  readonly out: string;
  /** Of the dataset as it was, and as it is now. */
  readonly from: number;
  readonly to: number;
  readonly episodes: number;
}

/**
 * What is incomplete stays so.
 * @throws InputError where `folder` is no dataset, an episode is damaged, or `out` holds a dataset already; LockedError
 *   while another process writes there
 */
export async function upgradeDataset(folder: string, out: string): Promise<Upgrade> {
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const lock = await lockDataset(out);
  try {
    const writer = await DatasetWriter.create(out, headerOf(manifest));
    try {
      for await (const episode of dataset.episodes()) await writer.append(episode);
      await (manifest.complete ? writer.close() : writer.flush());
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  } finally {
    await lock.release();
  }
  return { out, from: manifest.version, to: FORMAT_VERSION, episodes: dataset.length };
}
