/**
 * From an observation's features to the numbers that heads read: each image's through a trunk of its own (Dense →
 * layer norm → tanh), and beside images the state through one too, all side by side. A state alone goes in as it is.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ParameterGroup } from '../nn/parameters.js';
import { applyTrunk, createTrunk, type Trunk } from '../nn/trunk.js';
import type { AgentConfig } from './config.js';
import type { AgentShape, Features } from './observation.js';

/** What heads are given, and what they are to be differentiated for. */
export interface HeadInput {
  /** `[B, N]`. */
  readonly input: tf.Tensor2D;
  readonly differentiate: 'weights' | 'both';
}

export class Trunks {
  readonly #images: readonly Trunk[];
  readonly #state: Trunk | undefined;
  readonly #differentiate: 'weights' | 'both';

  /**
   * Parameters are named `trunk/…`, or `trunk/IMAGE/…` where there are several images, and `stateTrunk/…`.
   * @param features F of each image
   * @param differentiate `weights` stops the gradient at the images' features
   */
  constructor(
    config: AgentConfig,
    { images, stateSize }: AgentShape,
    group: ParameterGroup,
    features: readonly number[],
    differentiate: 'weights' | 'both',
  ) {
    const { trunkWidth } = config;
    this.#differentiate = differentiate;
    this.#images = images.map(({ name }, i) =>
      createTrunk(group, images.length === 1 ? 'trunk' : `trunk/${name}`, features[i] as number, trunkWidth),
    );
    this.#state =
      images.length > 0 && stateSize > 0
        ? createTrunk(group, 'stateTrunk', stateSize, trunkWidth)
        : undefined;
  }

  apply({ images, state }: Features): HeadInput {
    const parts = this.#images.map((trunk, i) =>
      applyTrunk(trunk, images[i] as tf.Tensor2D, this.#differentiate),
    );
    if (state !== undefined)
      parts.push(this.#state === undefined ? state : applyTrunk(this.#state, state, 'weights'));
    const [first] = parts;
    if (first === undefined) throw new Error('An observation needs images or state.');
    return {
      input: parts.length === 1 ? first : tf.concat(parts, 1),
      differentiate: this.#images.length === 0 ? 'weights' : 'both',
    };
  }
}

/** N, the numbers that heads read of an observation. */
export function headInputs({ trunkWidth }: AgentConfig, { images, stateSize }: AgentShape): number {
  if (images.length === 0) return stateSize;
  return trunkWidth * (images.length + (stateSize > 0 ? 1 : 0));
}
