/**
 * Inverted dropout (Srivastava et al. 2014): y = x·mask, mask = 0 with probability p, else 1/(1 − p). The mask is
 * drawn outside and handed in, so that an update stays a fixed sequence of kernels.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Generator } from '../random/generator.js';

/** @param mask of x's shape, as `drawDropoutMask` fills it. */
export function dropout(x: tf.Tensor3D, mask: tf.Tensor3D): tf.Tensor3D {
  return tf.mul(x, mask);
}

/** Fills `mask` and returns it. `rate` is the probability of a zero, in [0, 1). */
export function drawDropoutMask(random: Generator, mask: Float32Array, rate: number): Float32Array {
  const threshold = rate * 4294967296;
  const kept = 1 / (1 - rate);
  for (let i = 0; i < mask.length; i++) mask[i] = random.bits32() < threshold ? 0 : kept;
  return mask;
}
