/**
 * How a layer meets the backend: its forward pass and its hand-written gradient, each a fused kernel where the
 * backend in use has one.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type FusedKernelName, hasFusedKernel } from '../backend/fusedKernels.js';

/** Whether the backend in use has this fused kernel. */
export function isFused(name: FusedKernelName): boolean {
  return hasFusedKernel(name, tf.getBackend());
}

/** Runs a fused kernel; its outputs as a list. */
export function runFused(
  name: FusedKernelName,
  inputs: tf.NamedTensorMap,
  attributes: tf.NamedAttrMap,
): tf.Tensor[] {
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attributes);
  return Array.isArray(outputs) ? outputs : [outputs];
}

/**
 * Makes one node of the gradient's tape.
 * @param inputs   the tensors to differentiate with respect to
 * @param forward  computes the output, and names what the gradient needs
 * @param gradient from dL/dy and the saved tensors to dL/dinput, in the order of `inputs`
 */
export function differentiableLayer<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: () => { value: T; saved: tf.Tensor[] },
  gradient: (dy: T, saved: tf.Tensor[]) => tf.Tensor[],
): T {
  const node = tf.customGrad<T>((...args) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const { value, saved } = forward();
    save(saved);
    return { value, gradFunc: gradient };
  });
  return node(...inputs);
}
