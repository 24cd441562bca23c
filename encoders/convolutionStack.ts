/** The shape most pixel encoders have: convolutions one after the other, then flatten. */
import type { ConvolutionSpec, EncoderLayers, Shaped } from './encoder.js';

export type StackedConvolution = Omit<ConvolutionSpec, 'inputs'>;

/**
 * @returns the network from `[B, H, W, C]` to `[B, F]`; its layers are named conv1, conv2, …
 * @throws RangeError when a side shrinks to nothing on the way
 */
export function convolutionStack<T extends Shaped>(
  nn: EncoderLayers<T>,
  inputShape: readonly [height: number, width: number, channels: number],
  stack: readonly StackedConvolution[],
): (image: T) => T {
  let [height, width, inputs] = inputShape;
  const layers = stack.map((spec, i) => {
    height = Math.floor((height - spec.kernel) / spec.stride) + 1;
    width = Math.floor((width - spec.kernel) / spec.stride) + 1;
    if (height < 1 || width < 1) {
      throw new RangeError(
        `An image of ${inputShape[0]}×${inputShape[1]} pixels is too small for this encoder's ${stack.length} convolutions: nothing is left at number ${i + 1}; its sides need ${leastSide(stack)} pixels.`,
      );
    }
    const layer = nn.convolution(`conv${i + 1}`, { ...spec, inputs });
    inputs = spec.outputs;
    return layer;
  });
  return (image) => nn.flatten(layers.reduce((x, layer) => layer(x), image));
}

/** Pixels of which the last convolution leaves one. */
function leastSide(stack: readonly StackedConvolution[]): number {
  return stack.reduceRight((side, { kernel, stride }) => (side - 1) * stride + kernel, 1);
}
