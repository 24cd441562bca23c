/**
 * The torch backend in bf16: the fused layers against the same formulas in float32 on the plain-JavaScript backend,
 * to the 8 bits that bf16 keeps, and a chain of layers whose activations stay in bf16.
 */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../../src/backend/fusedKernels.js';
import { assertClose, compute, normals, torchOrSkip, use } from './engines.js';

const torch = await torchOrSkip('bfloat16');

const tensor = (seed: number, ...shape: number[]) => tf.tensor(normals(shape, seed), shape);
const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor[] => {
  const outputs = tf.engine().runKernel(kernel, inputs, attrs) as unknown as tf.Tensor | tf.Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
};
const first = (outputs: tf.Tensor[]): tf.Tensor => {
  assert.ok(outputs[0]);
  return outputs[0];
};
/** Of the greatest value: products round to 2⁻⁹ and sums of them are float32. */
const tolerance = 0.02;

describe('fused layers in bf16', torch, () => {
  // 27 numbers a window row: an odd run. 96: an even one. An odd number of images, few and many.
  for (const [channels, outputs, side, images] of [
    [9, 32, 12, 3],
    [32, 70, 9, 3],
    [4, 5, 7, 3],
    [9, 2, 48, 33],
  ] as const) {
    const attrs = { strideHeight: 2, strideWidth: 2, activation: 'relu', needsInputGradient: true };
    const inputs = () => ({
      x: tensor(1, images, side, side, channels) as tf.Tensor4D,
      filter: tensor(2, 3, 3, channels, outputs) as tf.Tensor4D,
      bias: tensor(3, outputs),
    });

    test(`a convolution of ${images} images, ${channels} channels to ${outputs}, is the composed one`, async () => {
      const fused = await compute(
        'torch',
        () => run(FusedKernel.ConvBiasActivation, inputs(), attrs),
        'bfloat16',
      );
      const composed = await compute('cpu', () => {
        const { x, filter, bias } = inputs();
        return tf.relu(tf.add(tf.conv2d(x, filter, 2, 'valid'), bias));
      });
      assertClose(fused, composed, tolerance);
    });

    test(`its gradients are the composed ones`, async () => {
      const out = Math.floor((side - 3) / 2) + 1;
      const dy = () => tensor(4, images, out, out, outputs);
      const linear = { ...attrs, activation: 'linear' };
      const fused = await compute(
        'torch',
        () => {
          const { x, filter } = inputs();
          return run(FusedKernel.ConvBiasActivationGrad, { x, filter, y: dy(), dy: dy() }, linear);
        },
        'bfloat16',
      );
      const composed = await compute('cpu', () => {
        const { x, filter } = inputs();
        const window = { strides: 2, pad: 'valid', dataFormat: 'NHWC' };
        return [
          ...run('Conv2DBackpropFilter', { x, dy: dy() }, { ...window, filterShape: filter.shape }),
          tf.sum(dy(), [0, 1, 2]),
          ...run('Conv2DBackpropInput', { dy: dy(), filter }, { ...window, inputShape: x.shape }),
        ];
      });
      assertClose(fused, composed, tolerance);
    });
  }

  // A wide layer computes in bf16, two rows or columns at a time, so odd numbers of them are tried; one of a few
  // outputs keeps every digit. x is shared by the members or each has its own.
  for (const [rows, inputs, outputs, shared, within] of [
    [40, 23, 40, true, tolerance],
    [131, 70, 41, false, tolerance],
    [49, 64, 130, false, tolerance],
    [1, 97, 33, true, tolerance],
    [40, 23, 3, true, 1e-6],
  ] as const) {
    test(`a dense layer of ${inputs} inputs to ${outputs}, ${rows} rows ${shared ? 'shared' : 'each'}, and its gradients are the composed ones`, async () => {
      const make = () => ({
        x: shared ? tensor(1, rows, inputs) : tensor(1, 3, rows, inputs),
        weight: tensor(2, 3, inputs, outputs),
        bias: tensor(3, 3, outputs),
      });
      const dy = () => tensor(4, 3, rows, outputs);
      const attrs = { activation: 'linear', needsWeightGradients: true, needsInputGradient: true };
      const fused = await compute(
        'torch',
        () => {
          const { x, weight, bias } = make();
          const y = first(run(FusedKernel.EnsembleDense, { x, weight, bias }, attrs));
          return [y, ...run(FusedKernel.EnsembleDenseGrad, { x, weight, y, dy: dy() }, attrs)];
        },
        'bfloat16',
      );
      const composed = await compute('cpu', () => {
        const { x, weight, bias } = make();
        const each = shared ? tf.tile(tf.expandDims(x, 0), [3, 1, 1]) : x;
        const dx = tf.matMul(dy(), weight, false, true);
        return [
          tf.add(tf.matMul(each, weight), tf.expandDims(bias, 1)),
          tf.matMul(each, dy(), true),
          tf.sum(dy(), 1),
          shared ? tf.sum(dx, 0) : dx,
        ];
      });
      assertClose(fused, composed, within);
    });
  }

  test('what stays in bf16 between layers is float32 to everything else', async () => {
    await use('torch', 'bfloat16');
    tf.tidy(() => {
      const y = first(
        run(
          FusedKernel.EnsembleDense,
          { x: tensor(1, 8, 4), weight: tensor(2, 1, 4, 40), bias: tensor(3, 1, 40) },
          { activation: 'relu' },
        ),
      );
      assert.equal(y.dtype, 'float32');
      const values = y.dataSync();
      assert.ok(values instanceof Float32Array);
      const bits = new Uint32Array(values.buffer);
      assert.ok(
        bits.every((word) => (word & 0xffff) === 0),
        'the layer computed in bf16',
      );
      assert.deepEqual(
        [...tf.mul(y, 2).dataSync()],
        [...values].map((value) => 2 * value),
      );
    });
  });

  test('a NaN stays one, whatever its bits', async () => {
    await use('torch', 'bfloat16');
    const nans = new Float32Array(Uint32Array.of(0x7fffffff, 0xffffffff, 0x7f800001).buffer);
    const y = first(
      run(
        FusedKernel.LayerNormActivation,
        { x: tensor(1, 1, 2, 3), gain: tf.ones([1, 3]), offset: tf.tensor(nans, [1, 3]) },
        { epsilon: 1e-5, activation: 'linear' },
      ),
    );
    assert.ok([...y.dataSync()].every(Number.isNaN));
  });
});
