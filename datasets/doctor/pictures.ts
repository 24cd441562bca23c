/**
 * Recorded images beside the environment's own. Where the state tells the pose, each image is held against a render
 * of that pose; elsewhere the average first image against the average image after a reset, since both are drawn from
 * the same distribution of starts.
 */
import type { SuiteEnvironment } from '../../envs/suiteEnvironment.js';
import { type FrameLayout, frameAt } from '../episode.js';
import type { Dataset } from '../reader.js';
import type { Finding } from './finding.js';
import { doubt } from './manifestFindings.js';
import { poseReader } from './poses.js';

export interface PictureComparison {
  readonly method: 'same state' | 'average start';
  /** Mean absolute difference in grey levels, 0 to 255. */
  readonly difference: number;
  readonly images: number;
  readonly findings: readonly Finding[];
}

/** An image that the dataset has, and the camera of the environment that it is held against. */
export interface ComparableImage {
  readonly recorded: FrameLayout;
  readonly wanted: FrameLayout;
}

/** Another renderer's light and texture stay below this for the same pose. */
const LIMIT: Readonly<Record<PictureComparison['method'], number>> = {
  'same state': 10,
  'average start': 15,
};
/** A turned image counts where it comes this much nearer. */
const NEARER = 0.6;
/** Images taken from one episode where its whole course can be compared. */
const PER_EPISODE = 4;

type Arrangement = (image: ArrayLike<number>, at: readonly [number, number, number], size: Size) => number;

type Size = Omit<FrameLayout, 'name'>;

/** How images are turned by mistake, as value of pixel [row, column, channel], and what to call it. */
const mistakes: readonly { name: string; fix: string; read: Arrangement }[] = [
  {
    name: 'upside down',
    fix: 'turn the rows around and convert it again',
    read: (image, [row, column, channel], size) =>
      valueAt(image, [size.height - 1 - row, column, channel], size),
  },
  {
    name: 'mirrored',
    fix: 'turn the columns around and convert it again',
    read: (image, [row, column, channel], size) =>
      valueAt(image, [row, size.width - 1 - column, channel], size),
  },
  {
    name: 'in the order blue, green, red',
    fix: 'swap the first and last channel and convert it again',
    read: (image, [row, column, channel], size) => valueAt(image, [row, column, 2 - channel], size),
  },
];

/** @param episodes numbers of the episodes to look at */
export async function comparePictures(
  dataset: Dataset,
  episodes: readonly number[],
  environment: SuiteEnvironment,
  { recorded: size, wanted: { name: camera } }: ComparableImage,
): Promise<PictureComparison> {
  const { manifest } = dataset;
  const render = (): Uint8Array =>
    environment.render({ width: size.width, height: size.height, camera }).data;
  const reader = poseReader(environment.spec.task, manifest.stateSize);
  const pairs: { recorded: ArrayLike<number>; own: ArrayLike<number> }[] = [];
  const [recordedStarts, ownStarts]: [Uint8Array[], Uint8Array[]] = [[], []];
  for await (const episode of dataset.episodes({ indices: episodes, images: [size.name] })) {
    const { state, length } = episode;
    const image = (t: number): Uint8Array => frameAt(episode, size, t);
    if (reader === null || state === undefined) {
      recordedStarts.push(image(0));
      environment.reset({ seed: recordedStarts.length });
      ownStarts.push(render());
      continue;
    }
    const times = reader.knowsPlace
      ? Array.from({ length: PER_EPISODE }, (_, i) => Math.floor((i * length) / (PER_EPISODE - 1)))
      : [0];
    for (const t of times) {
      environment.setPositions(
        reader.qpos(state.subarray(t * manifest.stateSize, (t + 1) * manifest.stateSize)),
      );
      pairs.push({ recorded: image(t), own: render() });
    }
  }
  const method = pairs.length > 0 ? 'same state' : 'average start';
  const compared =
    pairs.length > 0 ? pairs : [{ recorded: average(recordedStarts), own: average(ownStarts) }];
  const difference = meanDifference(compared, size, valueAt);
  return {
    method,
    difference,
    images: Math.max(pairs.length, recordedStarts.length),
    findings: judge(compared, size, difference, method),
  };
}

function judge(
  pairs: readonly { recorded: ArrayLike<number>; own: ArrayLike<number> }[],
  size: Size,
  difference: number,
  method: PictureComparison['method'],
): Finding[] {
  if (difference <= LIMIT[method]) return [];
  const figure = `${difference.toFixed(1)} grey levels from the environment's own`;
  const of = method === 'same state' ? 'of the same state' : 'at the start, on average';
  const [nearest] = mistakes
    .map((mistake) => ({ ...mistake, difference: meanDifference(pairs, size, mistake.read) }))
    .sort((a, b) => a.difference - b.difference);
  if (nearest !== undefined && nearest.difference < NEARER * difference)
    return [
      doubt(
        'picture',
        `its images ${of} are ${figure} as they are, and ${nearest.difference.toFixed(1)} if they are ${nearest.name}`,
        nearest.fix,
      ),
    ];
  return [
    doubt(
      'picture',
      `its images ${of} are ${figure}: another camera, another look or another scene`,
      'compare "rlpd dataset preview" with "rlpd render", and record or convert with the same camera',
    ),
  ];
}

function meanDifference(
  pairs: readonly { recorded: ArrayLike<number>; own: ArrayLike<number> }[],
  size: Size,
  read: Arrangement,
): number {
  let sum = 0;
  for (const { recorded, own } of pairs)
    for (let row = 0; row < size.height; row++)
      for (let column = 0; column < size.width; column++)
        for (let channel = 0; channel < size.channels; channel++) {
          const at = [row, column, channel] as const;
          sum += Math.abs(read(recorded, at, size) - valueAt(own, at, size));
        }
  return sum / (pairs.length * size.height * size.width * size.channels);
}

function valueAt(
  image: ArrayLike<number>,
  [row, column, channel]: readonly [number, number, number],
  { width, channels }: Size,
): number {
  return image[(row * width + column) * channels + channel] as number;
}

function average(images: readonly Uint8Array[]): Float64Array {
  const sum = new Float64Array(images[0]?.length ?? 0);
  for (const image of images)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (image[i] as number);
  return sum.map((value) => value / images.length);
}
