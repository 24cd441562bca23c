import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../../src/backend/select.js';
import { Adam } from '../../src/nn/adam.js';
import { updateEma } from '../../src/nn/ema.js';
import { type Initialiser, initialise } from '../../src/nn/initialisers.js';
import { ParameterGroup } from '../../src/nn/parameters.js';
import { Generator } from '../../src/random/generator.js';

before(async () => {
  await selectBackend({ backend: 'cpu' });
});

function group(name = 'group'): ParameterGroup {
  const parameters = new ParameterGroup(name, new Generator(1));
  parameters.weight('weight', [2, 3], 'xavierUniform');
  parameters.constant('bias', [3], 0.5);
  return parameters;
}

describe('Adam', () => {
  it('follows the published formula, and decays matrices but not biases', () => {
    const parameters = group();
    const adam = new Adam(parameters.parameters, { learningRate: 0.01, weightDecay: 0.1 });
    const [weight, bias] = parameters.variables as [tf.Variable, tf.Variable];
    let [w, mw, vw] = [weight.dataSync()[0] ?? 0, 0, 0];
    let [b, mb, vb] = [0.5, 0, 0];
    for (let t = 1; t <= 5; t++) {
      const g = Math.sin(t);
      adam.apply([tf.fill([2, 3], g), tf.fill([3], g)], tf.scalar(t, 'int32'));
      const step = (m: number, v: number) =>
        (0.01 * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8);
      [mw, vw] = [0.9 * mw + 0.1 * g, 0.999 * vw + 0.001 * g * g];
      [mb, vb] = [0.9 * mb + 0.1 * g, 0.999 * vb + 0.001 * g * g];
      w = w - 0.01 * 0.1 * w - step(mw, vw);
      b -= step(mb, vb);
    }
    assert.ok(Math.abs((weight.dataSync()[0] ?? 0) - w) < 1e-5);
    assert.ok(Math.abs((bias.dataSync()[0] ?? 0) - b) < 1e-5);
    parameters.dispose();
    adam.dispose();
  });

  it('says which parameter no gradient reached', () => {
    const parameters = group();
    const adam = new Adam(parameters.parameters, { learningRate: 0.01 });
    assert.throws(() => adam.apply([tf.zeros([2, 3])], tf.scalar(1, 'int32')), /bias/);
    parameters.dispose();
    adam.dispose();
  });
});

describe('moving average', () => {
  it('moves by its rate towards the source and leaves the source alone', () => {
    const target = group('target');
    const source = group('source');
    const [targetBias, sourceBias] = [target.variables[1], source.variables[1]] as [tf.Variable, tf.Variable];
    sourceBias.assign(tf.tensor1d([1, 2, 3]));
    updateEma(target, source, 0.25);
    assert.deepEqual([...targetBias.dataSync()], [0.625, 0.875, 1.125]);
    assert.deepEqual([...sourceBias.dataSync()], [1, 2, 3]);
    target.dispose();
    source.dispose();
  });

  it('starts from a copy that later changes of the source do not touch', () => {
    const target = group('target');
    const source = group('source');
    target.copyFrom(source);
    assert.deepEqual(target.variables[0]?.dataSync(), source.variables[0]?.dataSync());
    updateEma(source, target, 1);
    source.variables[0]?.assign(tf.zeros([2, 3]));
    assert.notEqual(target.variables[0]?.dataSync()[0], 0);
    target.dispose();
    source.dispose();
  });
});

describe('initialisers', () => {
  it('xavier uniform: within its bound, of its variance, for matrices, filters and each ensemble member', () => {
    for (const [shape, members, fans] of [
      [[100, 60], 1, 160],
      [[4, 100, 60], 4, 160],
      [[3, 3, 32, 64], 1, 9 * 96],
    ] as const) {
      const values = initialise('xavierUniform', shape, members, new Generator(2));
      const limit = Math.sqrt(6 / fans);
      const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      assert.ok(values.every((value) => Math.abs(value) <= limit));
      assert.ok(Math.abs(variance / (limit ** 2 / 3) - 1) < 0.05, `${shape}: ${variance}`);
    }
  });

  it('orthogonal: rows or columns orthonormal, times its gain', () => {
    for (const [initialiser, gain] of [
      ['orthogonal', 1],
      ['orthogonalRelu', Math.SQRT2],
    ] as [Initialiser, number][]) {
      for (const [inputs, outputs] of [
        [20, 7],
        [7, 20],
      ] as const) {
        const values = initialise(initialiser, [inputs, outputs], 1, new Generator(3));
        const w = tf.tensor2d(values, [inputs, outputs]);
        const gram = inputs > outputs ? tf.matMul(w, w, true) : tf.matMul(w, w, false, true);
        const error = tf.max(tf.abs(tf.sub(gram, tf.mul(tf.eye(7), gain ** 2)))).dataSync()[0] ?? 1;
        assert.ok(error < 1e-5);
      }
    }
  });
});
