/** An exported policy beside the one that it was made of, on observations of an episode that the latter plays. */
import type { Environment, Observation } from '../../envs/environment.js';
import { OnnxPolicy } from './onnxPolicy.js';

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
  const exported = await OnnxPolicy.create(runtime, model, environment.observationSpace);
  try {
    let largestDifference = 0;
    let episode = seed;
    let { observation } = environment.reset({ seed: episode });
    for (let i = 0; i < observations; i++) {
      const found = await exported.act(observation);
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
    await exported.dispose();
  }
}
