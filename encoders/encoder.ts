/**
 * What an encoder is: a network from a stack of frames to a feature vector, said in layers that are handed to it.
 * It never names a tensor library, so a new encoder is one file; see README.md.
 */

/** All an encoder may know of a tensor. */
export interface Shaped {
  readonly shape: readonly number[];
}

export interface ConvolutionSpec {
  /** Channels in and out. */
  readonly inputs: number;
  readonly outputs: number;
  /** Side of the square kernel, pixels. */
  readonly kernel: number;
  /** Pixels; padding is VALID: a side of n becomes ⌊(n − kernel)/stride⌋ + 1. */
  readonly stride: number;
  readonly activation: 'linear' | 'relu' | 'tanh';
  readonly initialiser: 'xavierUniform' | 'orthogonal' | 'orthogonalRelu';
}

/** The layers an encoder builds with. `T` is the tensor type of whoever hands them over. */
export interface EncoderLayers<T extends Shaped> {
  /** A convolution with parameters of its own, kept under `name`: `[B, H, W, inputs]` → `[B, H', W', outputs]`. */
  convolution(name: string, spec: ConvolutionSpec): (x: T) => T;
  /** x + y of equal shapes, for residual connections. */
  add(x: T, y: T): T;
  /** x·factor + offset. */
  scale(x: T, factor: number, offset: number): T;
  /** `[B, ...]` → `[B, F]`. */
  flatten(x: T): T;
}

export interface Encoder {
  readonly name: string;
  /**
   * Builds the network for images of `[H, W, C]` (C is channels × stacked frames), values in [0, 1].
   * @returns the function from `[B, H, W, C]` to features `[B, F]`. It is called for every batch, its layers are
   *   made once.
   * @throws RangeError when the image is too small for it
   */
  build<T extends Shaped>(
    nn: EncoderLayers<T>,
    inputShape: readonly [height: number, width: number, channels: number],
  ): (image: T) => T;
}
