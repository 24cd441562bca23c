/** Clipping whose gradient is that of the identity: y = clip(x, low, high), dx = dy (as x − sg(x) + sg(clip(x))). */
import * as tf from '@tensorflow/tfjs-core';
import { differentiableLayer } from './fusedLayer.js';

export function straightThroughClip<T extends tf.Tensor>(x: T, low: number, high: number): T {
  return differentiableLayer<T>(
    [x],
    () => ({ value: tf.clipByValue(x, low, high), saved: [] }),
    (dy) => [dy],
  );
}
