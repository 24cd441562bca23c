/** The paper's encoder: four 3×3 convolutions of stride 2; 64×64 pixels become 3×3×256 = 2304 features. */
import { convolutionStack, type StackedConvolution } from './convolutionStack.js';
import type { Encoder } from './encoder.js';

export const rlpdEncoder: Encoder = {
  name: 'rlpd',
  build: (nn, inputShape) => convolutionStack(nn, inputShape, rlpdConvolutions([32, 64, 128, 256])),
};

/** The paper's convolutions with so many channels each. */
export function rlpdConvolutions(channels: readonly number[]): StackedConvolution[] {
  return channels.map((outputs) => ({
    outputs,
    kernel: 3,
    stride: 2,
    activation: 'relu',
    initialiser: 'xavierUniform',
  }));
}
