/** The layers an encoder (encoders/encoder.ts) is built from, with parameters in a group. */
import * as tf from '@tensorflow/tfjs-core';
import type { Encoder, EncoderLayers } from '../../encoders/encoder.js';
import { convolution } from './convolution.js';
import type { ParameterGroup } from './parameters.js';

export interface EncoderNetwork {
  /** F, the length of its feature vector. */
  readonly features: number;
  /** image `[B, H, W, C]` in [0, 1] → `[B, F]`. */
  apply(image: tf.Tensor4D): tf.Tensor2D;
}

/** Builds `encoder` for images of `inputShape` `[H, W, C]`; its parameters' names begin with `prefix`. */
export function createEncoderNetwork(
  encoder: Encoder,
  group: ParameterGroup,
  inputShape: readonly [number, number, number],
  prefix = 'encoder',
): EncoderNetwork {
  /** Tensors no parameter has touched: nothing needs a gradient with respect to them. */
  const data = new WeakSet<tf.Tensor>();
  const layers: EncoderLayers<tf.Tensor> = {
    convolution(name, { inputs, outputs, kernel, stride, activation, initialiser }) {
      const filter = group.weight<tf.Rank.R4>(
        `${prefix}/${name}/filter`,
        [kernel, kernel, inputs, outputs],
        initialiser,
      );
      const bias = group.constant<tf.Rank.R1>(`${prefix}/${name}/bias`, [outputs], 0);
      return (x) =>
        convolution(x as tf.Tensor4D, filter, bias, {
          stride,
          activation,
          inputGradient: !data.has(x),
        });
    },
    add: (x, y) => tf.add(x, y),
    scale(x, factor, offset) {
      const scaled = tf.add(factor === 1 ? x : tf.mul(x, factor), offset);
      if (data.has(x)) data.add(scaled);
      return scaled;
    },
    flatten: (x) => tf.reshape(x, [x.shape[0] ?? 0, -1]),
  };
  const network = encoder.build(layers, inputShape);
  const apply = (image: tf.Tensor4D): tf.Tensor2D => {
    data.add(image);
    return network(image) as tf.Tensor2D;
  };
  const features = tf.tidy(() => apply(tf.zeros([1, ...inputShape])).shape[1]);
  return { features, apply };
}
