/** Recorded datasets on their way into a replay: that they fit the task, and the loading itself. */

import { manifestFindings } from '../../datasets/doctor/manifestFindings.js';
import { matchImages } from '../../datasets/imageMatching.js';
import { type Dataset, openDataset } from '../../datasets/reader.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import type { ReplayBuffer, ReplayEpisode, ReplayLayout } from '../replay/replayBuffer.js';
import type { PriorShare } from '../replay/symmetricSampler.js';

/**
 * @param onNote told what is doubtful about a dataset, though it can be used
 * @throws InputError for a folder that is no dataset, or one that does not fit the environment
 */
export async function openPriorData(
  folders: readonly string[],
  environment: EnvironmentSpec,
  layout: ReplayLayout,
  onNote: (line: string) => void = () => {},
): Promise<Dataset[]> {
  const datasets = [];
  const target = { environment, images: layout.images, stateSize: layout.stateSize };
  for (const folder of folders) {
    const dataset = await openDataset(folder);
    for (const { severity, message, fix } of manifestFindings(dataset.manifest, target)) {
      if (severity === 'misfit')
        throw new InputError(`The dataset ${folder} does not fit the run: ${message}; ${fix}.`);
      onNote(`Look again at the dataset ${folder}: ${message}; ${fix}.`);
    }
    datasets.push(dataset);
  }
  return datasets;
}

/** Rows the datasets take in a replay: an episode of T transitions has T + 1 observations. */
export function rowsOf(datasets: readonly Dataset[]): number {
  return datasets.reduce((sum, { manifest }) => sum + manifest.steps + manifest.episodes, 0);
}

/** The shares in which rows are drawn from datasets that lie in a buffer in this order; none without weights. */
export function priorShares(
  datasets: readonly Dataset[],
  weights: readonly (number | undefined)[],
): PriorShare[] {
  let firstRow = 0;
  return datasets.flatMap((dataset, i) => {
    const first = firstRow;
    firstRow += rowsOf([dataset]);
    const weight = weights[i];
    return weight === undefined ? [] : [{ weight, firstRow: first, endRow: firstRow }];
  });
}

/** Episodes with the layout's images alone, under the names that the layout has for them. */
export async function* wantedEpisodes(
  dataset: Dataset,
  layout: ReplayLayout,
  indices?: Iterable<number>,
): AsyncGenerator<ReplayEpisode> {
  const matches = matchImages(dataset.manifest.images, layout.images);
  const names = matches.flatMap(({ recorded }) => recorded?.name ?? []);
  for await (const episode of dataset.episodes({ images: names, ...(indices && { indices }) })) {
    const images = matches.flatMap(({ wanted, recorded }) => {
      const image = recorded && episode.images[recorded.name];
      return image ? [[wanted.name, image] as const] : [];
    });
    yield { ...episode, images: Object.fromEntries(images) };
  }
}

/** Adds every episode, in order. Stops early, between two episodes, when `signal` is aborted. */
export async function loadInto(
  buffer: ReplayBuffer,
  datasets: readonly Dataset[],
  signal?: AbortSignal,
): Promise<void> {
  for (const dataset of datasets) {
    for await (const episode of wantedEpisodes(dataset, buffer.layout)) {
      if (signal?.aborted) return;
      buffer.addEpisode(episode);
    }
  }
}
