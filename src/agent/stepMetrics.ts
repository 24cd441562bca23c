/** The numbers a step reports, as its program hands them out. */
import * as tf from '@tensorflow/tfjs-core';
import type { UpdateMetrics } from './learner.js';

/** Scalars side by side, `[N]`. */
export function asVector(scalars: readonly tf.Scalar[]): tf.Tensor1D {
  return tf.concat(scalars.map((scalar) => tf.reshape(scalar, [1]))) as tf.Tensor1D;
}

/**
 * Adds the numbers of one of an update's steps to the update's means. What a step did not report becomes NaN.
 * @param names what `values` begins with, in order
 * @param steps steps of the update
 */
export function addToMeans(
  means: UpdateMetrics,
  names: readonly string[],
  values: Float32Array,
  steps: number,
): void {
  names.forEach((name, i) => {
    means[name] = (means[name] ?? 0) + (values[i] ?? Number.NaN) / steps;
  });
}
