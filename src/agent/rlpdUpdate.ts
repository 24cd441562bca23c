/**
 * One RLPD update in tensors (Ball et al. 2023, algorithm 1): the critic step, and the actor and temperature step.
 *
 * The actor reads the critic's convolution features as they are before each critic step: its convolution weights
 * are the critic's, taken over before every step. So its features of s come free with the critic's own forward
 * pass, whatever the update-to-data ratio. (The reference takes them over once for all G steps of an update; at
 * G = 1 the two updates are the same.)
 *
 * Where this departs from the authors' code:
 * - Acting uses the newest convolution weights; theirs acts with those from before the last update, which its actor
 *   took over at that update's start.
 * - Weight decay spares biases and layer norm's gains and offsets; theirs spares biases alone.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import { updateEma } from '../nn/ema.js';
import { differentiate } from '../nn/gradients.js';
import { modeAction, sampleAction } from '../nn/tanhGaussian.js';
import type { TransitionTensors } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import {
  actorLoss,
  constrainedActorLoss,
  criticLoss,
  leastValue,
  type PriorActions,
  priorCloningLoss,
  temperatureLoss,
  temporalDifferenceTarget,
} from './losses.js';
import type { Actor, Critic } from './networks.js';
import type { Features, ObservationTensors } from './observation.js';
import { imitationShare } from './proposals.js';

/** Everything an update reads and writes beside its inputs. */
export interface RlpdNetworks {
  readonly critic: Critic;
  readonly targetCritic: Critic;
  readonly actor: Actor;
  readonly logTemperature: tf.Variable<tf.Rank.R0>;
  /** Actions `[B, A]` of a frozen policy, where the target is to choose between these and the actor's (IBRL). */
  readonly clonedAction?: ((observation: ObservationTensors) => tf.Tensor2D) | undefined;
  readonly optimisers: { readonly critic: Adam; readonly actor: Adam; readonly temperature: Adam };
}

export interface CriticStepInputs extends TransitionTensors {
  /** Standard normal `[B, A]`, for a' ~ π(·|s'). */
  readonly nextNoise: tf.Tensor2D;
  /** Numbers of the target's critics, `[Z]` int32. */
  readonly subset: tf.Tensor1D;
  /** Number of this critic step, `[]` int32, from 1. */
  readonly criticStep: tf.Scalar;
  /** One mask a hidden layer, `[E, B, W]`; none without dropout. */
  readonly dropoutMasks: readonly tf.Tensor3D[];
  /** `[Z, B, W]`. */
  readonly targetDropoutMasks: readonly tf.Tensor3D[];
  /** Of the actor at s', `[1, B, W]`. */
  readonly nextPolicyDropoutMasks: readonly tf.Tensor3D[];
}

export interface ActorStepInputs {
  readonly observation: ObservationTensors;
  /** The critic's convolution features of s before the critic step. */
  readonly features: Features;
  /** Standard normal `[B, A]`, for a ~ π(·|s). */
  readonly noise: tf.Tensor2D;
  /** Number of this actor step, `[]` int32, from 1. */
  readonly actorStep: tf.Scalar;
  /** `[E, B, W]`. */
  readonly dropoutMasks: readonly tf.Tensor3D[];
  /** Of the actor at s, `[1, B, W]`. */
  readonly policyDropoutMasks: readonly tf.Tensor3D[];
  /** What the actor is held to; undefined with actorBcWeight at 0. */
  readonly priorActions?: PriorActions | undefined;
}

/** The numbers that critics moved towards a target report, in order. */
export const criticMetricNames = ['criticLoss', 'qMean', 'targetMean'] as const;
const actorMetricNames = ['actorLoss', 'entropy', 'temperature', 'temperatureLoss'] as const;

/** What an actor’s step reports last where the actor is held to prior data. */
export function constraintMetricNames(config: AgentConfig): readonly string[] {
  return isConstrained(config) ? ['bcLoss'] : [];
}

/** Whether the actor is held to the prior data's actions. */
export function isConstrained({ actorBcWeight }: AgentConfig): boolean {
  return actorBcWeight > 0;
}

/**
 * The numbers that each step reports, in order: a critic step whose target chooses between two proposals ends with
 * the mean share of the cloned action.
 */
export function rlpdMetricNames(
  { clonedAction }: RlpdNetworks,
  config: AgentConfig,
): Readonly<Record<'critic' | 'actor', readonly string[]>> {
  return {
    critic: [...criticMetricNames, ...(clonedAction ? ['imitationShare'] : [])],
    actor: [...actorMetricNames, ...constraintMetricNames(config)],
  };
}

/** Moves the critics towards the target y and the target critic towards the critics. */
export function criticStep(
  networks: RlpdNetworks,
  config: AgentConfig,
  inputs: CriticStepInputs,
): CriticStep {
  const { target, share } = tdTarget(networks, config, inputs);
  const { metrics, features } = moveCritics(networks, config, inputs, target);
  return { metrics: share === undefined ? metrics : [...metrics, tf.mean<tf.Scalar>(share)], features };
}

export interface CriticStep {
  readonly metrics: tf.Scalar[];
  /** The critic's convolution features of s before the step. */
  readonly features: Features;
}

/**
 * The critic step towards a given target.
 * @param target    y, `[B]`
 * @param valueLoss of values `[E, B]` and the target
 */
export function moveCritics(
  networks: Pick<RlpdNetworks, 'critic' | 'targetCritic'> & { optimisers: { readonly critic: Adam } },
  config: AgentConfig,
  inputs: Pick<CriticStepInputs, 'observation' | 'actions' | 'criticStep' | 'dropoutMasks'>,
  target: tf.Tensor1D,
  valueLoss = criticLoss,
): CriticStep {
  const { critic, targetCritic, optimisers } = networks;
  const { state } = inputs.observation;
  const { loss, gradients, byProducts } = differentiate(critic.group.variables, () => {
    const features = critic.features(inputs.observation);
    const { input, differentiate } = critic.headInput(features);
    const values = critic.values(input, inputs.actions, { differentiate, dropoutMasks: inputs.dropoutMasks });
    return { loss: valueLoss(values, target), byProducts: [tf.mean(values), ...features.images] };
  });
  optimisers.critic.apply(gradients, inputs.criticStep);
  updateEma(targetCritic.group, critic.group, config.emaRate);
  const [qMean, ...images] = byProducts;
  return {
    metrics: [loss, qMean as tf.Scalar, tf.mean(target)],
    features: { images: images as tf.Tensor2D[], state },
  };
}

/** y `[B]`, and the cloned action's share in it where there is one. */
function tdTarget(
  { critic, targetCritic, actor, logTemperature, clonedAction }: RlpdNetworks,
  config: AgentConfig,
  inputs: CriticStepInputs,
): { target: tf.Tensor1D; share: tf.Tensor1D | undefined } {
  const { nextObservation } = inputs;
  const distribution = actor.distribution(critic.features(nextObservation), inputs.nextPolicyDropoutMasks);
  const { action, logProbability } = sampleAction(distribution, inputs.nextNoise);
  const representation = targetCritic.representation(targetCritic.features(nextObservation));
  const valuesOf = (proposed: tf.Tensor2D): tf.Tensor2D =>
    targetCritic.values(representation, proposed, {
      differentiate: 'weights',
      dropoutMasks: inputs.targetDropoutMasks,
      // The minimum over all of them needs no choice.
      members: config.targetSubset < config.ensembleSize ? inputs.subset : undefined,
    });
  const nextValues = valuesOf(action);
  const cloned = clonedAction && { nextValues: valuesOf(clonedAction(nextObservation)) };
  const share =
    cloned &&
    imitationShare(leastValue(nextValues), leastValue(cloned.nextValues), config.proposalInverseTemperature);
  const target = temporalDifferenceTarget({
    rewards: inputs.rewards,
    discounts: inputs.discounts,
    nextValues,
    entropy: config.entropyBackup
      ? {
          temperature: tf.exp<tf.Scalar>(logTemperature),
          logProbability: logProbability(),
        }
      : undefined,
    cloned: cloned && share && { ...cloned, share },
  });
  return { target, share };
}

/** Moves the actor towards what the updated critics value, and the temperature towards the target entropy. */
export function actorStep(
  networks: RlpdNetworks,
  config: AgentConfig,
  inputs: ActorStepInputs,
): { metrics: tf.Scalar[] } {
  const { critic, actor, logTemperature, optimisers } = networks;
  const temperature = tf.exp<tf.Scalar>(logTemperature);
  const representation = critic.representation(critic.features(inputs.observation));
  const { loss, gradients, byProducts } = differentiate(actor.group.variables, () => {
    const distribution = actor.distribution(inputs.features, inputs.policyDropoutMasks);
    const sample = sampleAction(distribution, inputs.noise);
    const logProbability = sample.logProbability();
    const values = critic.values(representation, sample.action, {
      differentiate: 'input',
      dropoutMasks: inputs.dropoutMasks,
    });
    const loss = actorLoss(temperature, logProbability, values);
    const entropy = tf.neg(tf.mean(logProbability));
    if (inputs.priorActions === undefined) return { loss, byProducts: [entropy] };
    const constraint = {
      weight: config.actorBcWeight,
      cloning: priorCloningLoss(modeAction(distribution), inputs.priorActions),
    };
    return {
      loss: constrainedActorLoss(loss, tf.mean(values, 0), constraint),
      byProducts: [entropy, constraint.cloning],
    };
  });
  optimisers.actor.apply(gradients, inputs.actorStep);
  const [entropy, ...cloning] = byProducts as [tf.Scalar, ...tf.Scalar[]];
  const targetEntropy = config.targetEntropy ?? -(inputs.noise.shape[1] / 2);
  const alphaLoss = temperatureLoss(temperature, entropy, targetEntropy);
  // The loss is its own derivative with respect to log α.
  if (config.learnedTemperature) optimisers.temperature.apply([alphaLoss], inputs.actorStep);
  return { metrics: [loss, entropy, temperature, alphaLoss, ...cloning] };
}
