/**
 * What IQL has beside its critics: the value of a state and a policy. Both read the critic's convolution features
 * through a trunk of their own, and their gradient stops at those features.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  applyClippedGaussianPolicy,
  type ClippedGaussian,
  type ClippedGaussianPolicy,
  createClippedGaussianPolicy,
} from '../nn/clippedGaussian.js';
import { actionValues, createEnsembleCritic, type EnsembleCritic } from '../nn/ensembleCritic.js';
import { ParameterGroup } from '../nn/parameters.js';
import type { Generator } from '../random/generator.js';
import type { AgentConfig } from './config.js';
import type { AgentShape, Features } from './observation.js';
import { headInputs, Trunks } from './trunks.js';

/** V(s): a critic of one member that is given no action. */
export class StateValue {
  readonly group: ParameterGroup;
  readonly #trunks: Trunks;
  readonly #head: EnsembleCritic;

  constructor(config: AgentConfig, shape: AgentShape, imageFeatures: readonly number[], random: Generator) {
    this.group = new ParameterGroup('value', random);
    this.#trunks = new Trunks(config, shape, this.group, imageFeatures, 'weights');
    this.#head = createEnsembleCritic(this.group, 'heads', {
      members: 1,
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      layerNorm: config.criticLayerNorm,
    });
  }

  /** V `[B]`. */
  values(features: Features): tf.Tensor1D {
    const { input, differentiate } = this.#trunks.apply(features);
    return tf.squeeze(actionValues(this.#head, input, { differentiate }), [0]);
  }
}

export class ClippedGaussianActor {
  readonly group: ParameterGroup;
  readonly #trunks: Trunks;
  readonly #policy: ClippedGaussianPolicy;

  constructor(config: AgentConfig, shape: AgentShape, imageFeatures: readonly number[], random: Generator) {
    this.group = new ParameterGroup('actor', random);
    this.#trunks = new Trunks(config, shape, this.group, imageFeatures, 'weights');
    this.#policy = createClippedGaussianPolicy(this.group, 'policy', {
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      actionSize: shape.actionSize,
    });
  }

  distribution(features: Features): ClippedGaussian {
    const { input, differentiate } = this.#trunks.apply(features);
    return applyClippedGaussianPolicy(this.#policy, input, differentiate);
  }
}
