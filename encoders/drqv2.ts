/**
 * DrQ-v2's encoder (Yarats et al. 2021): the image centred to [−0.5, 0.5], then four 3×3 convolutions of 32
 * channels, the first of stride 2; 64×64 pixels become 25×25×32 = 20,000 features.
 */
import { convolutionStack } from './convolutionStack.js';
import type { Encoder } from './encoder.js';

const strides = [2, 1, 1, 1];

export const drqv2Encoder: Encoder = {
  name: 'drqv2',
  build(nn, inputShape) {
    const network = convolutionStack(
      nn,
      inputShape,
      strides.map((stride) => ({
        outputs: 32,
        kernel: 3,
        stride,
        activation: 'relu',
        initialiser: 'orthogonalRelu',
      })),
    );
    return (image) => network(nn.scale(image, 1, -0.5));
  },
};
