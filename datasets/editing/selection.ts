/** Which episodes of datasets are meant: by number, return, length, success, interventions, by what people said of them. */
import { InputError } from '../../src/errors.js';
import type { Dataset } from '../reader.js';
import { type EpisodeLabel, type Labels, labelledSuccess, qualityOf } from './labels.js';

/** All that is given must hold; return and length are those that are recorded, before anything is cut. */
export interface Selection {
  /** Numbers [from, to), as they lie in the one dataset that there is. */
  readonly episodes?: readonly (readonly [number, number])[] | undefined;
  readonly returnMin?: number | undefined;
  readonly returnMax?: number | undefined;
  /** Agent steps. */
  readonly lengthMin?: number | undefined;
  readonly lengthMax?: number | undefined;
  /** An episode of which nothing says it is neither. */
  readonly success?: boolean | undefined;
  /** Whether a person took over in any step. */
  readonly interventions?: boolean | undefined;
  readonly marked?: readonly ('good' | 'bad' | 'none')[] | undefined;
}

export interface LabelledDataset {
  readonly dataset: Dataset;
  readonly labels: Labels;
}

export interface SelectedEpisode {
  readonly dataset: Dataset;
  /** Its number there. */
  readonly index: number;
  readonly label: EpisodeLabel | undefined;
}

/**
 * As they lie, dataset after dataset. Records are read where interventions are asked for, which a manifest does not say.
 * @throws InputError for numbers that are not there
 */
export async function selectEpisodes(
  sources: readonly LabelledDataset[],
  selection: Selection,
): Promise<SelectedEpisode[]> {
  const { episodes: ranges, interventions } = selection;
  if (ranges !== undefined) checkRanges(ranges, sources);
  const selected: SelectedEpisode[] = [];
  for (const { dataset, labels } of sources) {
    for (let index = 0; index < dataset.length; index++) {
      const label = labels[dataset.entry(index).id];
      const isThere = ranges === undefined || ranges.some(([from, to]) => index >= from && index < to);
      if (!isThere || !isWanted(dataset, index, label, selection)) continue;
      if (interventions !== undefined) {
        const { interventions: marks } = await dataset.episode(index, { images: false });
        if ((marks?.includes(1) ?? false) !== interventions) continue;
      }
      selected.push({ dataset, index, label });
    }
  }
  return selected;
}

function checkRanges(
  ranges: NonNullable<Selection['episodes']>,
  [only, ...others]: readonly LabelledDataset[],
): void {
  if (only === undefined || others.length > 0)
    throw new InputError(
      'Numbers of episodes are those of one dataset, and several are given: take them from each, and join what comes out.',
    );
  const { folder, length } = only.dataset;
  for (const [from, to] of ranges)
    if (from >= length || (to > length && to !== Number.MAX_SAFE_INTEGER))
      throw new InputError(
        `${folder} has ${length} episodes, 0 to ${length - 1}: there is no episode ${Math.max(length, from)}.`,
      );
}

function isWanted(
  dataset: Dataset,
  index: number,
  label: EpisodeLabel | undefined,
  selection: Selection,
): boolean {
  const { steps, return: total, success: recorded } = dataset.entry(index);
  const { returnMin = -Infinity, returnMax = Infinity, lengthMin = 0, lengthMax = Infinity } = selection;
  const { success, marked } = selection;
  return (
    total >= returnMin &&
    total <= returnMax &&
    steps >= lengthMin &&
    steps <= lengthMax &&
    (success === undefined || labelledSuccess(label, recorded) === success) &&
    (marked === undefined || marked.includes(qualityOf(label)))
  );
}
