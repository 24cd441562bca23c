import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../../src/backend/select.js';
import { convolution } from '../../src/nn/convolution.js';
import { ensembleDense } from '../../src/nn/dense.js';
import { drawDropoutMask, dropout } from '../../src/nn/dropout.js';
import { layerNorm } from '../../src/nn/layerNorm.js';
import { applyHiddenLayers } from '../../src/nn/mlp.js';
import { applyTrunk } from '../../src/nn/trunk.js';
import { Generator } from '../../src/random/generator.js';
import { assertGradients, randomTensor } from './finiteDifferences.js';

const random = new Generator(3);

before(async () => {
  await selectBackend({ backend: 'cpu' });
});

describe('gradients equal finite differences', () => {
  for (const activation of ['linear', 'tanh', 'relu'] as const) {
    it(`convolution, ${activation}`, () => {
      assertGradients(
        {
          x: randomTensor([2, 6, 5, 2], random),
          filter: randomTensor([3, 3, 2, 3], random, 0.2),
          // Far enough from zero that no unit crosses ReLU's kink: some always on, some always off.
          bias: tf.tensor1d(activation === 'relu' ? [9, -9, 8] : [0.1, -0.2, 0.3]),
        },
        ({ x, filter, bias }) =>
          convolution(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D, {
            stride: 2,
            activation,
            inputGradient: true,
          }),
      );
    });
  }

  for (const shared of [true, false]) {
    it(`ensemble dense, input ${shared ? 'shared by the members' : 'of each member'}`, () => {
      assertGradients(
        {
          x: randomTensor(shared ? [4, 3] : [2, 4, 3], random),
          weight: randomTensor([2, 3, 5], random, 0.5),
          bias: randomTensor([2, 5], random),
        },
        ({ x, weight, bias }) =>
          ensembleDense(x as tf.Tensor3D, weight as tf.Tensor3D, bias as tf.Tensor2D, {
            activation: 'tanh',
            differentiate: 'both',
          }),
      );
    });
  }

  it('ensemble dense with respect to its input alone, its weights alone', () => {
    const x = randomTensor<tf.Tensor2D>([4, 3], random);
    const weight = randomTensor<tf.Tensor3D>([2, 3, 5], random, 0.5);
    const bias = randomTensor<tf.Tensor2D>([2, 5], random);
    assertGradients({ x }, (v) =>
      ensembleDense(v.x as tf.Tensor2D, weight, bias, { activation: 'tanh', differentiate: 'input' }),
    );
    assertGradients({ weight, bias }, (v) =>
      ensembleDense(x, v.weight as tf.Tensor3D, v.bias as tf.Tensor2D, {
        activation: 'tanh',
        differentiate: 'weights',
      }),
    );
  });

  it('layer norm, each member with its own gain and offset', () => {
    assertGradients(
      {
        x: randomTensor([2, 3, 5], random),
        gain: randomTensor([2, 5], random),
        offset: randomTensor([2, 5], random),
      },
      ({ x, gain, offset }) =>
        layerNorm(x as tf.Tensor3D, gain as tf.Tensor2D, offset as tf.Tensor2D, {
          activation: 'tanh',
          differentiate: 'both',
        }),
    );
  });

  it('trunk', () => {
    assertGradients(
      {
        features: randomTensor([3, 4], random),
        weight: randomTensor([1, 4, 5], random),
        bias: randomTensor([1, 5], random),
        gain: randomTensor([1, 5], random),
        offset: randomTensor([1, 5], random),
      },
      ({ features, weight, bias, gain, offset }) =>
        applyTrunk(
          {
            weight: weight as tf.Tensor3D,
            bias: bias as tf.Tensor2D,
            gain: gain as tf.Tensor2D,
            offset: offset as tf.Tensor2D,
          },
          features as tf.Tensor2D,
          'both',
        ),
    );
  });

  it('a hidden layer with dropout', () => {
    const mask = tf.tensor3d(drawDropoutMask(random, new Float32Array(2 * 3 * 4), 0.5), [2, 3, 4]);
    assertGradients(
      {
        x: randomTensor([3, 2], random, 0.1),
        weight: randomTensor([2, 2, 4], random, 0.1),
        bias: tf.fill([2, 4], 3),
      },
      ({ x, weight, bias }) =>
        applyHiddenLayers(
          [{ weight: weight as tf.Tensor3D, bias: bias as tf.Tensor2D, norm: undefined }],
          x as tf.Tensor2D,
          { differentiate: 'both', dropoutMasks: [mask] },
        ),
    );
  });
});

describe('forward passes', () => {
  it('layer norm makes mean 0 and variance 1 with gain 1 and offset 0', () => {
    const x = randomTensor<tf.Tensor3D>([1, 4, 64], random, 7);
    const y = layerNorm(x, tf.ones([1, 64]), tf.zeros([1, 64]), {
      activation: 'linear',
      differentiate: 'both',
    });
    const { mean, variance } = tf.moments(y, -1);
    for (const value of mean.dataSync()) assert.ok(Math.abs(value) < 1e-5);
    for (const value of variance.dataSync()) assert.ok(Math.abs(value - 1) < 1e-4);
  });

  it('the members of an ensemble do not mix', () => {
    const weight = tf.tensor3d([1, 2, 3, 4], [2, 2, 1]);
    const y = ensembleDense(tf.tensor2d([[10, 100]]), weight, tf.tensor2d([[0.5], [0]]), {
      activation: 'linear',
      differentiate: 'both',
    });
    assert.deepEqual([...y.dataSync()], [210.5, 430]);
  });

  it('dropout zeroes its share of the units and scales the rest to the same mean', () => {
    const mask = drawDropoutMask(new Generator(1), new Float32Array(20_000), 0.3);
    const zeros = mask.filter((value) => value === 0).length / mask.length;
    assert.ok(Math.abs(zeros - 0.3) < 0.02, `${zeros}`);
    for (const value of mask) assert.ok(value === 0 || Math.abs(value - 1 / 0.7) < 1e-6);
    const dropped = dropout(tf.fill([1, 1, 2], 7), tf.tensor3d([0, 2], [1, 1, 2]));
    assert.deepEqual([...dropped.dataSync()], [0, 14]);
  });
});
