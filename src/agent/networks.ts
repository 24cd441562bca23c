/**
 * The networks of one agent and who owns which weights. The encoders' convolutions belong to the critic; the actor
 * reads the critic's features through trunks of its own, and its gradient stops at those features. The target
 * critic is a whole critic, or one that reads the critic's encoders. A policy that is cloned reads no critic's
 * features: it owns its encoders.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  actionValues,
  createEnsembleCritic,
  type EnsembleCritic,
  selectMembers,
} from '../nn/ensembleCritic.js';
import { applyGaussianPolicy, createGaussianPolicy, type GaussianPolicy } from '../nn/gaussianPolicy.js';
import type { HiddenOptions } from '../nn/mlp.js';
import { ParameterGroup } from '../nn/parameters.js';
import type { GaussianParameters } from '../nn/tanhGaussian.js';
import type { Generator } from '../random/generator.js';
import type { AgentConfig } from './config.js';
import { ImageEncoders } from './imageEncoders.js';
import type { AgentShape, Features, ObservationTensors } from './observation.js';
import { type HeadInput, headInputs, Trunks } from './trunks.js';

export class Critic {
  readonly group: ParameterGroup;
  /** Its own, or those that it reads. */
  readonly encoders: ImageEncoders;
  readonly #trunks: Trunks;
  readonly #heads: EnsembleCritic;

  /** @param encoders another critic's, which this one reads and does not own; undefined: it builds its own */
  constructor(
    name: string,
    config: AgentConfig,
    shape: AgentShape,
    random: Generator,
    encoders?: ImageEncoders,
  ) {
    this.group = new ParameterGroup(name, random);
    this.encoders = encoders ?? new ImageEncoders(config, shape, this.group);
    this.#trunks = new Trunks(config, shape, this.group, this.encoders.features, 'both');
    this.#heads = createEnsembleCritic(this.group, 'heads', {
      members: config.ensembleSize,
      inputs: headInputs(config, shape) + shape.actionSize,
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      layerNorm: config.criticLayerNorm,
    });
  }

  features({ images, state }: ObservationTensors): Features {
    return { images: this.encoders.apply(images), state };
  }

  /** What the heads read of an observation. */
  headInput(features: Features): HeadInput {
    return this.#trunks.apply(features);
  }

  /** The same where nothing is differentiated, `[B, N]`. */
  representation(features: Features): tf.Tensor2D {
    return this.headInput(features).input;
  }

  /**
   * Q `[E, B]`, or `[Z, B]` of the chosen `members` `[Z]`.
   * @param representation `[B, N]`
   * @param action `[B, A]`
   */
  values(
    representation: tf.Tensor2D,
    action: tf.Tensor2D,
    options: HiddenOptions & { members?: tf.Tensor1D | undefined },
  ): tf.Tensor2D {
    const heads = options.members === undefined ? this.#heads : selectMembers(this.#heads, options.members);
    return actionValues(heads, tf.concat([representation, action], 1), options);
  }
}

export class Actor {
  readonly group: ParameterGroup;
  /** Only where the actor owns them. */
  readonly #encoders: ImageEncoders | undefined;
  readonly #trunks: Trunks;
  readonly #policy: GaussianPolicy;

  /** @param imageFeatures F of each image's encoder that it reads; undefined: it builds its own */
  constructor(
    config: AgentConfig,
    shape: AgentShape,
    imageFeatures: readonly number[] | undefined,
    random: Generator,
    name = 'actor',
  ) {
    this.group = new ParameterGroup(name, random);
    this.#encoders = imageFeatures === undefined ? new ImageEncoders(config, shape, this.group) : undefined;
    const features = imageFeatures ?? this.#encoders?.features ?? [];
    const differentiate = this.#encoders === undefined ? 'weights' : 'both';
    this.#trunks = new Trunks(config, shape, this.group, features, differentiate);
    this.#policy = createGaussianPolicy(this.group, 'policy', {
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      actionSize: shape.actionSize,
    });
  }

  /** By its own encoders. */
  features({ images, state }: ObservationTensors): Features {
    if (this.#encoders === undefined) throw new Error("This actor reads a critic's features.");
    return { images: this.#encoders.apply(images), state };
  }

  /**
   * The action distribution. The gradient reaches the images' features only where the actor owns the encoders.
   * @param dropoutMasks one a hidden layer, `[1, B, W]`; none where nothing is dropped
   */
  distribution(features: Features, dropoutMasks?: readonly tf.Tensor3D[]): GaussianParameters {
    const { input, differentiate } = this.#trunks.apply(features);
    return applyGaussianPolicy(this.#policy, input, { differentiate, dropoutMasks });
  }
}

/** Names (`group/parameter`) of the weights by which an actor that reads a critic's encoder acts. */
export function actingParameters(critic: Critic, actor: { readonly group: ParameterGroup }): string[] {
  const encoder = critic.group.parameters.filter(({ name }) => name.startsWith('encoder/'));
  return [
    ...encoder.map(({ name }) => `${critic.group.name}/${name}`),
    ...actor.group.parameters.map(({ name }) => `${actor.group.name}/${name}`),
  ];
}
