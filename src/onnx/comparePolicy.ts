/** An exported policy beside the one that it was made of, on observations of an episode that the latter plays. */
import type { Environment, Observation } from '../../envs/environment.js';
import { normalizedOutput, stateInput } from './exportPolicy.js';

export interface PolicyComparison {
  readonly observations: number;
  /** Between actions in [−1, 1]. */
  readonly largestDifference: number;
}

interface Acting {
  act(observation: Observation, mode: 'mean'): Promise<Float32Array>;
}

/**
 * @param model the ONNX file's bytes
 * @param seed of the first episode
 * @returns null where `onnxruntime-web` is not installed: it is no dependency of this package
 */
export async function comparePolicy(
  model: Uint8Array,
  policy: Acting,
  environment: Environment,
  observations: number,
  seed: number,
): Promise<PolicyComparison | null> {
  const runtime = await import('onnxruntime-web').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  });
  if (runtime === null) return null;
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(model);
  try {
    let largestDifference = 0;
    let episode = seed;
    let { observation } = environment.reset({ seed: episode });
    for (let i = 0; i < observations; i++) {
      const feeds = Object.fromEntries(
        session.inputNames.map((name) => {
          const isState = name === stateInput && environment.observationSpace.state !== undefined;
          const image = environment.observationSpace.images.find((one) => one.name === name);
          return image !== undefined
            ? [
                name,
                new runtime.Tensor('uint8', observation.images[name] ?? new Uint8Array(), [
                  1,
                  image.height,
                  image.width,
                  image.channels * image.frameStack,
                ]),
              ]
            : [
                name,
                new runtime.Tensor('float32', (isState && observation.state) || new Float32Array(), [
                  1,
                  observation.state?.length ?? 0,
                ]),
              ];
        }),
      );
      const found = (await session.run(feeds))[normalizedOutput]?.data as Float32Array;
      const expected = await policy.act(observation, 'mean');
      for (const [at, value] of expected.entries())
        largestDifference = Math.max(largestDifference, Math.abs(value - (found[at] as number)));
      // Such a policy has nothing that could be compared, and no environment takes its actions.
      if (!Number.isFinite(largestDifference)) return { observations: i + 1, largestDifference };
      const step = environment.step(expected);
      observation =
        step.terminated || step.truncated
          ? environment.reset({ seed: ++episode }).observation
          : step.observation;
    }
    return { observations, largestDifference };
  } finally {
    await session.release();
  }
}
