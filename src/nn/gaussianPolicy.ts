/**
 * The actor's network behind its features: hidden layers with ReLU and no layer norm, then a mean and a log-std
 * head. The two heads are two members of one ensemble layer, so they cost one matmul.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Differentiate, ensembleDense } from './dense.js';
import { applyHiddenLayers, createHiddenLayers, type HiddenLayer, type HiddenOptions } from './mlp.js';
import type { ParameterGroup } from './parameters.js';
import { type GaussianParameters, logStdBounds } from './tanhGaussian.js';

export interface GaussianPolicy {
  readonly hidden: readonly HiddenLayer[];
  /** `[2, W, A]` and `[2, A]`: member 0 the mean, member 1 log std. */
  readonly heads: { readonly weight: tf.Tensor3D; readonly bias: tf.Tensor2D };
}

export interface PolicyShape {
  readonly inputs: number;
  readonly hiddenLayers: number;
  readonly hiddenWidth: number;
  readonly actionSize: number;
}

export function createGaussianPolicy(
  group: ParameterGroup,
  prefix: string,
  { actionSize, ...shape }: PolicyShape,
): GaussianPolicy {
  const hidden = createHiddenLayers(group, prefix, { ...shape, members: 1, layerNorm: false });
  const weight = group.weight<tf.Rank.R3>(
    `${prefix}/heads/weight`,
    [2, shape.hiddenWidth, actionSize],
    'xavierUniform',
    2,
  );
  const bias = group.constant<tf.Rank.R2>(`${prefix}/heads/bias`, [2, actionSize], 0);
  return { hidden, heads: { weight, bias } };
}

/** features `[B, I]` → the distribution's parameters; `weights` stops the gradient at the features. */
export function applyGaussianPolicy(
  policy: GaussianPolicy,
  features: tf.Tensor2D,
  options: HiddenOptions & { readonly differentiate: Exclude<Differentiate, 'input'> },
): GaussianParameters {
  const hidden = tf.squeeze(applyHiddenLayers(policy.hidden, features, options), [0]) as tf.Tensor2D;
  const { weight, bias } = policy.heads;
  const heads = ensembleDense(hidden, weight, bias, { activation: 'linear', differentiate: 'both' });
  const [mean, logStd] = tf.split(heads, 2, 0).map((head) => tf.squeeze(head, [0])) as [
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  return { mean, logStd: tf.clipByValue(logStd, ...logStdBounds) };
}
