/** A dataset of an older format version, written anew in the present one: the same episodes, images and provenance. */
import { FORMAT_VERSION, type Manifest } from './manifest.js';
import { openDataset } from './reader.js';
import { DatasetWriter } from './writer.js';

export interface Upgrade {
  readonly out: string;
  /** Of the dataset as it was, and as it is now. */
  readonly from: number;
  readonly to: number;
  readonly episodes: number;
}

/** @throws InputError where `folder` is no dataset, an episode is damaged, or `out` holds a dataset already */
export async function upgradeDataset(folder: string, out: string): Promise<Upgrade> {
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const writer = await DatasetWriter.create(out, headerOf(manifest));
  try {
    for await (const episode of dataset.episodes()) await writer.append(episode);
    await writer.close();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { out, from: manifest.version, to: FORMAT_VERSION, episodes: dataset.length };
}

function headerOf(manifest: Manifest) {
  const { task, actionRepeat, controlTimestep, images, renderer, extra, codec, provenance } = manifest;
  const { actionSize, actionBox, actionNames, actionUnits, stateSize, stateNames, stateUnits } = manifest;
  return {
    ...{ task, actionRepeat, controlTimestep, images, renderer, extra, codec, provenance },
    ...{ actionSize, actionBox, actionNames, actionUnits, stateSize, stateNames, stateUnits },
  };
}
