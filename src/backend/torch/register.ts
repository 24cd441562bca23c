/** Registers the torch backend and all its kernels with tfjs. */
import type { NamedAttrMap } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { type Accelerator, loadAddon } from './addon.js';
import type { TorchKernel } from './kernel.js';
import { convolution } from './kernels/convolution.js';
import { elementwise } from './kernels/elementwise.js';
import { fused } from './kernels/fused.js';
import { matmul } from './kernels/matmul.js';
import { reductions } from './kernels/reduction.js';
import { shape } from './kernels/shape.js';
import { TorchBackend, type TorchSettings } from './torchBackend.js';

const families = [elementwise, reductions, matmul, convolution, shape, fused];

/**
 * Loads the native engine and makes it known to tfjs as `torch`.
 * @throws Error with one sentence when the native engine cannot be had.
 */
export function registerTorch(settingsFor: (accelerator: Accelerator) => TorchSettings): {
  backend: TorchBackend;
  accelerator: Accelerator;
  libtorch: string;
} {
  const { addon, libtorch } = loadAddon();
  const accelerator = addon.accelerator();
  const backend = new TorchBackend(addon, settingsFor(accelerator));
  for (const family of families) {
    for (const [kernelName, kernel] of Object.entries(family)) registerKernel(kernelName, kernel, backend);
  }
  tf.registerBackend('torch', () => backend, 0);
  return { backend, accelerator, libtorch };
}

function registerKernel(kernelName: string, kernel: TorchKernel, backend: TorchBackend): void {
  const numbers = new Map<string, number>();
  const native = (name: string, inputs: readonly tf.TensorInfo[], attributes: readonly number[] = []) => {
    let number = numbers.get(name);
    if (number === undefined) {
      number = backend.kernelNumber(name);
      numbers.set(name, number);
    }
    return backend.execute(number, inputs, attributes);
  };
  const noAttributes: NamedAttrMap = {};
  tf.registerKernel({
    kernelName,
    backendName: 'torch',
    kernelFunc: ({ inputs, attrs }) => kernel({ inputs, attrs: attrs ?? noAttributes, backend, native }),
  });
}
