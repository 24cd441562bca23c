/** Which observations of which episodes show success, by what people marked or else by the record and the episode's end. */
import type { EpisodeLabel } from '../../datasets/editing/labels.js';
import { labelledSuccess } from '../../datasets/editing/labels.js';
import { readLabels } from '../../datasets/editing/labelsFile.js';
import { type FrameLayout, frameBytes, frameSize } from '../../datasets/episode.js';
import { matchImages } from '../../datasets/imageMatching.js';
import { openDataset } from '../../datasets/reader.js';
import { InputError } from '../errors.js';

/** Where nobody marked from which observation on success is seen: so many before the last one may show it, or not. */
const UNCERTAIN_FRAMES = 2;

export interface LabelledEpisode {
  readonly id: string;
  /** `[T+1, H, W, C]` of each image. */
  readonly images: readonly Uint8Array[];
  readonly success: boolean;
  /** Of each observation; null where nothing says. */
  readonly labels: readonly (boolean | null)[];
}

export interface LabelledFrames {
  readonly images: readonly FrameLayout[];
  readonly episodes: readonly LabelledEpisode[];
  /** Episodes of which nothing says whether they succeeded, or that are marked bad. */
  readonly leftOut: number;
}

/** Labels of observations 0 to T; null where they are cut off, too. @returns null where nothing is known of it */
export function frameLabels(
  steps: number,
  label: EpisodeLabel | undefined,
  recorded: boolean | undefined,
): (boolean | null)[] | null {
  const success = labelledSuccess(label, recorded);
  if (success === undefined) return null;
  const [first, last] = label?.cut ?? [0, steps];
  const from = label?.successFrom;
  return Array.from({ length: steps + 1 }, (_, t) => {
    if (t < first || t > last) return null;
    if (!success) return false;
    if (from !== undefined) return t >= from;
    // A recorded success ends the episode, unless that end is cut off.
    if (t === last) return label?.success === true || last === steps ? true : null;
    return t < last - UNCERTAIN_FRAMES ? false : null;
  });
}

/**
 * @param images names of those to look at; default: all of the first dataset's
 * @throws InputError where a dataset has no such images, or they are of other sizes
 */
export async function readLabelledFrames(
  folders: readonly string[],
  useLabels: boolean,
  images: readonly string[] | undefined,
): Promise<LabelledFrames> {
  let layouts: readonly FrameLayout[] | undefined;
  const episodes: LabelledEpisode[] = [];
  let leftOut = 0;
  for (const folder of folders) {
    const dataset = await openDataset(folder);
    const shown = dataset.manifest.images;
    layouts ??= chosenImages(shown, images, folder);
    const names = matchImages(shown, layouts).map(({ wanted, recorded }) => {
      if (recorded !== undefined && frameSize(recorded) === frameSize(wanted)) return recorded.name;
      throw new InputError(
        `${folder} has ${recorded === undefined ? 'no' : `another size (${frameSize(recorded)}) of the`} image "${wanted.name}" of ${frameSize(wanted)}: name images that all datasets have alike with --images.`,
      );
    });
    const labels = useLabels ? await readLabels(dataset) : {};
    for (let index = 0; index < dataset.length; index++) {
      const { id, steps, success } = dataset.entry(index);
      const label = labels[id];
      const frames = label?.quality === 'bad' ? null : frameLabels(steps, label, success);
      if (frames === null) {
        leftOut++;
        continue;
      }
      const episode = await dataset.episode(index, { images: names });
      episodes.push({
        id,
        images: names.map((name) => episode.images[name] ?? new Uint8Array()),
        success: labelledSuccess(label, success) === true,
        labels: frames,
      });
    }
  }
  return { images: layouts ?? [], episodes, leftOut };
}

function chosenImages(
  shown: readonly FrameLayout[],
  names: readonly string[] | undefined,
  folder: string,
): readonly FrameLayout[] {
  if (shown.length === 0) throw new InputError(`${folder} has no images, which success is to be seen in.`);
  return (names ?? shown.map(({ name }) => name)).map((name) => {
    const image = shown.find((other) => other.name === name);
    if (image === undefined)
      throw new InputError(
        `${folder} has no image "${name}", only ${shown.map((one) => one.name).join(', ')}.`,
      );
    return image;
  });
}

/** Frame `t` of an episode's image. */
export function frameOf(
  episode: LabelledEpisode,
  layouts: readonly FrameLayout[],
  image: number,
  t: number,
): Uint8Array {
  const bytes = frameBytes(layouts[image] as FrameLayout);
  return (episode.images[image] as Uint8Array).subarray(t * bytes, (t + 1) * bytes);
}
