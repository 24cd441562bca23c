/** What goes wrong in the native engine arrives as a sentence with the kernel's name, and the process goes on. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel, type FusedKernelName } from '../../src/backend/fusedKernels.js';
import { createProgram } from '../../src/backend/program.js';
import { TorchBackend } from '../../src/backend/torch/torchBackend.js';
import { FrameMemory } from '../../src/replay/frameMemory.js';
import { torchOrSkip } from './engines.js';

const torch = await torchOrSkip('float32');

function run(
  kernel: FusedKernelName,
  shapes: Record<string, number[]>,
  attrs: tf.NamedAttrMap,
): tf.Tensor | tf.Tensor[] {
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, tf.ones(shape)] as const);
  return tf.engine().runKernel(kernel, Object.fromEntries(inputs), attrs) as unknown as tf.Tensor;
}

function torchBackend(): TorchBackend {
  const backend = tf.backend();
  assert.ok(backend instanceof TorchBackend);
  return backend;
}

describe('native errors', torch, () => {
  test('a tensor larger than memory is an error of its kernel, and small ones still work', () => {
    assert.throws(() => tf.fill([2 ** 22, 2 ** 22], 1), /^Error: Fill: out of memory: a tensor of \d+ MB/);
    assert.deepEqual([...tf.fill([2], 1).dataSync()], [1, 1]);
  });

  test('more outputs than a command can give are an error, and leave no tensor behind', () => {
    const x = tf.zeros([30_000, 2]);
    const before = torchBackend().memory().nativeTensors;
    assert.throws(() => tf.unstack(x), /^Error: Unpack: it has 30000 outputs/);
    assert.equal(torchBackend().memory().nativeTensors, before);
  });

  const stride = { strideHeight: 2, strideWidth: 2, activation: 'relu' };
  const linear = { activation: 'linear' };
  const norm = { epsilon: 1e-5, activation: 'relu' };
  const misfits: [FusedKernelName, Record<string, number[]>, tf.NamedAttrMap][] = [
    [FusedKernel.ConvBiasActivation, { x: [2, 9, 9, 3], filter: [3, 3, 4, 8], bias: [8] }, stride],
    [FusedKernel.ConvBiasActivation, { x: [2, 9, 9, 3], filter: [3, 3, 3, 8], bias: [7] }, stride],
    [
      FusedKernel.ConvBiasActivation,
      { x: [2, 9, 9, 3], filter: [3, 3, 3, 8], bias: [8] },
      { ...stride, strideWidth: 0 },
    ],
    [
      FusedKernel.ConvBiasActivationGrad,
      { x: [2, 9, 9, 3], filter: [3, 3, 3, 8], y: [2, 4, 4, 8], dy: [2, 3, 4, 8] },
      { ...stride, needsInputGradient: true },
    ],
    [FusedKernel.EnsembleDense, { x: [5, 3], weight: [2, 3, 4], bias: [2, 3] }, linear],
    [
      FusedKernel.EnsembleDenseGrad,
      { x: [5, 3], weight: [2, 3, 4], y: [2, 5, 4], dy: [2, 4, 4] },
      { ...linear, needsWeightGradients: true, needsInputGradient: true },
    ],
    [FusedKernel.LayerNormActivation, { x: [2, 5, 4], gain: [1, 4], offset: [2, 4] }, norm],
    [
      FusedKernel.LayerNormActivationGrad,
      {
        x: [2, 5, 4],
        gain: [2, 4],
        offset: [2, 4],
        y: [2, 5, 4],
        mean: [2, 5],
        inverseStd: [2, 5],
        dy: [2, 5, 3],
      },
      norm,
    ],
  ];
  test('shapes that do not fit together are refused before any memory is read', () => {
    for (const [kernel, shapes, attrs] of misfits)
      assert.throws(() => run(kernel, shapes, attrs), new RegExp(`^Error: ${kernel}: `), kernel);
  });

  test('an index outside its axis is refused before any memory is read', () => {
    for (const index of [-1, 3])
      assert.throws(
        () => tf.gather(tf.ones([3, 2]), tf.tensor1d([0, index], 'int32')),
        /^Error: GatherV2: index (-?\d is outside \[0, 3\)|out of range)/,
      );
  });

  test('a gather refuses shifts that are fewer than its rows', () => {
    const memory = new FrameMemory(4 * 4 * 3, 2);
    memory.write(0, new Uint8Array(4 * 4 * 3));
    const attrs = { memories: [memory], counts: [1], height: 4, width: 4, channels: 3, pad: 1 };
    const inputs = { frames: tf.zeros([3, 1], 'int32'), shifts: tf.zeros([2, 2], 'int32') };
    assert.throws(
      () => tf.engine().runKernel(FusedKernel.GatherFrames, inputs, attrs as unknown as tf.NamedAttrMap),
      /^Error: RlpdGatherFrames: shifts is of shape/,
    );
  });

  test('a frame memory that is dropped while a program replays stays until the replay is done', async () => {
    const memory = new FrameMemory(4 * 4 * 3, 1);
    memory.write(0, new Uint8Array(4 * 4 * 3).fill(255));
    const attrs = { memories: [memory], counts: [1], height: 4, width: 4, channels: 3, pad: 0 };
    const size = 600;
    const program = createProgram({
      name: 'slow start',
      inputs: { x: { shape: [size, size], dtype: 'float32' } },
      body: ({ x }) => {
        // What is gathered depends on what takes a while.
        let product = x;
        for (let i = 0; i < 20; i++) product = tf.matMul(product, x);
        const zero = tf.cast(tf.mul(tf.slice(product, [0, 0], [1, 1]), 0), 'int32');
        const inputs = { frames: zero, shifts: tf.tile(zero, [1, 2]) };
        const images = tf
          .engine()
          .runKernel(FusedKernel.GatherFrames, inputs, attrs as unknown as tf.NamedAttrMap);
        return tf.reshape(tf.sum(images as unknown as tf.Tensor), [1]);
      },
    });
    const x = new Float32Array(size * size);
    await program.run({ x });
    const replay = program.run({ x });
    const backend = torchBackend();
    backend.addon.removeFrameMemory(backend.frameMemory(memory));
    assert.deepEqual([...(await replay)], [4 * 4 * 3]);
    await assert.rejects(program.run({ x }), /RlpdGatherFrames: frame memory \d+ is not known/);
    program.dispose();
  });
});
