/** tfjs's own native backend, where the user's machine could install it: the GPU package first. */
import { InputError } from '../../errors.js';

export async function registerTensorflow(): Promise<{ device: 'cpu' | 'cuda'; module: string }> {
  const candidates = [
    { module: '@tensorflow/tfjs-node-gpu', device: 'cuda' },
    { module: '@tensorflow/tfjs-node', device: 'cpu' },
  ] as const;
  for (const { module, device } of candidates) {
    try {
      await import(module);
      return { device, module };
    } catch {
      // Not installed, or its libtensorflow is missing: the next one.
    }
  }
  throw new InputError(
    'The tensorflow backend is not installed: "npm install @tensorflow/tfjs-node" (or -node-gpu) downloads it where the network allows.',
  );
}
