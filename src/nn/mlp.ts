/**
 * Hidden layers of E networks at once: Dense → (dropout) → (layer norm) → ReLU, each member with its own weights.
 * The layers are a list of parameters and one function over them, since the target takes only some of the members.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Differentiate, ensembleDense } from './dense.js';
import { dropout } from './dropout.js';
import { layerNorm } from './layerNorm.js';
import type { ParameterGroup } from './parameters.js';

export interface MlpShape {
  readonly members: number;
  readonly inputs: number;
  readonly hiddenLayers: number;
  readonly hiddenWidth: number;
  readonly layerNorm: boolean;
}

export interface HiddenLayer {
  readonly weight: tf.Tensor3D;
  readonly bias: tf.Tensor2D;
  readonly norm: { readonly gain: tf.Tensor2D; readonly offset: tf.Tensor2D } | undefined;
}

export function createHiddenLayers(group: ParameterGroup, prefix: string, shape: MlpShape): HiddenLayer[] {
  const { members, hiddenWidth } = shape;
  return Array.from({ length: shape.hiddenLayers }, (_, i) => {
    const name = `${prefix}/hidden${i + 1}`;
    const inputs = i === 0 ? shape.inputs : hiddenWidth;
    const weight = group.weight<tf.Rank.R3>(
      `${name}/weight`,
      [members, inputs, hiddenWidth],
      'xavierUniform',
      members,
    );
    const bias = group.constant<tf.Rank.R2>(`${name}/bias`, [members, hiddenWidth], 0);
    const norm = shape.layerNorm
      ? {
          gain: group.constant<tf.Rank.R2>(`${name}/norm/gain`, [members, hiddenWidth], 1),
          offset: group.constant<tf.Rank.R2>(`${name}/norm/offset`, [members, hiddenWidth], 0),
        }
      : undefined;
    return { weight, bias, norm };
  });
}

export interface HiddenOptions {
  /** What the backward pass is for; `weights` stops at the first layer's input. */
  readonly differentiate: Differentiate;
  /** One mask `[E, B, W]` a layer; none where there is no dropout. */
  readonly dropoutMasks?: readonly tf.Tensor3D[] | undefined;
}

/** x `[B, I]` (shared by all members) or `[E, B, I]` → `[E, B, W]`. */
export function applyHiddenLayers(
  layers: readonly HiddenLayer[],
  x: tf.Tensor2D | tf.Tensor3D,
  { differentiate, dropoutMasks }: HiddenOptions,
): tf.Tensor3D {
  let hidden: tf.Tensor2D | tf.Tensor3D = x;
  const inner = differentiate === 'input' ? 'input' : 'both';
  layers.forEach(({ weight, bias, norm }, i) => {
    const mask = dropoutMasks?.[i];
    const plain = norm === undefined && mask === undefined;
    let y = ensembleDense(hidden, weight, bias, {
      activation: plain ? 'relu' : 'linear',
      differentiate: i === 0 ? differentiate : inner,
    });
    if (mask !== undefined) y = dropout(y, mask);
    if (norm !== undefined)
      y = layerNorm(y, norm.gain, norm.offset, { activation: 'relu', differentiate: inner });
    else if (!plain) y = tf.relu(y);
    hidden = y;
  });
  return hidden as tf.Tensor3D;
}
