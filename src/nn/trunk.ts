/** From an encoder's features to the few numbers the heads read: Dense → layer norm → tanh. */
import * as tf from '@tensorflow/tfjs-core';
import { type Differentiate, ensembleDense } from './dense.js';
import { layerNorm } from './layerNorm.js';
import type { ParameterGroup } from './parameters.js';

export interface Trunk {
  readonly weight: tf.Tensor3D;
  readonly bias: tf.Tensor2D;
  readonly gain: tf.Tensor2D;
  readonly offset: tf.Tensor2D;
}

export function createTrunk(group: ParameterGroup, prefix: string, inputs: number, width: number): Trunk {
  const constant = (name: string, value: number) =>
    group.constant<tf.Rank.R2>(`${prefix}/${name}`, [1, width], value);
  return {
    weight: group.weight<tf.Rank.R3>(`${prefix}/weight`, [1, inputs, width], 'xavierUniform'),
    bias: constant('bias', 0),
    gain: constant('norm/gain', 1),
    offset: constant('norm/offset', 0),
  };
}

/** features `[B, F]` → `[B, width]` in (−1, 1). `weights` stops the gradient at the features. */
export function applyTrunk(
  trunk: Trunk,
  features: tf.Tensor2D,
  differentiate: Exclude<Differentiate, 'input'>,
): tf.Tensor2D {
  const y = ensembleDense(features, trunk.weight, trunk.bias, { activation: 'linear', differentiate });
  const z = layerNorm(y, trunk.gain, trunk.offset, { activation: 'tanh', differentiate: 'both' });
  return tf.squeeze(z, [0]);
}
