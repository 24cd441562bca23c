/** tfjs's WebAssembly backend (SIMD), with the kernels it lacks and an update needs supplied by composition. */
import type { Conv2DBackpropFilterAttrs } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

/** Loads the backend; returns its number of threads. */
export async function registerWasm(): Promise<number> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  if (tf.getKernel('Conv2DBackpropFilter', 'wasm') === undefined) {
    supplyFilterGradient();
    castToTruth();
  }
  await tf.setBackend('wasm');
  return wasm.getThreadsCount();
}

function supplyFilterGradient(): void {
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) =>
      filterGradient(
        inputs.x as tf.Tensor4D,
        inputs.dy as tf.Tensor4D,
        attrs as unknown as Conv2DBackpropFilterAttrs,
      ),
  });
}

/** The backend's own cast to bool cuts fractions off first, so that 0.5 comes out false. */
function castToTruth(): void {
  const { kernelFunc } = tf.getKernel('Cast', 'wasm');
  tf.unregisterKernel('Cast', 'wasm');
  tf.registerKernel({
    kernelName: 'Cast',
    backendName: 'wasm',
    kernelFunc: (call) =>
      call.attrs?.dtype === 'bool' && call.inputs.x?.dtype !== 'bool'
        ? tf.tidy(() => tf.notEqual(call.inputs.x as tf.Tensor, tf.zerosLike(call.inputs.x as tf.Tensor)))
        : kernelFunc(call),
  });
}

/**
 * dFilter[i, j, c, o] = Σ_{b,y,x} input[b, y·stride + i, x·stride + j, c] · dy[b, y, x, o]: a convolution of the
 * input with dy as its filter, batch and channels swapped, the stride turned into a dilation.
 */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, attrs: Conv2DBackpropFilterAttrs): tf.Tensor4D {
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    attrs.filterShape,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const { top, bottom, left, right } = info.padInfo;
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const all = tf.conv2d(
      tf.transpose(padded, [3, 1, 2, 0]) as tf.Tensor4D,
      tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D,
      1,
      'valid',
      'NHWC',
      [info.strideHeight, info.strideWidth],
    );
    // Rows of the input that no stride reaches give the extra places at the end.
    const [height, width] = attrs.filterShape;
    const kept = tf.slice(all, [0, 0, 0, 0], [x.shape[3], height, width, dy.shape[3]]);
    return tf.transpose(kept, [1, 2, 0, 3]) as tf.Tensor4D;
  });
}
