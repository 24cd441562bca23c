/**
 * Dense + bias + activation for E networks at once: y_e = act(x_e·W_e + b_e). A plain layer is E = 1.
 * With dz = dy·act′(y): dW = xᵀ·dz, db = Σ_b dz, dx = dz·Wᵀ (summed over the members that share x).
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Activation, FusedKernel } from '../backend/fusedKernels.js';
import { activate, activationGradient } from './activation.js';
import { differentiableLayer, isFused, runFused } from './fusedLayer.js';

/** What a backward pass is for: the layer's own weights, its input, or both. */
export type Differentiate = 'weights' | 'input' | 'both';

export interface DenseOptions {
  readonly activation: Activation;
  readonly differentiate: Differentiate;
}

/**
 * @param x      `[B, I]`, shared by all members, or `[E, B, I]`
 * @param weight `[E, I, O]`
 * @param bias   `[E, O]`
 * @returns `[E, B, O]`
 */
export function ensembleDense(
  x: tf.Tensor2D | tf.Tensor3D,
  weight: tf.Tensor3D,
  bias: tf.Tensor2D,
  options: DenseOptions,
): tf.Tensor3D {
  const inputs = { weights: [weight, bias], input: [x], both: [weight, bias, x] };
  return differentiableLayer(
    inputs[options.differentiate],
    () => {
      const value = forward(x, weight, bias, options.activation);
      return { value, saved: [x, weight, value] };
    },
    (dy, saved) => gradient(dy, saved, options),
  );
}

function forward(x: tf.Tensor, weight: tf.Tensor3D, bias: tf.Tensor2D, activation: Activation): tf.Tensor3D {
  if (isFused(FusedKernel.EnsembleDense)) {
    return runFused(FusedKernel.EnsembleDense, { x, weight, bias }, { activation })[0] as tf.Tensor3D;
  }
  const batched = x.rank === 2 ? tf.expandDims(x, 0) : x;
  return activate(tf.add<tf.Tensor3D>(tf.matMul(batched, weight), tf.expandDims(bias, 1)), activation);
}

/** [dWeight, dBias], [dx], or [dWeight, dBias, dx]: in the order the forward pass took its inputs. */
function gradient(dy: tf.Tensor3D, saved: tf.Tensor[], options: DenseOptions): tf.Tensor[] {
  const { activation, differentiate } = options;
  const [x, weight, y] = saved as [tf.Tensor, tf.Tensor3D, tf.Tensor3D];
  if (isFused(FusedKernel.EnsembleDenseGrad)) {
    const attributes = {
      activation,
      needsWeightGradients: differentiate !== 'input',
      needsInputGradient: differentiate !== 'weights',
    };
    return runFused(FusedKernel.EnsembleDenseGrad, { x, weight, y, dy }, attributes);
  }
  return tf.tidy(() => {
    const dz = activationGradient(dy, y, activation);
    const gradients: tf.Tensor[] = [];
    if (differentiate !== 'input') {
      const batched = x.rank === 2 ? tf.expandDims(x, 0) : x;
      gradients.push(tf.matMul(batched, dz, true, false), tf.sum(dz, 1));
    }
    if (differentiate !== 'weights') {
      const dx = tf.matMul(dz, weight, false, true);
      gradients.push(x.rank === 2 ? tf.sum(dx, 0) : dx);
    }
    return gradients;
  });
}
