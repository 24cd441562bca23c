/** tfjs's own native backend, where the user's machine could install it: the GPU package first. */
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../errors.js';

/** The GPU package computes on the CPU where it finds no CUDA device; `device` says which. */
export async function registerTensorflow(): Promise<{ device: 'cpu' | 'cuda'; module: string }> {
  restoreUtilFunctions();
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

/** tfjs-node calls two functions of `node:util` that Node 23 dropped. */
function restoreUtilFunctions(): void {
  const functions = util as unknown as Record<string, unknown>;
  functions.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  functions.isArray ??= Array.isArray;
}
