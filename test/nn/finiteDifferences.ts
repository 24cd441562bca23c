/** Compares a layer's gradient with central finite differences of a scalar made from its output. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import { differentiate } from '../../src/nn/gradients.js';
import { Generator } from '../../src/random/generator.js';

/** Standard normals, times `scale`. */
export function randomTensor<T extends tf.Tensor>(shape: number[], random: Generator, scale = 1): T {
  const values = random.fillNormal(new Float32Array(tf.util.sizeFromShape(shape)));
  return tf.tensor(
    values.map((value) => value * scale),
    shape,
  ) as T;
}

/**
 * Checks d/dx Σ c·layer(x…) with random c, for every element of every input named.
 * Step 10⁻² suits float32; the output must be smooth there, so keep ReLU's kink away from the test points.
 */
export function assertGradients(
  inputs: Readonly<Record<string, tf.Tensor>>,
  layer: (variables: Readonly<Record<string, tf.Tensor>>) => tf.Tensor,
  tolerance = 5e-3,
): void {
  const names = Object.keys(inputs);
  const variables = names.map((name) => tf.variable(inputs[name] as tf.Tensor));
  const named = Object.fromEntries(names.map((name, i) => [name, variables[i] as tf.Tensor]));
  const weights = tf.tidy(() => randomTensor(layer(named).shape, new Generator(77)));
  const scalar = () => tf.sum(tf.mul(layer(named), weights)) as tf.Scalar;
  const gradients = tf.tidy(() =>
    differentiate(variables, () => ({ loss: scalar(), byProducts: [] })).gradients.map((gradient) =>
      gradient.dataSync().slice(),
    ),
  );
  const step = 1e-2;
  variables.forEach((variable, v) => {
    const values = variable.dataSync().slice();
    const at = (index: number, value: number): number => {
      const moved = values.slice();
      moved[index] = value;
      variable.assign(tf.tensor(moved, variable.shape));
      const [result] = tf.tidy(() => scalar().dataSync());
      return result ?? Number.NaN;
    };
    const gradient = gradients[v] as Float32Array;
    const size = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0) / gradient.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? 0;
      const numeric = (at(i, value + step) - at(i, value - step)) / (2 * step);
      const difference = Math.abs(numeric - (gradient[i] ?? Number.NaN));
      assert.ok(
        difference <= tolerance * (Math.abs(numeric) + size),
        `d/d${names[v]}[${i}] is ${gradient[i]} and by differences ${numeric}`,
      );
    }
    variable.assign(tf.tensor(values, variable.shape));
  });
  for (const variable of variables) variable.dispose();
}
