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
import { DetachedTrunk } from './detachedTrunk.js';
import { type AgentShape, type Features, headInputs } from './networks.js';

export class DeterministicActor {
  readonly group: ParameterGroup;
  readonly #trunk: DetachedTrunk;
  readonly #policy: DeterministicPolicy;

  /** @param imageFeatures F of the critic's encoder; undefined: there are no pixels */
  constructor(config: AgentConfig, shape: AgentShape, imageFeatures: number | undefined, random: Generator) {
    this.group = new ParameterGroup('actor', random);
    this.#trunk = new DetachedTrunk(config, this.group, imageFeatures);
    this.#policy = createDeterministicPolicy(this.group, 'policy', {
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      actionSize: shape.actionSize,
    });
  }

  /** μ(s) `[B, A]` in [−1, 1]; its gradient stops at the features. */
  action(features: Features): tf.Tensor2D {
    const { input, differentiate } = this.#trunk.apply(features);
    return applyDeterministicPolicy(this.#policy, input, differentiate);
  }
}
