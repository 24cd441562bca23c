/**
 * The losses, as functions of tensors. B is the minibatch, E the ensemble, Z the target's subset.
 */
import * as tf from '@tensorflow/tfjs-core';
import { withoutGradient } from '../nn/gradients.js';
import { mixProposals } from './proposals.js';

export interface TargetInputs {
  /** `[B]`. */
  readonly rewards: tf.Tensor1D;
  /** `[B]`: γ to the power of the steps between s and s', and 0 where the task ended on the way. */
  readonly discounts: tf.Tensor1D;
  /** Q'_i(s', a') `[Z, B]` of the target critic's chosen members. */
  readonly nextValues: tf.Tensor2D;
  /** Present with entropy backup: α `[]` and log π(a'|s') `[B]`. */
  readonly entropy?: { readonly temperature: tf.Scalar; readonly logProbability: tf.Tensor1D } | undefined;
  /** Where a cloned policy proposes an action too: Q'_i(s', ·) `[Z, B]` of that, and what it counts for `[B]`. */
  readonly cloned?: { readonly nextValues: tf.Tensor2D; readonly share: tf.Tensor1D } | undefined;
}

/**
 * y = r + discount·(min_{i∈Z} Q'_i(s', a') − α log π(a'|s')), the last term with entropy backup only; where a
 * cloned policy proposes an action too, the mean of the bracket and of min_{i∈Z} Q'_i at that action (which has no
 * entropy), by its share. `[B]`.
 */
export function temporalDifferenceTarget(inputs: TargetInputs): tf.Tensor1D {
  const { rewards, discounts, nextValues, entropy, cloned } = inputs;
  let next = leastValue(nextValues);
  if (entropy !== undefined) next = tf.sub(next, tf.mul(entropy.temperature, entropy.logProbability));
  if (cloned !== undefined) next = mixProposals(next, leastValue(cloned.nextValues), cloned.share);
  return tf.add(rewards, tf.mul(discounts, next));
}

/** The minimum over the chosen critics: values `[Z, B]` → `[B]`. */
export function leastValue(values: tf.Tensor2D): tf.Tensor1D {
  return values.shape[0] === 1 ? tf.squeeze(values, [0]) : tf.min(values, 0);
}

/** Mean over E and B of (Q_i(s, a) − y)². values `[E, B]`, target `[B]`. */
export function criticLoss(values: tf.Tensor2D, target: tf.Tensor1D): tf.Scalar {
  return tf.mean(tf.square(tf.sub(values, target)));
}

/** Sum over E of the mean over B of (Q_i(s, a) − y)², as DrQ-v2 has it. values `[E, B]`, target `[B]`. */
export function summedCriticLoss(values: tf.Tensor2D, target: tf.Tensor1D): tf.Scalar {
  return tf.mul(criticLoss(values, target), values.shape[0]);
}

/** Mean over B of −min_i Q_i(s, π(s)), as in DrQ-v2. values `[E, B]`. */
export function leastValueActorLoss(values: tf.Tensor2D): tf.Scalar {
  return tf.neg(tf.mean(leastValue(values)));
}

/** Mean over B of α log π(a|s) − mean_i Q_i(s, a), the mean over all E critics. */
export function actorLoss(
  temperature: tf.Scalar,
  logProbability: tf.Tensor1D,
  values: tf.Tensor2D,
): tf.Scalar {
  return tf.sub(tf.mul(temperature, tf.mean(logProbability)), tf.mean(values));
}

/** A minibatch's actions, and which of them are the prior data's. */
export interface PriorActions {
  /** `[B, A]`. */
  readonly actions: tf.Tensor2D;
  /** `[B]`: 1 where the row is prior data, else 0. */
  readonly prior: tf.Tensor1D;
}

/**
 * Mean over the prior rows and the action's dimensions of (mode − a)²; 0 where no row is prior. Rows of fresh
 * experience have no part in it: their actions are older ones of this very policy, and to hold it to those would
 * only slow it down.
 * @param mode tanh(mean(s)), `[B, A]`
 */
export function priorCloningLoss(mode: tf.Tensor2D, { actions, prior }: PriorActions): tf.Scalar {
  const errors = tf.mean(tf.square(tf.sub(mode, actions)), 1);
  const rows = withoutGradient(() => tf.maximum(tf.sum(prior), 1));
  return tf.div(tf.sum(tf.mul(errors, prior)), rows);
}

/**
 * An actor's loss that is held to the prior data's actions as in TD3+BC (Fujimoto & Gu 2021):
 * loss / mean over B of |Q| + weight·cloning, the divisor a constant to the gradient. Divided so, what the actor
 * gains by its values does not outgrow the constraint as they grow. Their α is 1/weight.
 * @param loss    whose term in Q is −Q, and that a policy's entropy may be part of
 * @param q       Q(s, π(s)) `[B]` as the loss takes it
 * @param cloning `priorCloningLoss`
 */
export function constrainedActorLoss(
  loss: tf.Scalar,
  q: tf.Tensor1D,
  { weight, cloning }: { readonly weight: number; readonly cloning: tf.Scalar },
): tf.Scalar {
  const scale = withoutGradient(() => tf.mean(tf.abs(q)));
  return tf.add(tf.div(loss, scale), tf.mul(cloning, weight));
}

/**
 * α·(entropy − targetEntropy), with α = exp(logTemperature). Its derivative with respect to logTemperature is
 * itself, so no backward pass is needed.
 */
export function temperatureLoss(
  temperature: tf.Scalar,
  entropy: tf.Scalar,
  targetEntropy: number,
): tf.Scalar {
  return tf.mul(temperature, tf.sub(entropy, targetEntropy));
}

/**
 * Expectile regression of V towards Q(s, a) (Kostrikov et al. 2021, equation 5): mean over B of
 * |expectile − [u < 0]|·u², u = Q − V. Both `[B]`; no gradient in Q.
 */
export function expectileLoss(q: tf.Tensor1D, values: tf.Tensor1D, expectile: number): tf.Scalar {
  const u = tf.sub(q, values);
  // Where u is 0 the weight makes no difference.
  const weight = withoutGradient(() => tf.add(tf.mul(tf.step(u), 2 * expectile - 1), 1 - expectile));
  return tf.mean(tf.mul(weight, tf.square(u)));
}

/** Greatest weight of one action in the actor's loss, as in the reference. */
const greatestAdvantageWeight = 100;

/** exp(temperature·(Q − V)), at most 100, `[B]`: how much the actor imitates each action of the batch. */
export function advantageWeights(advantages: tf.Tensor1D, temperature: number): tf.Tensor1D {
  return tf.minimum(tf.exp(tf.mul(advantages, temperature)), greatestAdvantageWeight);
}

/** −mean over B of weight·log π(a|s) (equation 7). Both `[B]`. */
export function weightedLikelihoodLoss(weights: tf.Tensor1D, logProbability: tf.Tensor1D): tf.Scalar {
  return tf.neg(tf.mean(tf.mul(weights, logProbability)));
}
