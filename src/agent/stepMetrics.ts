/** The numbers a step reports, as its program hands them out. */
import * as tf from '@tensorflow/tfjs-core';

/** Scalars side by side, `[N]`. */
export function asVector(scalars: readonly tf.Scalar[]): tf.Tensor1D {
  return tf.concat(scalars.map((scalar) => tf.reshape(scalar, [1]))) as tf.Tensor1D;
}
