/**
 * Success that is seen in pictures, as the reward of any task: 1 where a classifier's probability is above the threshold,
 * which ends the episode, and 0 before that. What the environment itself says of reward and success does not count.
 */
import { resolve } from 'node:path';
import { frameSize } from '../../datasets/episode.js';
import { matchImages } from '../../datasets/imageMatching.js';
import type { ObservationSpace, StepResult } from '../../envs/environment.js';
import { classifierHash, readClassifier } from '../classifier/classifierFile.js';
import { Detector } from '../classifier/detector.js';
import { InputError } from '../errors.js';
import { type RewardSettings, runConfigShape } from './config.js';
import type { TrainingEnvironment } from './environmentExperience.js';
import { type AnyEnvironment, newestFrame } from './rollout.js';

/** With the classifier's whole path, and its hash. @throws InputError where it is not there, or has another hash */
export async function settledReward<Settings extends RewardSettings>(settings: Settings): Promise<Settings> {
  const { rewardClassifier } = settings;
  if (rewardClassifier === null) return settings;
  const path = resolve(rewardClassifier);
  return { ...settings, rewardClassifier: path, rewardClassifierHash: await checkedHash(path, settings) };
}

/**
 * On the tensor backend in use; undefined where the environment's own reward counts.
 * @throws InputError where the file is no classifier, or another than the settings say
 */
export async function openDetector(settings: RewardSettings): Promise<Detector | undefined> {
  if (settings.rewardClassifier === null) return undefined;
  await checkedHash(settings.rewardClassifier, settings);
  return new Detector((await readClassifier(settings.rewardClassifier)).network);
}

/** Of a command's flags; undefined where they name no classifier. @throws InputError as `settledReward` does */
export async function rewardOf(given: Partial<RewardSettings>): Promise<RewardSettings | undefined> {
  const { rewardClassifier = null } = given;
  if (rewardClassifier === null) return undefined;
  const rewardThreshold = given.rewardThreshold ?? runConfigShape.rewardThreshold.parse(undefined);
  return settledReward({ rewardClassifier, rewardThreshold, rewardClassifierHash: null });
}

async function checkedHash(path: string, { rewardClassifierHash: known }: RewardSettings): Promise<string> {
  const hash = await classifierHash(path);
  if (known !== null && known !== hash)
    throw new InputError(
      `${path} is another classifier than the one that the reward comes from: its SHA-256 begins with ${hash.slice(0, 12)}, expected ${known.slice(0, 12)}; give the right one with --reward-classifier.`,
    );
  return hash;
}

/** The same environment with that reward. @throws InputError where it does not show what the classifier looks at */
export function withDetectedSuccess(
  environment: TrainingEnvironment,
  detector: Detector | undefined,
  threshold: number,
): TrainingEnvironment {
  if (detector === undefined) return environment;
  const { spec, observationSpace, actionSpace } = environment;
  return {
    ...{ spec, observationSpace, actionSpace },
    reset: (options) => environment.reset(options),
    step: detectingStep(environment, detector, threshold),
    render: (options) => environment.render(options),
    saveState: () => environment.saveState(),
    restoreState: (state) => environment.restoreState(state),
    close: () => environment.close(),
  };
}

/** A step with that reward. @throws InputError where the environment does not show what the classifier looks at */
export function detectingStep(
  environment: AnyEnvironment,
  detector: Detector,
  threshold: number,
): (action: Float32Array) => Promise<StepResult> {
  const images = seenImages(environment.observationSpace, detector);
  return async (action) => {
    const result = await environment.step(action);
    // What a bad simulation shows may be anything.
    if (result.info.invalid !== undefined) return result;
    const { rewardTerms: _, ...info } = result.info;
    const frames = images.map((image) => newestFrame(result.observation.images, image));
    const success = (await detector.probability(frames)) > threshold;
    return {
      observation: result.observation,
      reward: success ? 1 : 0,
      terminated: success || result.terminated,
      truncated: !success && result.truncated,
      info: { ...info, success },
    };
  };
}

function seenImages({ images }: ObservationSpace, { images: wanted }: Detector) {
  return matchImages(images, wanted).map(({ wanted: image, recorded }) => {
    const shown = images.find((one) => one.name === recorded?.name);
    if (shown === undefined || frameSize(shown) !== frameSize(image))
      throw new InputError(
        `The classifier looks at the image "${image.name}" of ${frameSize(image)}, and the environment shows ${images.map((one) => `"${one.name}" of ${frameSize(one)}`).join(', ') || 'none'}: choose --cameras and --image-size as in the data that it learnt from.`,
      );
    return shown;
  });
}
