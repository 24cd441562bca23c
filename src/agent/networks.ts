/**
 * The networks of one agent and who owns which weights. The encoder's convolutions belong to the critic; the actor
 * reads the critic's features through a trunk of its own, and its gradient stops at those features. The target
 * critic is a whole critic, or one that reads the critic's encoder. A policy that is cloned reads no critic's
 * features: it owns its encoder.
 */
import * as tf from '@tensorflow/tfjs-core';
import { findEncoder } from '../../encoders/registry.js';
import type { ObservationSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import { createEncoderNetwork, type EncoderNetwork } from '../nn/encoderLayers.js';
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
import { applyTrunk, createTrunk, type Trunk } from '../nn/trunk.js';
import type { Generator } from '../random/generator.js';
import type { AgentConfig } from './config.js';

/** What the agent sees and does, in numbers. */
export interface AgentShape {
  /** `[H, W, C·K]`. */
  readonly pixels: readonly [number, number, number] | undefined;
  /** S. */
  readonly stateSize: number;
  readonly actionSize: number;
}

/** @throws InputError when an observation holds neither pixels nor state */
export function agentShape(space: ObservationSpace, actionSize: number): AgentShape {
  const [height, width, depth] = space.pixels?.shape ?? [];
  const stateSize = space.state?.shape[0] ?? 0;
  const pixels =
    height !== undefined && width !== undefined && depth !== undefined
      ? ([height, width, depth] as const)
      : undefined;
  if (pixels === undefined && stateSize === 0) {
    throw new InputError('The observation space has neither pixels [H, W, C] nor state [S]; one is needed.');
  }
  return { pixels, stateSize, actionSize };
}

/** An observation as it comes in: image `[B, H, W, C·K]` in [0, 1] and state `[B, S]`, what there is. */
export interface ObservationTensors {
  readonly image: tf.Tensor4D | undefined;
  readonly state: tf.Tensor2D | undefined;
}

/** An observation on its way through a network: convolution features `[B, F]` and state `[B, S]`, what there is. */
export interface Features {
  readonly image: tf.Tensor2D | undefined;
  readonly state: tf.Tensor2D | undefined;
}

export class Critic {
  readonly group: ParameterGroup;
  /** Its own, or the one that it reads. */
  readonly encoder: EncoderNetwork | undefined;
  readonly #trunk: Trunk | undefined;
  readonly #heads: EnsembleCritic;

  /** @param encoder another critic's, which this one reads and does not own; undefined: it builds its own */
  constructor(
    name: string,
    config: AgentConfig,
    shape: AgentShape,
    random: Generator,
    encoder?: EncoderNetwork,
  ) {
    this.group = new ParameterGroup(name, random);
    this.encoder = encoder ?? createEncoder(config, shape, this.group);
    this.#trunk = this.encoder && createTrunk(this.group, 'trunk', this.encoder.features, config.trunkWidth);
    this.#heads = createEnsembleCritic(this.group, 'heads', {
      members: config.ensembleSize,
      inputs: headInputs(config, shape) + shape.actionSize,
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      layerNorm: config.criticLayerNorm,
    });
  }

  /** Convolution features `[B, F]` of images `[B, H, W, C·K]`. */
  features(image: tf.Tensor4D | undefined): tf.Tensor2D | undefined {
    return image && this.encoder?.apply(image);
  }

  /** What the heads read of an observation: [trunk(image features), state] side by side, `[B, N]`. */
  representation({ image, state }: Features): tf.Tensor2D {
    return joinFeatures(this.#trunk && image && applyTrunk(this.#trunk, image, 'both'), state);
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
  /** Only where the actor owns the encoder. */
  readonly encoder: EncoderNetwork | undefined;
  readonly #trunk: Trunk | undefined;
  readonly #policy: GaussianPolicy;

  /** @param imageFeatures F of the encoder it reads; undefined: it builds its own where there are pixels */
  constructor(
    config: AgentConfig,
    shape: AgentShape,
    imageFeatures: number | undefined,
    random: Generator,
    name = 'actor',
  ) {
    this.group = new ParameterGroup(name, random);
    this.encoder = imageFeatures === undefined ? createEncoder(config, shape, this.group) : undefined;
    const features = imageFeatures ?? this.encoder?.features;
    this.#trunk =
      features === undefined ? undefined : createTrunk(this.group, 'trunk', features, config.trunkWidth);
    this.#policy = createGaussianPolicy(this.group, 'policy', {
      inputs: headInputs(config, shape),
      hiddenLayers: config.hiddenLayers,
      hiddenWidth: config.hiddenWidth,
      actionSize: shape.actionSize,
    });
  }

  /**
   * The action distribution. The gradient reaches the image features only where the actor owns the encoder.
   * @param dropoutMasks one a hidden layer, `[1, B, W]`; none where nothing is dropped
   */
  distribution({ image, state }: Features, dropoutMasks?: readonly tf.Tensor3D[]): GaussianParameters {
    const trunkGradient = this.encoder === undefined ? 'weights' : 'both';
    const z = this.#trunk && image && applyTrunk(this.#trunk, image, trunkGradient);
    return applyGaussianPolicy(this.#policy, joinFeatures(z, state), {
      differentiate: z === undefined ? 'weights' : 'both',
      dropoutMasks,
    });
  }
}

/** Numbers that the layers behind the trunk read of an observation. */
export function headInputs(config: AgentConfig, shape: AgentShape): number {
  return (shape.pixels === undefined ? 0 : config.trunkWidth) + shape.stateSize;
}

/** Names (`group/parameter`) of the weights by which an actor that reads a critic's encoder acts. */
export function actingParameters(critic: Critic, actor: { readonly group: ParameterGroup }): string[] {
  const encoder = critic.group.parameters.filter(({ name }) => name.startsWith('encoder/'));
  return [
    ...encoder.map(({ name }) => `${critic.group.name}/${name}`),
    ...actor.group.parameters.map(({ name }) => `${actor.group.name}/${name}`),
  ];
}

function createEncoder(
  config: AgentConfig,
  shape: AgentShape,
  group: ParameterGroup,
): EncoderNetwork | undefined {
  if (shape.pixels === undefined) return undefined;
  const encoder = findEncoder(config.encoder);
  if (encoder === undefined) throw new InputError(`There is no encoder named "${config.encoder}".`);
  try {
    return createEncoderNetwork(encoder, group, shape.pixels);
  } catch (error) {
    // An image too small for the encoder is the user's to put right.
    if (error instanceof RangeError) throw new InputError(error.message);
    throw error;
  }
}

/** [trunk(image features), state] side by side, what there is, `[B, N]`. */
export function joinFeatures(z: tf.Tensor2D | undefined, state: tf.Tensor2D | undefined): tf.Tensor2D {
  if (z !== undefined && state !== undefined) return tf.concat([z, state], 1);
  const only = z ?? state;
  if (only === undefined) throw new Error('An observation needs pixels or state.');
  return only;
}
