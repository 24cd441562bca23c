/** Two small convolutions, cheap enough for finite differences and the plain-JS backend: the tests' encoder. */
import { convolutionStack } from '../../encoders/convolutionStack.js';
import { findEncoder, registerEncoder } from '../../encoders/registry.js';

export const smallEncoderName = 'golden';

/** Registers it, once however many test files share the process. */
export function registerSmallEncoder(): void {
  if (findEncoder(smallEncoderName) !== undefined) return;
  registerEncoder({
    name: smallEncoderName,
    build: (nn, inputShape) =>
      convolutionStack(
        nn,
        inputShape,
        [3, 4].map((outputs) => ({
          outputs,
          kernel: 3,
          stride: 2,
          activation: 'relu',
          initialiser: 'xavierUniform',
        })),
      ),
  });
}
