/**
 * A policy whose spread does not depend on what it sees: a ~ N(mode, std²), each action dimension by itself, with
 * mode = tanh(Dense(hidden layers)) and one learnt std a dimension; what is drawn is clipped to [−1, 1]. The
 * likelihood is the Gaussian's own, so that an action at ±1, which a tanh-Gaussian puts far out, weighs like any
 * other (Kostrikov et al. 2021, the policy of their code).
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Differentiate } from './dense.js';
import {
  applyDeterministicPolicy,
  createDeterministicPolicy,
  type DeterministicPolicy,
} from './deterministicPolicy.js';
import type { PolicyShape } from './gaussianPolicy.js';
import type { ParameterGroup } from './parameters.js';

/** Bounds of log std, as in the reference. */
export const clippedLogStdBounds = [-5, 2] as const;

/** Its mode is the deterministic policy. */
export interface ClippedGaussianPolicy extends DeterministicPolicy {
  /** `[A]`. */
  readonly logStd: tf.Tensor1D;
}

export interface ClippedGaussian {
  /** `[B, A]`, in [−1, 1]. */
  readonly mode: tf.Tensor2D;
  /** `[A]`, clipped. */
  readonly logStd: tf.Tensor1D;
}

export function createClippedGaussianPolicy(
  group: ParameterGroup,
  prefix: string,
  shape: PolicyShape,
): ClippedGaussianPolicy {
  const mode = createDeterministicPolicy(group, prefix, shape);
  return { ...mode, logStd: group.constant<tf.Rank.R1>(`${prefix}/logStd`, [shape.actionSize], 0) };
}

/** features `[B, I]` → the distribution; `weights` stops the gradient at the features. */
export function applyClippedGaussianPolicy(
  policy: ClippedGaussianPolicy,
  features: tf.Tensor2D,
  differentiate: Exclude<Differentiate, 'input'>,
): ClippedGaussian {
  return {
    mode: applyDeterministicPolicy(policy, features, differentiate),
    logStd: tf.clipByValue(policy.logStd, ...clippedLogStdBounds),
  };
}

/** Actions `[B, A]` from standard normal `noise` `[B, A]`; with no noise, the mode. Not differentiable. */
export function clippedSample({ mode, logStd }: ClippedGaussian, noise: tf.Tensor2D): tf.Tensor2D {
  return tf.clipByValue(tf.add(mode, tf.mul(tf.exp(logStd), noise)), -1, 1);
}

/** log N(action) `[B]` = Σ −½((a − mode)/std)² − log std − ½ log 2π, of given actions `[B, A]`. */
export function clippedLogProbability({ mode, logStd }: ClippedGaussian, action: tf.Tensor2D): tf.Tensor1D {
  const standardised = tf.div(tf.sub(action, mode), tf.exp(logStd));
  const normaliser = tf.add(logStd, 0.5 * Math.log(2 * Math.PI));
  return tf.sum(tf.sub(tf.mul(tf.square(standardised), -0.5), normaliser), 1);
}
