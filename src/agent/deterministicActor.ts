/** An actor without a distribution, which reads the critic's features through a trunk of its own. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  applyDeterministicPolicy,
  createDeterministicPolicy,
  type DeterministicPolicy,
} from '../nn/deterministicPolicy.js';
import { ParameterGroup } from '../nn/parameters.js';
import type { Generator } from '../random/generator.js';
import type { AgentConfig } from './config.js';
import type { AgentShape, Features } from './observation.js';
import { headInputs, Trunks } from './trunks.js';

export class DeterministicActor {
  readonly group: ParameterGroup;
  readonly #trunks: Trunks;
  readonly #policy: DeterministicPolicy;

  /** @param imageFeatures F of each image by the critic's encoders */
  constructor(config: AgentConfig, shape: AgentShape, imageFeatures: readonly number[], random: Generator) {
    this.group = new ParameterGroup('actor', random);
    this.#trunks = new Trunks(config, shape, this.group, imageFeatures, 'weights');
    this.#policy = createDeterministicPolicy(this.group, 'policy', {
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      actionSize: shape.actionSize,
    });
  }

  /** μ(s) `[B, A]` in [−1, 1]; its gradient stops at the features. */
  action(features: Features): tf.Tensor2D {
    const { input, differentiate } = this.#trunks.apply(features);
    return applyDeterministicPolicy(this.#policy, input, differentiate);
  }
}
