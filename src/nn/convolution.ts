/**
 * Convolution + bias + activation: y = act(conv2d(x, filter) + bias), VALID padding, NHWC.
 * With dz = dy·act′(y): dFilter = xᵀ∗dz, dBias = Σ_{b,h,w} dz, dx = dz ∗ filterᵀ.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Activation, FusedKernel } from '../backend/fusedKernels.js';
import { activate, activationGradient } from './activation.js';
import { differentiableLayer, isFused, runFused } from './fusedLayer.js';

export interface ConvolutionOptions {
  readonly stride: number;
  readonly activation: Activation;
  /** False where x is data (the image), so that dx is never computed. */
  readonly inputGradient: boolean;
}

/**
 * @param x      `[B, H, W, C]`
 * @param filter `[kh, kw, C, O]`
 * @param bias   `[O]`
 * @returns `[B, H', W', O]`
 */
export function convolution(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  options: ConvolutionOptions,
): tf.Tensor4D {
  return differentiableLayer(
    options.inputGradient ? [filter, bias, x] : [filter, bias],
    () => {
      const value = forward(x, filter, bias, options);
      return { value, saved: [x, filter, value] };
    },
    (dy, saved) => gradient(dy, saved, options),
  );
}

function forward(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  { stride, activation }: ConvolutionOptions,
): tf.Tensor4D {
  if (isFused(FusedKernel.ConvBiasActivation)) {
    const attributes = { strideHeight: stride, strideWidth: stride, activation };
    return runFused(FusedKernel.ConvBiasActivation, { x, filter, bias }, attributes)[0] as tf.Tensor4D;
  }
  return activate(tf.add<tf.Tensor4D>(tf.conv2d(x, filter, stride, 'valid'), bias), activation);
}

/** [dFilter, dBias] or [dFilter, dBias, dx]. */
function gradient(
  dy: tf.Tensor4D,
  saved: tf.Tensor[],
  { stride, activation, inputGradient }: ConvolutionOptions,
): tf.Tensor[] {
  const [x, filter, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  if (isFused(FusedKernel.ConvBiasActivationGrad)) {
    const attributes = {
      strideHeight: stride,
      strideWidth: stride,
      activation,
      needsInputGradient: inputGradient,
    };
    return runFused(FusedKernel.ConvBiasActivationGrad, { x, filter, y, dy }, attributes);
  }
  return tf.tidy(() => {
    const dz = activationGradient(dy, y, activation);
    const window = { strides: stride, pad: 'valid', dataFormat: 'NHWC', dimRoundingMode: undefined };
    const dFilter = tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy: dz }, {
      ...window,
      filterShape: filter.shape,
    } as unknown as tf.NamedAttrMap) as tf.Tensor;
    const dBias = tf.sum(dz, [0, 1, 2]);
    if (!inputGradient) return [dFilter, dBias];
    const dx = tf.engine().runKernel(tf.Conv2DBackpropInput, { dy: dz, filter }, {
      ...window,
      inputShape: x.shape,
    } as unknown as tf.NamedAttrMap) as tf.Tensor;
    return [dFilter, dBias, dx];
  });
}
