/**
 * The losses, as functions of tensors. B is the minibatch, E the ensemble, Z the target's subset.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface TargetInputs {
  /** `[B]`. */
  readonly rewards: tf.Tensor1D;
  /** `[B]`: γ to the power of the steps between s and s', and 0 where the task ended on the way. */
  readonly discounts: tf.Tensor1D;
  /** Q'_i(s', a') `[Z, B]` of the target critic's chosen members. */
  readonly nextValues: tf.Tensor2D;
  /** Present with entropy backup: α `[]` and log π(a'|s') `[B]`. */
  readonly entropy?: { readonly temperature: tf.Scalar; readonly logProbability: tf.Tensor1D } | undefined;
}

/** y = r + discount·(min_{i∈Z} Q'_i(s', a') − α log π(a'|s')), the last term with entropy backup only. `[B]`. */
export function temporalDifferenceTarget(inputs: TargetInputs): tf.Tensor1D {
  const { rewards, discounts, nextValues, entropy } = inputs;
  let next: tf.Tensor1D = nextValues.shape[0] === 1 ? tf.squeeze(nextValues, [0]) : tf.min(nextValues, 0);
  if (entropy !== undefined) next = tf.sub(next, tf.mul(entropy.temperature, entropy.logProbability));
  return tf.add(rewards, tf.mul(discounts, next));
}

/** Mean over E and B of (Q_i(s, a) − y)². values `[E, B]`, target `[B]`. */
export function criticLoss(values: tf.Tensor2D, target: tf.Tensor1D): tf.Scalar {
  return tf.mean(tf.square(tf.sub(values, target)));
}

/** Mean over B of α log π(a|s) − mean_i Q_i(s, a), the mean over all E critics. */
export function actorLoss(
  temperature: tf.Scalar,
  logProbability: tf.Tensor1D,
  values: tf.Tensor2D,
): tf.Scalar {
  return tf.sub(tf.mul(temperature, tf.mean(logProbability)), tf.mean(values));
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
