/**
 * The policy's distribution: a = tanh(u), u ~ N(mean, std²), each action dimension by itself (SAC, appendix C).
 * log π(a) = Σ log N(u) − Σ log(1 − tanh²u), with log(1 − tanh²u) = 2(log 2 − u − softplus(−2u)), which stays
 * exact where tanh has saturated.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface GaussianParameters {
  /** `[B, A]`, before the tanh. */
  readonly mean: tf.Tensor2D;
  /** `[B, A]`, clipped. */
  readonly logStd: tf.Tensor2D;
}

/** Bounds of log std, as in the reference. */
export const logStdBounds = [-20, 2] as const;

/** A data action is drawn in by this much before atanh, which is infinite at ±1. */
const actionMargin = 1e-6;

export interface PolicySample {
  /** `[B, A]`. */
  readonly action: tf.Tensor2D;
  /** log π(action) `[B]`, computed when asked for. */
  readonly logProbability: () => tf.Tensor1D;
}

/** A reparameterised sample from standard normal `noise` `[B, A]`; with no noise, the mode. */
export function sampleAction({ mean, logStd }: GaussianParameters, noise: tf.Tensor2D): PolicySample {
  const u = tf.add(mean, tf.mul(tf.exp(logStd), noise)) as tf.Tensor2D;
  return { action: tf.tanh(u), logProbability: () => logProbabilityOf(u, noise, logStd) };
}

/** The distribution's mode in the sense of the reference: tanh(mean). */
export function modeAction({ mean }: GaussianParameters): tf.Tensor2D {
  return tf.tanh(mean);
}

/** log π(action) `[B]` of given actions `[B, A]`. */
export function actionLogProbability({ mean, logStd }: GaussianParameters, action: tf.Tensor2D): tf.Tensor1D {
  const u = tf.atanh(tf.clipByValue(action, -1 + actionMargin, 1 - actionMargin)) as tf.Tensor2D;
  const standardised = tf.div(tf.sub(u, mean), tf.exp(logStd)) as tf.Tensor2D;
  return logProbabilityOf(u, standardised, logStd);
}

/** From u and its standardised form ε = (u − mean)/std. */
function logProbabilityOf(u: tf.Tensor2D, standardised: tf.Tensor2D, logStd: tf.Tensor2D): tf.Tensor1D {
  const gaussian = tf.sub(tf.mul(tf.square(standardised), -0.5), tf.add(logStd, 0.5 * Math.log(2 * Math.PI)));
  const jacobian = tf.mul(tf.sub(tf.sub(Math.LN2, u), tf.softplus(tf.mul(u, -2))), 2);
  return tf.sum(tf.sub(gaussian, jacobian), 1);
}
