/** The activations that follow a layer, and their derivative, which the output alone gives. */
import * as tf from '@tensorflow/tfjs-core';
import type { Activation } from '../backend/fusedKernels.js';

export function activate<T extends tf.Tensor>(x: T, activation: Activation): T {
  if (activation === 'relu') return tf.relu(x);
  return activation === 'tanh' ? tf.tanh(x) : x;
}

/** dL/dx from dL/dy and y = activation(x): relu′ = [y > 0], tanh′ = 1 − y². */
export function activationGradient(dy: tf.Tensor, y: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'relu') return tf.mul(dy, tf.step(y));
  return activation === 'tanh' ? tf.mul(dy, tf.sub(1, tf.square(y))) : dy;
}
