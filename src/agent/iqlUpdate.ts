/**
 * One IQL update in tensors (Kostrikov, Nair, Levine 2021): V towards an expectile of the target critic's values of
 * the data's actions, the actor towards those of the data's actions that V falls short of, the critics towards
 * r + discount·V(s'), in the order of the authors' code: actor and critics take the new V, and the target critic
 * moves last. Nothing is asked of an action that is not in the data.
 *
 * From pixels the encoder belongs to the critics, whose loss alone moves it. V and actor read its features as they
 * are before the critic step. Those of s are computed once for the two of them and once more in the critics' own
 * pass, whose target waits for the new V.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import { clippedLogProbability } from '../nn/clippedGaussian.js';
import { differentiate } from '../nn/gradients.js';
import type { TransitionTensors } from './batchInputs.js';
import type { AgentConfig } from './config.js';
import type { ClippedGaussianActor, StateValue } from './iqlNetworks.js';
import {
  advantageWeights,
  expectileLoss,
  leastValue,
  type PriorActions,
  priorCloningLoss,
  temporalDifferenceTarget,
  weightedLikelihoodLoss,
} from './losses.js';
import type { Critic } from './networks.js';
import type { Features } from './observation.js';
import { constraintMetricNames, criticMetricNames, moveCritics } from './rlpdUpdate.js';

/** Everything an update reads and writes beside its inputs. */
export interface IqlNetworks {
  readonly critic: Critic;
  readonly targetCritic: Critic;
  readonly value: StateValue;
  readonly actor: ClippedGaussianActor;
  readonly optimisers: { readonly critic: Adam; readonly value: Adam; readonly actor: Adam };
}

export interface IqlStepInputs extends TransitionTensors {
  /** Numbers of the target's critics, `[Z]` int32. */
  readonly subset: tf.Tensor1D;
  /** Number of this step, of each of the three, `[]` int32, from 1. */
  readonly step: tf.Scalar;
  /** What the actor is held to beside its weights; undefined with actorBcWeight at 0. */
  readonly priorActions?: PriorActions | undefined;
}

/** The numbers a step reports, in order. */
export function iqlMetricNames(config: AgentConfig): readonly string[] {
  return [
    'valueLoss',
    'vMean',
    'advantageMean',
    'actorLoss',
    ...criticMetricNames,
    ...constraintMetricNames(config),
  ];
}

/** Moves V, then the actor, then the critics, then the target critic. Returns the metrics. */
export function iqlStep(networks: IqlNetworks, config: AgentConfig, inputs: IqlStepInputs): tf.Scalar[] {
  const { critic, value } = networks;
  const { observation, nextObservation } = inputs;
  const features = critic.features(observation);
  const q = targetValues(networks, config, inputs);
  const { loss: valueLoss, values } = valueStep(networks, config, features, q, inputs.step);
  const advantages = tf.sub<tf.Tensor1D>(q, value.values(features));
  const [actorLoss, ...cloning] = actorStep(networks, config, inputs, features, advantages);
  const nextFeatures = critic.features(nextObservation);
  const target = temporalDifferenceTarget({
    rewards: inputs.rewards,
    discounts: inputs.discounts,
    nextValues: tf.expandDims(value.values(nextFeatures), 0),
  });
  const step = { observation, actions: inputs.actions, criticStep: inputs.step, dropoutMasks: [] };
  const { metrics } = moveCritics(networks, config, step, target);
  return [valueLoss, tf.mean(values), tf.mean(advantages), actorLoss, ...metrics, ...cloning];
}

/** min_{i∈Z} Q'_i(s, a) of the batch's own actions, `[B]`. */
function targetValues(
  { targetCritic }: IqlNetworks,
  config: AgentConfig,
  inputs: IqlStepInputs,
): tf.Tensor1D {
  const representation = targetCritic.representation(targetCritic.features(inputs.observation));
  return leastValue(
    targetCritic.values(representation, inputs.actions, {
      differentiate: 'weights',
      members: config.targetSubset < config.ensembleSize ? inputs.subset : undefined,
    }),
  );
}

/** @returns the loss, and V(s) `[B]`, as they were before the step */
function valueStep(
  { value, optimisers }: IqlNetworks,
  config: AgentConfig,
  features: Features,
  q: tf.Tensor1D,
  step: tf.Scalar,
): { loss: tf.Scalar; values: tf.Tensor1D } {
  const { loss, gradients, byProducts } = differentiate(value.group.variables, () => {
    const values = value.values(features);
    return { loss: expectileLoss(q, values, config.expectile), byProducts: [values] };
  });
  optimisers.value.apply(gradients, step);
  return { loss, values: byProducts[0] as tf.Tensor1D };
}

/** @returns the loss, and what its constraint measures where it has one */
function actorStep(
  { actor, optimisers }: IqlNetworks,
  config: AgentConfig,
  { actions, step, priorActions }: IqlStepInputs,
  features: Features,
  advantages: tf.Tensor1D,
): [tf.Scalar, ...tf.Scalar[]] {
  const weights = advantageWeights(advantages, config.advantageTemperature);
  const { loss, gradients, byProducts } = differentiate(actor.group.variables, () => {
    const distribution = actor.distribution(features);
    const loss = weightedLikelihoodLoss(weights, clippedLogProbability(distribution, actions));
    if (priorActions === undefined) return { loss, byProducts: [] };
    const cloning = priorCloningLoss(distribution.mode, priorActions);
    // The loss has no scale of values in it that it would have to be divided by.
    return { loss: tf.add(loss, tf.mul(cloning, config.actorBcWeight)), byProducts: [cloning] };
  });
  optimisers.actor.apply(gradients, step);
  return [loss, ...(byProducts as tf.Scalar[])];
}
