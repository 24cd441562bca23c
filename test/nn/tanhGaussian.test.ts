import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../../src/backend/select.js';
import { actionLogProbability, modeAction, sampleAction } from '../../src/nn/tanhGaussian.js';
import { Generator } from '../../src/random/generator.js';
import { assertGradients, randomTensor } from './finiteDifferences.js';

before(async () => {
  await selectBackend({ backend: 'cpu' });
});

/** The density in the textbook's form, in float64; loses precision only beyond |u| of about 15. */
function logDensity(u: number, mean: number, std: number): number {
  const normal = -0.5 * ((u - mean) / std) ** 2 - Math.log(std) - 0.5 * Math.log(2 * Math.PI);
  // 1 − tanh²u = 1/cosh²u
  return normal + 2 * Math.log(Math.cosh(u));
}

describe('tanh-Gaussian', () => {
  it('gives the log-probability of its samples, also where tanh has saturated', () => {
    for (const [mean, std, noise] of [
      [0.3, 0.5, 1.2],
      [-4, 2, -1.5],
      [12, 1, 2],
      [0, 1e-3, 0.5],
    ] as const) {
      const { action, logProbability } = sampleAction(
        { mean: tf.tensor2d([[mean]]), logStd: tf.tensor2d([[Math.log(std)]]) },
        tf.tensor2d([[noise]]),
      );
      const u = mean + std * noise;
      const expected = logDensity(u, mean, std);
      const [found = Number.NaN] = logProbability().dataSync();
      assert.ok(Math.abs(found - expected) < 1e-4 * (1 + Math.abs(expected)), `${found} and ${expected}`);
      assert.ok(Math.abs((action.dataSync()[0] ?? Number.NaN) - Math.tanh(u)) < 1e-6);
    }
  });

  it('is a density: its integral over actions is 1', () => {
    const cells = 4000;
    const actions = Float32Array.from({ length: cells }, (_, i) => -1 + (2 * (i + 0.5)) / cells);
    const parameters = { mean: tf.fill([cells, 1], 0.4), logStd: tf.fill([cells, 1], -0.5) } as {
      mean: tf.Tensor2D;
      logStd: tf.Tensor2D;
    };
    const logProbability = actionLogProbability(parameters, tf.tensor2d(actions, [cells, 1]));
    const integral = (tf.mean(tf.exp(logProbability)).dataSync()[0] ?? 0) * 2;
    assert.ok(Math.abs(integral - 1) < 1e-3, `${integral}`);
  });

  it('sums over action dimensions and acts with tanh(mean) as its mode', () => {
    const mean = tf.tensor2d([[0.5, -1]]);
    const both = sampleAction({ mean, logStd: tf.zeros([1, 2]) }, tf.tensor2d([[0.1, 0.2]]));
    const expected = logDensity(0.6, 0.5, 1) + logDensity(-0.8, -1, 1);
    assert.ok(Math.abs((both.logProbability().dataSync()[0] ?? 0) - expected) < 1e-5);
    const mode = modeAction({ mean, logStd: tf.zeros([1, 2]) }).dataSync();
    assert.ok(Math.abs((mode[1] ?? 0) - Math.tanh(-1)) < 1e-6);
  });

  it('stays finite for the data actions −1 and 1', () => {
    const edges = tf.tensor2d([[1], [-1]]);
    const values = actionLogProbability(
      { mean: tf.zeros([2, 1]), logStd: tf.zeros([2, 1]) },
      edges,
    ).dataSync();
    assert.ok(values.every(Number.isFinite));
  });

  it('has gradients that equal finite differences', () => {
    const random = new Generator(5);
    const noise = randomTensor<tf.Tensor2D>([3, 2], random);
    const inputs = {
      mean: randomTensor([3, 2], random),
      logStd: randomTensor([3, 2], random, 0.3),
    };
    assertGradients(inputs, ({ mean, logStd }) => {
      const parameters = { mean: mean as tf.Tensor2D, logStd: logStd as tf.Tensor2D };
      return sampleAction(parameters, noise).logProbability();
    });
    assertGradients(inputs, ({ mean, logStd }) => {
      const parameters = { mean: mean as tf.Tensor2D, logStd: logStd as tf.Tensor2D };
      return sampleAction(parameters, noise).action;
    });
    const actions = tf.tensor2d([0.3, -0.2, 0.9, -0.8, 0, 0.5], [3, 2]);
    assertGradients(inputs, ({ mean, logStd }) =>
      actionLogProbability({ mean: mean as tf.Tensor2D, logStd: logStd as tf.Tensor2D }, actions),
    );
  });
});
