/** The convolutions that an observation's images go through: one encoder an image, or one for all of them. */
import type * as tf from '@tensorflow/tfjs-core';
import { findEncoder } from '../../encoders/registry.js';
import { InputError } from '../errors.js';
import { createEncoderNetwork, type EncoderNetwork } from '../nn/encoderLayers.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { AgentConfig } from './config.js';
import type { AgentShape, ImageShape } from './observation.js';

export class ImageEncoders {
  /** F of each image. */
  readonly features: readonly number[];
  readonly #networks: readonly EncoderNetwork[];

  /**
   * Parameters are named `encoder/…`, or `encoder/IMAGE/…` where there are several encoders.
   * @throws InputError for an unknown encoder, an image too small for it, or images of several shapes that are to
   *   share one
   */
  constructor(config: AgentConfig, { images }: AgentShape, group: ParameterGroup) {
    const [first] = images;
    if (config.sharedEncoder && first !== undefined) {
      const other = images.find((image) => String(shapeOf(image)) !== String(shapeOf(first)));
      if (other !== undefined)
        throw new InputError(
          `One encoder cannot serve images of several shapes: "${first.name}" is ${shapeOf(first).join('×')} and "${other.name}" ${shapeOf(other).join('×')}; give them one --image-size and --frame-stack, or leave out --shared-encoder.`,
        );
      const network = createNetwork(config, first, group, 'encoder');
      this.#networks = images.map(() => network);
    } else {
      this.#networks = images.map((image) =>
        createNetwork(config, image, group, images.length === 1 ? 'encoder' : `encoder/${image.name}`),
      );
    }
    this.features = this.#networks.map(({ features }) => features);
  }

  /** Features `[B, F]` of each of the images `[B, H, W, C·K]`. */
  apply(images: readonly tf.Tensor4D[]): tf.Tensor2D[] {
    return this.#networks.map((network, i) => network.apply(images[i] as tf.Tensor4D));
  }
}

function createNetwork(
  config: AgentConfig,
  image: ImageShape,
  group: ParameterGroup,
  prefix: string,
): EncoderNetwork {
  const encoder = findEncoder(config.encoder);
  if (encoder === undefined) throw new InputError(`There is no encoder named "${config.encoder}".`);
  try {
    return createEncoderNetwork(encoder, group, shapeOf(image), prefix);
  } catch (error) {
    // An image too small for the encoder is the user's to put right.
    if (error instanceof RangeError) throw new InputError(error.message);
    throw error;
  }
}

function shapeOf({ height, width, depth }: ImageShape): [number, number, number] {
  return [height, width, depth];
}
