/** The trunk of a network that reads the critic's convolution features; its gradient stops at those features. */
import type * as tf from '@tensorflow/tfjs-core';
import type { ParameterGroup } from '../nn/parameters.js';
import { applyTrunk, createTrunk, type Trunk } from '../nn/trunk.js';
import type { AgentConfig } from './config.js';
import { type Features, joinFeatures } from './networks.js';

export class DetachedTrunk {
  readonly #trunk: Trunk | undefined;

  /** @param imageFeatures F of the critic's encoder; undefined: there are no pixels */
  constructor(config: AgentConfig, group: ParameterGroup, imageFeatures: number | undefined) {
    this.#trunk =
      imageFeatures === undefined ? undefined : createTrunk(group, 'trunk', imageFeatures, config.trunkWidth);
  }

  /** `[B, N]`, and what the layers behind it are to be differentiated for. */
  apply({ image, state }: Features): { input: tf.Tensor2D; differentiate: 'weights' | 'both' } {
    const z = this.#trunk && image && applyTrunk(this.#trunk, image, 'weights');
    return { input: joinFeatures(z, state), differentiate: z === undefined ? 'weights' : 'both' };
  }
}
