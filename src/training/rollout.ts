/** Whole episodes of a policy in an environment: what evaluation scores and what `rlpd collect` records. */
import type { Environment, EnvironmentSpec, Observation } from '../../envs/environment.js';
import type { EnvironmentWorker } from '../../envs/worker.js';

/** In this thread or in one of its own. */
export type AnyEnvironment =
  | Environment
  | Pick<EnvironmentWorker, 'spec' | 'observationSpace' | 'reset' | 'step' | 'render'>;

export type Policy = (observation: Observation) => Promise<Float32Array> | Float32Array;

export interface Rollout {
  /** T, agent steps. */
  readonly length: number;
  /** Undiscounted sum of rewards. */
  readonly return: number;
  /** `[T, A]`. */
  readonly actions: Float32Array;
  /** `[T]`. */
  readonly rewards: Float32Array;
  /** `[T + 1, H, W, C]`, the observations' newest frames; empty where only state is observed. */
  readonly pixels: Uint8Array;
  /** `[T + 1, S]`; empty where only pixels are observed. */
  readonly state: Float32Array;
  readonly terminated: boolean;
  readonly truncated: boolean;
  /** Why the simulation went bad, if it did: its last step is left out then. */
  readonly invalid: string | undefined;
}

export interface RolloutOptions {
  readonly environment: AnyEnvironment;
  readonly policy: Policy;
  readonly seed: number;
  /** Called after the reset and after every step, e.g. to render. */
  readonly watch?: ((environment: AnyEnvironment) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One episode, a function of the seed and the policy alone. Undefined when `signal` was aborted on the way. */
export async function rollout(options: RolloutOptions): Promise<Rollout | undefined> {
  const { environment, policy, seed, watch, signal } = options;
  const frames: Uint8Array[] = [];
  const states: Float32Array[] = [];
  const actions: Float32Array[] = [];
  const rewards: number[] = [];
  let invalid: string | undefined;
  let [terminated, truncated] = [false, false];
  const see = ({ pixels, state }: Observation): void => {
    if (pixels !== undefined) frames.push(newestFrame(pixels, environment.spec));
    if (state !== undefined) states.push(state);
  };
  let { observation } = await environment.reset({ seed });
  see(observation);
  await watch?.(environment);
  while (!terminated && !truncated) {
    if (signal?.aborted) return undefined;
    const action = await policy(observation);
    const result = await environment.step(action);
    ({ observation, terminated, truncated } = result);
    invalid = result.info.invalid;
    if (invalid !== undefined) break;
    actions.push(action);
    rewards.push(result.reward);
    see(observation);
    await watch?.(environment);
  }
  return {
    length: actions.length,
    return: rewards.reduce((sum, reward) => sum + reward, 0),
    actions: concatenate(actions, Float32Array),
    rewards: Float32Array.from(rewards),
    pixels: concatenate(frames, Uint8Array),
    state: concatenate(states, Float32Array),
    terminated,
    truncated,
    invalid,
  };
}

/** The last C channels of a stack `[H, W, C·K]`, as a frame of its own `[H, W, C]`. */
export function newestFrame(pixels: Uint8Array, spec: EnvironmentSpec): Uint8Array {
  const { imageHeight, imageWidth, imageChannels, frameStack } = spec;
  if (frameStack === 1) return pixels;
  const frame = new Uint8Array(imageHeight * imageWidth * imageChannels);
  const depth = imageChannels * frameStack;
  for (
    let pixel = 0, from = depth - imageChannels;
    pixel < imageHeight * imageWidth;
    pixel++, from += depth
  ) {
    for (let channel = 0; channel < imageChannels; channel++)
      frame[pixel * imageChannels + channel] = pixels[from + channel] as number;
  }
  return frame;
}

/** The rows one after the other. */
function concatenate<Row extends Uint8Array | Float32Array>(
  rows: readonly Row[],
  Type: new (length: number) => Row,
): Row {
  const all = new Type(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
