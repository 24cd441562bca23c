/**
 * Layer norm + activation (Ba et al. 2016), each ensemble member with its own gain and offset:
 * x̂ = (x − mean)/sqrt(variance + ε), y = act(gain·x̂ + offset), over the last axis.
 * With dz = dy·act′(y), g = dz·gain: dx = inverseStd·(g − mean(g) − x̂·mean(g·x̂)).
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Activation, FusedKernel } from '../backend/fusedKernels.js';
import { activate, activationGradient } from './activation.js';
import type { Differentiate } from './dense.js';
import { differentiableLayer, isFused, runFused } from './fusedLayer.js';

/** ε of the reference networks (Flax's default). */
export const layerNormEpsilon = 1e-6;

export interface LayerNormOptions {
  readonly activation: Activation;
  readonly differentiate: Exclude<Differentiate, 'weights'>;
}

/**
 * @param x      `[E, B, D]`
 * @param gain   `[E, D]`
 * @param offset `[E, D]`
 * @returns `[E, B, D]`
 */
export function layerNorm(
  x: tf.Tensor3D,
  gain: tf.Tensor2D,
  offset: tf.Tensor2D,
  options: LayerNormOptions,
): tf.Tensor3D {
  return differentiableLayer(
    options.differentiate === 'both' ? [gain, offset, x] : [x],
    () => {
      const [value, mean, inverseStd] = forward(x, gain, offset, options.activation);
      return { value, saved: [x, gain, offset, value, mean, inverseStd] };
    },
    (dy, saved) => gradient(dy, saved, options),
  );
}

/** [y `[E, B, D]`, mean `[E, B]`, inverseStd `[E, B]`]. */
function forward(
  x: tf.Tensor3D,
  gain: tf.Tensor2D,
  offset: tf.Tensor2D,
  activation: Activation,
): [tf.Tensor3D, tf.Tensor, tf.Tensor] {
  if (isFused(FusedKernel.LayerNormActivation)) {
    const attributes = { epsilon: layerNormEpsilon, activation };
    const outputs = runFused(FusedKernel.LayerNormActivation, { x, gain, offset }, attributes);
    return outputs as [tf.Tensor3D, tf.Tensor, tf.Tensor];
  }
  const mean = tf.mean(x, -1, true);
  const centred = tf.sub(x, mean);
  const inverseStd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), layerNormEpsilon));
  const normalised = tf.mul(centred, inverseStd);
  const y = activate(
    tf.add<tf.Tensor3D>(tf.mul(normalised, tf.expandDims(gain, 1)), tf.expandDims(offset, 1)),
    activation,
  );
  return [y, tf.squeeze(mean, [-1]), tf.squeeze(inverseStd, [-1])];
}

/** [dGain, dOffset, dx] or [dx]. */
function gradient(dy: tf.Tensor3D, saved: tf.Tensor[], options: LayerNormOptions): tf.Tensor[] {
  const { activation, differentiate } = options;
  const [x, gain, offset, y, mean, inverseStd] = saved as [
    tf.Tensor3D,
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor3D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  if (isFused(FusedKernel.LayerNormActivationGrad)) {
    const inputs = { x, gain, offset, y, mean, inverseStd, dy };
    const attributes = { epsilon: layerNormEpsilon, activation };
    const [dGain, dOffset, dx] = runFused(FusedKernel.LayerNormActivationGrad, inputs, attributes) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    return differentiate === 'both' ? [dGain, dOffset, dx] : [dx];
  }
  return tf.tidy(() => {
    const dz = activationGradient(dy, y, activation);
    const spread = tf.expandDims(inverseStd, -1);
    const normalised = tf.mul(tf.sub(x, tf.expandDims(mean, -1)), spread);
    const g = tf.mul(dz, tf.expandDims(gain, 1));
    const projection = tf.mul(normalised, tf.mean(tf.mul(g, normalised), -1, true));
    const dx = tf.mul(spread, tf.sub(tf.sub(g, tf.mean(g, -1, true)), projection));
    if (differentiate === 'input') return [dx];
    return [tf.sum(tf.mul(dz, normalised), 1), tf.sum(dz, 1), dx];
  });
}
