/** What is seen of a simulated task: its state, pictures through its cameras, or both, an action at a time. */
import { cameraImages } from './cameraImages.js';
import type { Environment, EnvironmentOptions } from './environment.js';
import { type ImageOptions, imageSpaces } from './imageSpaces.js';
import type { SuiteEnvironment } from './suiteEnvironment.js';
import { ActionRepeat } from './wrappers/actionRepeat.js';
import { FrameStack } from './wrappers/frameStack.js';
import { PixelObservation } from './wrappers/pixelObservation.js';

/**
 * @param limited the simulated task with its time limit, and whatever else is to lie under pictures and repeats
 * @throws InputError for a camera that there is not, or an option out of range
 */
export function observed(
  simulated: SuiteEnvironment,
  limited: Environment,
  options: EnvironmentOptions & { readonly actionRepeat: number },
): Environment {
  const { actionRepeat, observations = 'pixels', cameras, imageSize, frameStack } = options;
  const repeated = new ActionRepeat(limited, actionRepeat);
  if (observations === 'state') return repeated;
  const images = imageSpaces(cameraImages(simulated, cameras), { imageSize, frameStack });
  const seen = new PixelObservation(repeated, { images, keepState: observations === 'both' });
  return stackFrames(seen, { imageSize, frameStack });
}

export function stackFrames(inner: Environment, options: ImageOptions): Environment {
  const { images } = inner.observationSpace;
  if (images.length === 0) return inner;
  return new FrameStack(
    inner,
    imageSpaces(images, options).map(({ frameStack }) => frameStack),
  );
}
