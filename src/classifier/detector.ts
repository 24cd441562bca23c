/** A classifier that looks at one observation after the other. */
import * as tf from '@tensorflow/tfjs-core';
import type { FrameLayout } from '../../datasets/episode.js';
import { createProgram, type Program } from '../backend/program.js';
import type { ClassifierNetwork } from './network.js';

export class Detector {
  readonly #network: ClassifierNetwork;
  readonly #program: Program<string>;

  /** @param network becomes the detector's */
  constructor(network: ClassifierNetwork) {
    this.#network = network;
    const { images } = network.shape;
    this.#program = createProgram<string>({
      name: 'success detector',
      inputs: Object.fromEntries(
        images.map(({ name, height, width, channels }) => [
          name,
          { shape: [1, height, width, channels], dtype: 'float32' as const },
        ]),
      ),
      body: (inputs) => tf.sigmoid(network.logits(images.map(({ name }) => inputs[name] as tf.Tensor4D))),
      // A few small kernels take less time than waking another thread.
      record: false,
    });
  }

  /** What it looks at. */
  get images(): readonly FrameLayout[] {
    return this.#network.shape.images;
  }

  /** The probability that the frames show success. @param frames `[H, W, C]` each, in the order of `images` */
  async probability(frames: readonly Uint8Array[]): Promise<number> {
    const inputs = this.images.map(({ name }, i) => [name, unit(frames[i] as Uint8Array)] as const);
    const [value = Number.NaN] = await this.#program.run(Object.fromEntries(inputs));
    return value;
  }

  dispose(): void {
    this.#program.dispose();
    this.#network.dispose();
  }
}

function unit(frame: Uint8Array): Float32Array {
  return Float32Array.from(frame, (value) => value / 255);
}
