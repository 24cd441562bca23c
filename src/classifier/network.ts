/**
 * Whether pictures show success: each image through convolutions and a trunk of its own (Dense → layer norm → tanh), all
 * side by side through dropout to one logit, as reward classifiers of people in the loop have it (HIL-SERL, Luo et al.
 * 2024). It sees single frames, without history.
 */
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { findEncoder } from '../../encoders/registry.js';
import { InputError } from '../errors.js';
import { ensembleDense } from '../nn/dense.js';
import { dropout } from '../nn/dropout.js';
import { createEncoderNetwork, type EncoderNetwork } from '../nn/encoderLayers.js';
import { assignValues, ParameterGroup, readValues } from '../nn/parameters.js';
import { applyTrunk, createTrunk, type Trunk } from '../nn/trunk.js';
import type { Generator } from '../random/generator.js';

const size = z.int().min(1);

/** All that its weights' shapes follow from. */
export const classifierShapeSchema = z.object({
  encoder: z.string(),
  /** Numbers of each image that the logit reads. */
  trunkWidth: size,
  /** Single frames `[H, W, C]`. */
  images: z.array(z.object({ name: z.string(), height: size, width: size, channels: size })).min(1),
});
export type ClassifierShape = z.infer<typeof classifierShapeSchema>;

export class ClassifierNetwork {
  readonly shape: ClassifierShape;
  readonly group: ParameterGroup;
  readonly #encoders: readonly EncoderNetwork[];
  readonly #trunks: readonly Trunk[];
  readonly #weight: tf.Tensor3D;
  readonly #bias: tf.Tensor2D;

  /** @throws InputError for an unknown encoder, or images too small for it */
  constructor(shape: ClassifierShape, random: Generator) {
    this.shape = shape;
    this.group = new ParameterGroup('classifier', random);
    const encoder = findEncoder(shape.encoder);
    if (encoder === undefined) throw new InputError(`There is no encoder named "${shape.encoder}".`);
    try {
      this.#encoders = shape.images.map(({ name, height, width, channels }) =>
        createEncoderNetwork(encoder, this.group, [height, width, channels], `encoder/${name}`),
      );
    } catch (error) {
      this.group.dispose();
      // An image too small for the encoder is the user's to put right.
      if (error instanceof RangeError) throw new InputError(error.message);
      throw error;
    }
    this.#trunks = shape.images.map(({ name }, i) =>
      createTrunk(this.group, `trunk/${name}`, this.#encoders[i]?.features ?? 0, shape.trunkWidth),
    );
    this.#weight = this.group.weight<tf.Rank.R3>('output/weight', [1, this.width, 1], 'xavierUniform');
    this.#bias = this.group.constant<tf.Rank.R2>('output/bias', [1, 1], 0);
  }

  /** F, of what the logit reads. */
  get width(): number {
    return this.shape.trunkWidth * this.shape.images.length;
  }

  /**
   * Logits `[B]`; the probability is their sigmoid.
   * @param images `[B, H, W, C]` in [0, 1] each
   * @param mask `[1, B, F]` of dropout, where it is trained
   */
  logits(images: readonly tf.Tensor4D[], mask?: tf.Tensor3D): tf.Tensor1D {
    const parts = images.map((image, i) =>
      applyTrunk(this.#trunks[i] as Trunk, (this.#encoders[i] as EncoderNetwork).apply(image), 'both'),
    );
    const features = tf.expandDims<tf.Tensor3D>(
      parts.length === 1 ? (parts[0] as tf.Tensor2D) : tf.concat(parts, 1),
      0,
    );
    const kept = mask === undefined ? features : dropout(features, mask);
    const y = ensembleDense(kept, this.#weight, this.#bias, { activation: 'linear', differentiate: 'both' });
    return tf.reshape(y, [-1]);
  }

  async weights(): Promise<Map<string, { readonly shape: number[]; readonly data: Float32Array }>> {
    const values = await Promise.all(
      this.group.parameters.map(async ({ name, variable }) => [name, await readValues(variable)] as const),
    );
    return new Map(values.map(([name, { shape, data }]) => [name, { shape: [...shape], data }]));
  }

  /** @throws InputError where they are not those of such a network */
  restore(
    weights: ReadonlyMap<string, { readonly shape: number[]; readonly data: Float32Array }>,
    where: string,
  ): void {
    for (const { name, variable } of this.group.parameters) {
      const values = weights.get(name);
      if (values === undefined || String(values.shape) !== String(variable.shape))
        throw new InputError(`${where} lacks the weight "${name}" of shape ${variable.shape.join('×')}.`);
      assignValues(variable, values);
    }
  }

  dispose(): void {
    this.group.dispose();
  }
}
