/** Recorded datasets on their way into a replay: that they fit the task, and the loading itself. */

import { type Dataset, openDataset } from '../../datasets/reader.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import type { ReplayBuffer, ReplayLayout } from '../replay/replayBuffer.js';

/** @throws InputError for a folder that is no dataset, or one that does not fit the environment */
export async function openPriorData(
  folders: readonly string[],
  environment: EnvironmentSpec,
  layout: ReplayLayout,
): Promise<Dataset[]> {
  const datasets = [];
  for (const folder of folders) {
    const dataset = await openDataset(folder);
    checkAgainst(dataset, environment, layout);
    datasets.push(dataset);
  }
  return datasets;
}

/** Rows the datasets take in a replay: an episode of T transitions has T + 1 observations. */
export function rowsOf(datasets: readonly Dataset[]): number {
  return datasets.reduce((sum, { manifest }) => sum + manifest.steps + manifest.episodes, 0);
}

/** Adds every episode, in order. Stops early, between two episodes, when `signal` is aborted. */
export async function loadInto(
  buffer: ReplayBuffer,
  datasets: readonly Dataset[],
  signal?: AbortSignal,
): Promise<void> {
  for (const dataset of datasets) {
    for await (const episode of dataset.episodes({ pixels: buffer.frames !== undefined })) {
      if (signal?.aborted) return;
      buffer.addEpisode(episode);
    }
  }
}

/** A batch mixes data and environment, so they must mean the same by a frame, an action and a step. */
function checkAgainst(dataset: Dataset, environment: EnvironmentSpec, layout: ReplayLayout): void {
  const { folder, manifest } = dataset;
  const refuse = (what: string, has: unknown, wants: unknown, remedy: string): never => {
    throw new InputError(
      `The dataset ${folder} does not fit the run: its ${what} is ${has}, the environment's is ${wants}; ${remedy}.`,
    );
  };
  if (manifest.episodes === 0) throw new InputError(`The dataset ${folder} has no episodes.`);
  if (manifest.task !== null && manifest.task !== environment.task)
    refuse('task', manifest.task, environment.task, 'give a dataset of this task, or --task');
  if (manifest.actionRepeat !== environment.actionRepeat)
    refuse(
      'action repeat',
      manifest.actionRepeat,
      environment.actionRepeat,
      `give --action-repeat ${manifest.actionRepeat}, or another dataset`,
    );
  if (manifest.actionSize !== environment.actionSize)
    refuse('action size', manifest.actionSize, environment.actionSize, 'give a dataset of this task');
  if (layout.stateSize > 0 && manifest.stateSize !== layout.stateSize)
    refuse('state size', manifest.stateSize, layout.stateSize, 'give a dataset recorded with state');
  const { frame } = layout;
  if (frame === undefined) return;
  if (manifest.imageHeight === 0)
    throw new InputError(`The dataset ${folder} has no images: learn from it with --obs state.`);
  if (manifest.imageHeight !== frame.height || manifest.imageWidth !== frame.width)
    refuse(
      'image size',
      `${manifest.imageHeight}×${manifest.imageWidth}`,
      `${frame.height}×${frame.width}`,
      `give --image-size ${manifest.imageHeight}, or another dataset`,
    );
  if (manifest.imageChannels !== frame.channels)
    refuse('number of image channels', manifest.imageChannels, frame.channels, 'give another dataset');
}
