/** The paper's encoder: four 3×3 convolutions of stride 2; 64×64 pixels become 3×3×256 = 2304 features. */
import { convolutionStack } from './convolutionStack.js';
import type { Encoder } from './encoder.js';

const channels = [32, 64, 128, 256];

export const rlpdEncoder: Encoder = {
  name: 'rlpd',
  build: (nn, inputShape) =>
    convolutionStack(
      nn,
      inputShape,
      channels.map((outputs) => ({
        outputs,
        kernel: 3,
        stride: 2,
        activation: 'relu',
        initialiser: 'xavierUniform',
      })),
    ),
};
