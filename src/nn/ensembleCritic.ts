/**
 * E action-value functions Q_i(features, action), batched in one tensor: hidden layers, then Dense 1.
 * With layer norm |Q_i| ≤ ‖w_i‖·‖relu(LN(·))‖ is bounded for any action, so extrapolation outside the data cannot
 * blow up (RLPD, section 4.2).
 */
import * as tf from '@tensorflow/tfjs-core';
import { ensembleDense } from './dense.js';
import {
  applyHiddenLayers,
  createHiddenLayers,
  type HiddenLayer,
  type HiddenOptions,
  type MlpShape,
} from './mlp.js';
import type { ParameterGroup } from './parameters.js';

export interface EnsembleCritic {
  readonly hidden: readonly HiddenLayer[];
  readonly output: { readonly weight: tf.Tensor3D; readonly bias: tf.Tensor2D };
}

export function createEnsembleCritic(group: ParameterGroup, prefix: string, shape: MlpShape): EnsembleCritic {
  const { members, hiddenWidth } = shape;
  const hidden = createHiddenLayers(group, prefix, shape);
  const weight = group.weight<tf.Rank.R3>(
    `${prefix}/output/weight`,
    [members, hiddenWidth, 1],
    'xavierUniform',
    members,
  );
  const bias = group.constant<tf.Rank.R2>(`${prefix}/output/bias`, [members, 1], 0);
  return {
    hidden,
    output: { weight, bias },
  };
}

/** The critic of some members only: `members` `[Z]` int32 are their numbers. Not differentiable. */
export function selectMembers(critic: EnsembleCritic, members: tf.Tensor1D): EnsembleCritic {
  const take = <T extends tf.Tensor>(x: T): T => tf.gather(x, members, 0) as T;
  return {
    hidden: critic.hidden.map(({ weight, bias, norm }) => ({
      weight: take(weight),
      bias: take(bias),
      norm: norm && { gain: take(norm.gain), offset: take(norm.offset) },
    })),
    output: { weight: take(critic.output.weight), bias: take(critic.output.bias) },
  };
}

/** Action values `[E, B]` of input `[B, I]`, the features and action side by side. */
export function actionValues(
  critic: EnsembleCritic,
  input: tf.Tensor2D,
  options: HiddenOptions,
): tf.Tensor2D {
  const hidden = applyHiddenLayers(critic.hidden, input, options);
  const values = ensembleDense(hidden, critic.output.weight, critic.output.bias, {
    activation: 'linear',
    differentiate: options.differentiate === 'input' ? 'input' : 'both',
  });
  return tf.squeeze(values, [2]);
}
