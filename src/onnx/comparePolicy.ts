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
      const feeds: Record<string, InstanceType<typeof runtime.Tensor>> = {};
      for (const { name, height, width, channels, frameStack } of environment.observationSpace.images) {
        const bytes = observation.images[name];
        if (bytes !== undefined && session.inputNames.includes(name))
          feeds[name] = new runtime.Tensor('uint8', bytes, [1, height, width, channels * frameStack]);
      }
      const { state } = observation;
      if (state !== undefined && session.inputNames.includes(stateInput))
        feeds[stateInput] = new runtime.Tensor('float32', state, [1, state.length]);
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
