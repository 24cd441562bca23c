/** tfjs's own native backend, where the user's machine could install it: the GPU package first. */
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../errors.js';

/** The GPU package computes on the CPU where it finds no CUDA device; `device` says which. */
export async function registerTensorflow(): Promise<{ device: 'cpu' | 'cuda'; module: string }> {
  for (const module of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      await import(module);
    } catch {
      // Not installed, or its libtensorflow is missing: the next one.
      continue;
    }
    const backend = tf.findBackend('tensorflow') as { readonly isUsingGpuDevice?: boolean } | null;
    return { device: backend?.isUsingGpuDevice === true ? 'cuda' : 'cpu', module };
  }
  throw new InputError(
    'The tensorflow backend is not installed: "npm install @tensorflow/tfjs-node" (or -node-gpu) downloads it where the network allows.',
  );
}
