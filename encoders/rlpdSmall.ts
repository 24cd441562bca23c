/**
 * The paper's encoder at half its width, for studies on few cores: 64×64 pixels become 3×3×128 = 1152 features at
 * about a third of the arithmetic.
 */
import { convolutionStack } from './convolutionStack.js';
import type { Encoder } from './encoder.js';
import { rlpdConvolutions } from './rlpd.js';

export const rlpdSmallEncoder: Encoder = {
  name: 'rlpd-small',
  build: (nn, inputShape) => convolutionStack(nn, inputShape, rlpdConvolutions([16, 32, 64, 128])),
};
