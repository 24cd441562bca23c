/**
 * One DrQ-v2 update in tensors (Yarats et al. 2021): the critic step and the actor step. The policy μ is one action
 * for each observation; what explores is normal noise of a scheduled σ, clipped to ±c where an update draws it:
 *   y = R + discount·min_i Q'_i(s', clip(μ(s') + clip(σε, ±c)))
 *   critic loss Σ_i mean (Q_i(s, a) − y)²;   actor loss −mean min_i Q_i(s, clip(μ(s) + clip(σε, ±c)))
 * The gradient passes the outer clip as if it were not there. The encoder is the critics' and has no moving average:
 * target critics and actor read its features, each through a trunk of their own. The actor step takes the features
 * of s from before the critic step and the critics from after it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import { differentiate } from '../nn/gradients.js';
import { straightThroughClip } from '../nn/straightThroughClip.js';
import type { TransitionTensors } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import type { DeterministicActor } from './deterministicActor.js';
import { leastValueActorLoss, summedCriticLoss, temporalDifferenceTarget } from './losses.js';
import type { Critic } from './networks.js';
import type { Features } from './observation.js';
import { type CriticStep, criticMetricNames, moveCritics } from './rlpdUpdate.js';

/** Everything an update reads and writes beside its inputs. */
export interface Drqv2Networks {
  readonly critic: Critic;
  /** Trunk and heads of its own, behind the critic's encoder. */
  readonly targetCritic: Critic;
  readonly actor: DeterministicActor;
  readonly optimisers: { readonly critic: Adam; readonly actor: Adam };
}

export interface Drqv2CriticInputs extends TransitionTensors {
  /** ε at s', standard normal `[B, A]`. */
  readonly nextNoise: tf.Tensor2D;
  /** σ, `[]`. */
  readonly explorationStd: tf.Scalar;
  /** Number of this critic step, `[]` int32, from 1. */
  readonly criticStep: tf.Scalar;
}

export interface Drqv2ActorInputs {
  /** The critic's convolution features of s before the critic step. */
  readonly features: Features;
  /** ε at s, standard normal `[B, A]`. */
  readonly noise: tf.Tensor2D;
  /** σ, `[]`. */
  readonly explorationStd: tf.Scalar;
  /** Number of this actor step, `[]` int32, from 1. */
  readonly actorStep: tf.Scalar;
}

/** The numbers the steps report, in order. */
export const drqv2CriticMetricNames = criticMetricNames;
export const drqv2ActorMetricNames = ['actorLoss', 'explorationStd'] as const;

/** σ after `updates` critic steps: linear from the start to the end over `explorationUpdates` of them. */
export function explorationStd(config: AgentConfig, updates: number): number {
  const { explorationStart, explorationEnd, explorationUpdates } = config;
  const progress = Math.min(updates / explorationUpdates, 1);
  return (1 - progress) * explorationStart + progress * explorationEnd;
}

/** An action `[B, A]` with noise `[B, A]` on it, clipped to [−1, 1]. */
export function exploredAction(action: tf.Tensor2D, noise: tf.Tensor2D): tf.Tensor2D {
  return straightThroughClip(tf.add(action, noise), -1, 1);
}

/** clip(σε, −c, c). */
function clippedNoise(noise: tf.Tensor2D, std: tf.Scalar, { explorationClip }: AgentConfig): tf.Tensor2D {
  return tf.clipByValue(tf.mul(noise, std), -explorationClip, explorationClip);
}

/** Moves the critics and their encoder towards y, and the target critics towards the critics. */
export function drqv2CriticStep(
  networks: Drqv2Networks,
  config: AgentConfig,
  inputs: Drqv2CriticInputs,
): CriticStep {
  const step = { ...inputs, dropoutMasks: [] };
  return moveCritics(networks, config, step, drqv2Target(networks, config, inputs), summedCriticLoss);
}

/** y `[B]`. */
function drqv2Target(
  { critic, targetCritic, actor }: Drqv2Networks,
  config: AgentConfig,
  inputs: Drqv2CriticInputs,
): tf.Tensor1D {
  const features = critic.features(inputs.nextObservation);
  const noise = clippedNoise(inputs.nextNoise, inputs.explorationStd, config);
  const action = exploredAction(actor.action(features), noise);
  const nextValues = targetCritic.values(targetCritic.representation(features), action, {
    differentiate: 'weights',
  });
  return temporalDifferenceTarget({ rewards: inputs.rewards, discounts: inputs.discounts, nextValues });
}

/** Moves the actor towards what the least of the updated critics values. */
export function drqv2ActorStep(
  { critic, actor, optimisers }: Drqv2Networks,
  config: AgentConfig,
  inputs: Drqv2ActorInputs,
): { metrics: tf.Scalar[] } {
  const { features, explorationStd } = inputs;
  const representation = critic.representation(features);
  const noise = clippedNoise(inputs.noise, explorationStd, config);
  const { loss, gradients } = differentiate(actor.group.variables, () => {
    const action = exploredAction(actor.action(features), noise);
    const values = critic.values(representation, action, { differentiate: 'input' });
    return { loss: leastValueActorLoss(values), byProducts: [] };
  });
  optimisers.actor.apply(gradients, inputs.actorStep);
  return { metrics: [loss, explorationStd] };
}
