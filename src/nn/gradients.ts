/** A loss, its gradients, and by-products of the forward pass that are wanted afterwards; and what has no gradient. */
import * as tf from '@tensorflow/tfjs-core';
import { differentiableLayer } from './fusedLayer.js';
import './gradientRules.js';

export interface Differentiated {
  readonly loss: tf.Scalar;
  /** In the order of the variables. */
  readonly gradients: readonly tf.Tensor[];
  readonly byProducts: readonly tf.Tensor[];
}

/** Runs `forward` and differentiates its loss. To be called within a tidy, which frees what comes out. */
export function differentiate(
  variables: readonly tf.Variable[],
  forward: () => { loss: tf.Scalar; byProducts: readonly tf.Tensor[] },
): Differentiated {
  let kept: tf.Tensor[] = [];
  const { value, grads } = tf.engine().gradients(
    () => {
      const { loss, byProducts } = forward();
      // Differentiating frees all that the forward pass made, except what is kept.
      kept = byProducts.map((tensor) => tf.keep(tensor));
      return loss;
    },
    [...variables],
    undefined,
    true,
  );
  const byProducts = kept.map((tensor) => {
    const handedOver = tf.clone(tensor);
    tensor.dispose();
    return handedOver;
  });
  return { loss: value, gradients: grads, byProducts };
}

/** What `compute` returns, as a constant: no gradient passes through it. */
export function withoutGradient<T extends tf.Tensor>(compute: () => T): T {
  return differentiableLayer(
    [],
    () => ({ value: compute(), saved: [] }),
    () => [],
  );
}
