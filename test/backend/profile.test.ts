import assert from 'node:assert/strict';
import test from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { kernelTotals, processorPeak, profileKernels } from '../../src/backend/torch/profile.js';
import { torchOrSkip, use } from './engines.js';

const torch = await torchOrSkip('float32');

test('a profile counts calls, arithmetic and bytes of a product, whatever its shape', torch, async () => {
  await use('torch');
  const left = tf.ones([3, 4]);
  const right = tf.ones([5, 4]);
  const calls = await profileKernels(async () => {
    await tf.matMul(left, right, false, true).data();
    await tf.matMul(left, right, false, true).data();
  });
  const product = kernelTotals(calls).find(({ kernel }) => kernel === 'BatchMatMul');
  assert.equal(product?.factors, '3×4 · 5×4');
  assert.equal(product?.calls, 2);
  assert.equal(product?.flops, 2 * (2 * 3 * 5 * 4));
  assert.equal(product?.bytes, 2 * 4 * (3 * 4 + 5 * 4 + 3 * 5));
  assert.ok((product?.milliseconds ?? 0) > 0);
});

test('calls of one kernel on factors of other shapes are told apart', torch, async () => {
  await use('torch');
  const [wide, narrow] = [tf.ones([2, 8]), tf.ones([8, 2])];
  const calls = await profileKernels(async () => {
    await tf.matMul(wide, narrow).data();
    await tf.matMul(narrow, wide).data();
  });
  const products = kernelTotals(calls).filter(({ kernel }) => kernel === 'BatchMatMul');
  assert.deepEqual(products.map(({ factors, calls }) => [factors, calls]).sort(), [
    ['2×8 · 8×2', 1],
    ['8×2 · 2×8', 1],
  ]);
});

test(
  'the peak of the processor is a rate, or null where the engine has no instructions for it',
  torch,
  async () => {
    await use('torch');
    const { float32, bfloat16, bandwidth } = processorPeak();
    for (const rate of [float32, bfloat16, bandwidth]) assert.ok(rate === null || rate > 1e8, `${rate}`);
  },
);
