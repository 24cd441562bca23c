/** A policy that is one action: hidden layers with ReLU and no layer norm, then Dense → tanh. */
import * as tf from '@tensorflow/tfjs-core';
import { type Differentiate, ensembleDense } from './dense.js';
import type { PolicyShape } from './gaussianPolicy.js';
import { applyHiddenLayers, createHiddenLayers, type HiddenLayer } from './mlp.js';
import type { ParameterGroup } from './parameters.js';

export interface DeterministicPolicy {
  readonly hidden: readonly HiddenLayer[];
  /** `[1, W, A]` and `[1, A]`. */
  readonly output: { readonly weight: tf.Tensor3D; readonly bias: tf.Tensor2D };
}

export function createDeterministicPolicy(
  group: ParameterGroup,
  prefix: string,
  { actionSize, ...shape }: PolicyShape,
): DeterministicPolicy {
  const hidden = createHiddenLayers(group, prefix, { ...shape, members: 1, layerNorm: false });
  const weight = group.weight<tf.Rank.R3>(
    `${prefix}/output/weight`,
    [1, shape.hiddenWidth, actionSize],
    'xavierUniform',
  );
  const bias = group.constant<tf.Rank.R2>(`${prefix}/output/bias`, [1, actionSize], 0);
  return { hidden, output: { weight, bias } };
}

/** features `[B, I]` → actions `[B, A]` in [−1, 1]; `weights` stops the gradient at the features. */
export function applyDeterministicPolicy(
  policy: DeterministicPolicy,
  features: tf.Tensor2D,
  differentiate: Exclude<Differentiate, 'input'>,
): tf.Tensor2D {
  const { weight, bias } = policy.output;
  const hidden = applyHiddenLayers(policy.hidden, features, { differentiate });
  const action = ensembleDense(hidden, weight, bias, { activation: 'tanh', differentiate: 'both' });
  return tf.squeeze(action, [0]);
}
