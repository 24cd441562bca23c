/** An observation in numbers and in tensors, on its way from the outside to the heads. */
import type * as tf from '@tensorflow/tfjs-core';
import type { ObservationSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';

/** One image as the agent sees it: `[H, W, C·K]`. */
export interface ImageShape {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** C·K. */
  readonly depth: number;
}

/** What the agent sees and does, in numbers. */
export interface AgentShape {
  readonly images: readonly ImageShape[];
  /** S. */
  readonly stateSize: number;
  readonly actionSize: number;
}

/** @throws InputError when an observation holds neither images nor state */
export function agentShape(space: ObservationSpace, actionSize: number): AgentShape {
  const stateSize = space.state?.shape[0] ?? 0;
  if (space.images.length === 0 && stateSize === 0) {
    throw new InputError('The observation space has neither images [H, W, C] nor state [S]; one is needed.');
  }
  const images = space.images.map(({ name, height, width, channels, frameStack }) => ({
    name,
    height,
    width,
    depth: channels * frameStack,
  }));
  return { images, stateSize, actionSize };
}

/** An observation as it comes in: images `[B, H, W, C·K]` in [0, 1] and state `[B, S]`, what there is. */
export interface ObservationTensors {
  readonly images: readonly tf.Tensor4D[];
  readonly state: tf.Tensor2D | undefined;
}

/** An observation on its way through a network: each image's features `[B, F]` and state `[B, S]`, what there is. */
export interface Features {
  readonly images: readonly tf.Tensor2D[];
  readonly state: tf.Tensor2D | undefined;
}
