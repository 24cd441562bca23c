/**
 * Trains a success detector: binary cross-entropy on batches that are half positives, each image moved by a few pixels
 * and features dropped at random. Whole episodes are held out, and it is scored on those.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FrameLayout } from '../../datasets/episode.js';
import { createProgram } from '../backend/program.js';
import { InputError } from '../errors.js';
import { Adam } from '../nn/adam.js';
import { drawDropoutMask } from '../nn/dropout.js';
import { differentiate } from '../nn/gradients.js';
import { Generator } from '../random/generator.js';
import { type ClassifierScore, writeClassifier } from './classifierFile.js';
import { Detector } from './detector.js';
import { frameOf, type LabelledEpisode, type LabelledFrames, readLabelledFrames } from './labelledFrames.js';
import { ClassifierNetwork } from './network.js';

/** Pixels by which a picture is moved at most, in each direction. */
const SHIFT = 4;
/** Probability that a feature is dropped. */
const DROPOUT = 0.1;

export interface ClassifierOptions {
  readonly folders: readonly string[];
  /** Whether what people marked counts (`labels.json` of each dataset). */
  readonly labels: boolean;
  readonly images?: readonly string[] | undefined;
  readonly out: string;
  readonly encoder: string;
  readonly updates: number;
  /** Half of them positives. */
  readonly batchSize: number;
  readonly learningRate: number;
  /** Probability above which an episode of the held-out ones counts as found. */
  readonly threshold: number;
  /** Share of successes and of failures that are held out, in (0, 1). */
  readonly holdoutShare: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ClassifierReport {
  readonly out: string;
  readonly sha256: string;
  /** Episodes that it learnt from, and frames of them. */
  readonly episodes: number;
  readonly positives: number;
  readonly negatives: number;
  readonly leftOut: number;
  /** Of the last tenth of the updates. */
  readonly loss: number;
  readonly heldOut: ClassifierScore;
}

interface Example {
  readonly episode: LabelledEpisode;
  readonly t: number;
}

/**
 * On the tensor backend in use.
 * @throws InputError where there are too few successes or failures to learn from and to hold out
 */
export async function trainClassifier(options: ClassifierOptions): Promise<ClassifierReport> {
  const { folders, out, encoder, updates, threshold, seed } = options;
  const frames = await readLabelledFrames(folders, options.labels, options.images);
  const random = new Generator(seed);
  const [learnt, heldOut] = holdOut(frames, options.holdoutShare, random.child('holdout'));
  const examples = (wanted: boolean): Example[] =>
    learnt.flatMap((episode) =>
      episode.labels.flatMap((label, t) => (label === wanted ? [{ episode, t }] : [])),
    );
  const [positives, negatives] = [examples(true), examples(false)];
  if (positives.length === 0 || negatives.length === 0)
    throw new InputError(
      `There is no frame to learn from that shows ${positives.length === 0 ? 'success' : 'no success'}: mark where success begins in the page of "rlpd serve" ("Success from here"), and give --labels.`,
    );
  const network = new ClassifierNetwork(
    { encoder, trunkWidth: 50, images: frames.images.map((image) => ({ ...image })) },
    random.child('weights'),
  );
  try {
    const loss = await learn(network, frames.images, positives, negatives, random.child('batches'), options);
    if (options.signal?.aborted)
      throw new Error('The training was stopped before its end; nothing is written.');
    const detector = new Detector(network);
    const score = await scoreOn(detector, frames.images, heldOut, threshold);
    const sha256 = await writeClassifier(out, network, score);
    return {
      ...{ out, sha256, episodes: learnt.length, positives: positives.length, negatives: negatives.length },
      ...{ leftOut: frames.leftOut, loss: loss / Math.ceil(updates / 10), heldOut: score },
    };
  } finally {
    network.dispose();
  }
}

/** Of successes and of failures alike, at least one each. */
function holdOut(
  { episodes, leftOut }: LabelledFrames,
  share: number,
  random: Generator,
): [learnt: LabelledEpisode[], heldOut: LabelledEpisode[]] {
  const held = new Set<LabelledEpisode>();
  for (const success of [true, false]) {
    const group = episodes.filter((episode) => episode.success === success);
    // An episode of success has frames of both kinds: failures help, and need not be there.
    if (group.length < 2 && (success || group.length > 0))
      throw new InputError(
        `${group.length} episode${group.length === 1 ? '' : 's'} ${success ? 'with' : 'without'} success ${group.length === 1 ? 'is' : 'are'} too few, since one is held out: two are needed${leftOut > 0 ? ` (of ${leftOut} nothing says whether they succeeded, or they are marked bad)` : ''}.`,
      );
    const take = Math.min(group.length - 1, Math.max(1, Math.round(group.length * share)));
    if (group.length > 0)
      for (const index of random.choose(group.length, take)) held.add(group[index] as LabelledEpisode);
  }
  return [episodes.filter((episode) => !held.has(episode)), episodes.filter((episode) => held.has(episode))];
}

/** @returns the sum of losses over the last tenth of the updates */
async function learn(
  network: ClassifierNetwork,
  layouts: readonly FrameLayout[],
  positives: readonly Example[],
  negatives: readonly Example[],
  random: Generator,
  { updates, batchSize, learningRate, signal, onProgress }: ClassifierOptions,
): Promise<number> {
  const adam = new Adam(network.group.parameters, { learningRate });
  const step = createProgram<string>({
    name: 'classifier step',
    inputs: {
      ...Object.fromEntries(
        layouts.map(({ name, height, width, channels }) => [
          `image ${name}`,
          { shape: [batchSize, height, width, channels], dtype: 'float32' as const },
        ]),
      ),
      labels: { shape: [batchSize], dtype: 'float32' },
      mask: { shape: [1, batchSize, network.width], dtype: 'float32' },
      step: { shape: [], dtype: 'int32' },
    },
    body: (inputs) => {
      const { loss, gradients } = differentiate(network.group.variables, () => {
        const images = layouts.map(({ name }) => inputs[`image ${name}`] as tf.Tensor4D);
        const logits = network.logits(images, inputs.mask as tf.Tensor3D);
        // Cross-entropy of σ(z) with y: softplus(z) − y·z.
        const each = tf.sub(tf.softplus(logits), tf.mul(logits, inputs.labels as tf.Tensor1D));
        return { loss: tf.mean<tf.Scalar>(each), byProducts: [] };
      });
      adam.apply(gradients, inputs.step as tf.Scalar);
      return tf.reshape(loss, [1]);
    },
  });
  const labels = Float32Array.from({ length: batchSize }, (_, i) => (i < batchSize / 2 ? 1 : 0));
  let lastLosses = 0;
  try {
    for (let update = 1; update <= updates && !signal?.aborted; update++) {
      const drawn = Array.from(labels, (label) => {
        const group = label === 1 ? positives : negatives;
        return group[random.integer(group.length)] as Example;
      });
      const images = layouts.map(
        (layout, i) => [`image ${layout.name}`, pictures(drawn, layouts, i, random)] as const,
      );
      const mask = drawDropoutMask(random, new Float32Array(batchSize * network.width), DROPOUT);
      const inputs = { ...Object.fromEntries(images), labels, mask, step: Int32Array.of(update) };
      const [loss = Number.NaN] = await step.run(inputs);
      if (!Number.isFinite(loss))
        throw new Error(`The loss is ${loss} after ${update} updates: try a smaller --learning-rate.`);
      if (update > updates - Math.ceil(updates / 10)) lastLosses += loss;
      onProgress?.(update, updates);
    }
  } finally {
    step.dispose();
    adam.dispose();
  }
  return lastLosses;
}

/** `[B, H, W, C]` in [0, 1]: each picture moved at random, its edge repeated. */
function pictures(
  drawn: readonly Example[],
  layouts: readonly FrameLayout[],
  image: number,
  random: Generator,
): Float32Array {
  const { height, width, channels } = layouts[image] as FrameLayout;
  const batch = new Float32Array(drawn.length * height * width * channels);
  let at = 0;
  for (const { episode, t } of drawn) {
    const frame = frameOf(episode, layouts, image, t);
    const [down, right] = [random.integer(2 * SHIFT + 1) - SHIFT, random.integer(2 * SHIFT + 1) - SHIFT];
    for (let y = 0; y < height; y++) {
      const row = Math.min(height - 1, Math.max(0, y + down)) * width;
      for (let x = 0; x < width; x++) {
        const from = (row + Math.min(width - 1, Math.max(0, x + right))) * channels;
        for (let c = 0; c < channels; c++) batch[at++] = (frame[from + c] as number) / 255;
      }
    }
  }
  return batch;
}

/** An episode counts as found where any of its observations is above the threshold. */
export async function scoreOn(
  detector: Pick<Detector, 'probability'>,
  layouts: readonly FrameLayout[],
  episodes: readonly LabelledEpisode[],
  threshold: number,
): Promise<ClassifierScore> {
  let [right, called, successes, early] = [0, 0, 0, 0];
  for (const episode of episodes) {
    const first = await firstAbove(detector, layouts, episode, threshold);
    if (episode.success) successes++;
    if (first === undefined) continue;
    called++;
    if (!episode.success) continue;
    right++;
    if (episode.labels[first] === false) early++;
  }
  return {
    threshold,
    episodes: episodes.length,
    precision: called === 0 ? null : right / called,
    recall: successes === 0 ? null : right / successes,
    early,
  };
}

async function firstAbove(
  detector: Pick<Detector, 'probability'>,
  layouts: readonly FrameLayout[],
  episode: LabelledEpisode,
  threshold: number,
): Promise<number | undefined> {
  // The first observation is there before anything was done; what is cut off was not looked at.
  for (let t = 1; t < episode.labels.length; t++) {
    const frames = layouts.map((_, image) => frameOf(episode, layouts, image, t));
    if ((await detector.probability(frames)) > threshold) return t;
  }
  return undefined;
}
