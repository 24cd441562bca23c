/** Whole episodes of a policy in an environment: what evaluation scores and what `rlpd collect` records. */
import type { Environment, ImageSpace, Observation, StepInfo } from '../../envs/environment.js';
import type { EnvironmentWorker } from '../../envs/worker.js';
import { beginTally, type EpisodeTally, withStep } from './episodeTally.js';

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
  /** `[T, A]`: those that were executed. */
  readonly actions: Float32Array;
  /** `[T]`. */
  readonly rewards: Float32Array;
  /** By name, `[T + 1, H, W, C]` each: the observations' newest frames; empty where only state is observed. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  /** `[T + 1, S]`; empty where only pixels are observed. */
  readonly state: Float32Array;
  readonly terminated: boolean;
  readonly truncated: boolean;
  /** Whether any of its steps was a success; undefined where none says so or not. */
  readonly success: boolean | undefined;
  /** `[T]`: 1 where a person took over; undefined where nobody could. */
  readonly interventions: Uint8Array | undefined;
  /** What was to be done, in words; undefined where the environment does not say. */
  readonly instruction: string | undefined;
  /** Sums of the parts of its reward, by name; undefined where it names none. */
  readonly rewardTerms: EpisodeTally['rewardTerms'];
  /** Until its end, a step that is left out included. */
  readonly envFrames: number;
  /** Why the simulation went bad, if it did: its last step is left out then. */
  readonly invalid: string | undefined;
}

export interface RolloutOptions {
  readonly environment: AnyEnvironment;
  readonly policy: Policy;
  readonly seed: number;
  /** Agent steps after which it is truncated; default: the environment's own limit alone. */
  readonly maxSteps?: number | undefined;
  /** Called after the reset and after every step, with what that said, e.g. to render. */
  readonly watch?: ((environment: AnyEnvironment, info: StepInfo) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** An aborted episode is given as far as it came, truncated. */
  readonly keepsStopped?: boolean | undefined;
}

/**
 * One episode, a function of the seed and the policy alone. Undefined when `signal` was aborted on the way, unless what
 * was stopped is to be kept.
 */
export async function rollout(options: RolloutOptions): Promise<Rollout | undefined> {
  const { environment, policy, seed, maxSteps = Infinity, watch, signal, keepsStopped = false } = options;
  const { images: spaces } = environment.observationSpace;
  const frames = spaces.map((): Uint8Array[] => []);
  const states: Float32Array[] = [];
  const actions: Float32Array[] = [];
  const rewards: number[] = [];
  let invalid: string | undefined;
  let envFrames = 0;
  let [terminated, truncated] = [false, false];
  const see = ({ images, state }: Observation): void => {
    for (const [i, space] of spaces.entries()) frames[i]?.push(newestFrame(images, space));
    if (state !== undefined) states.push(state);
  };
  const start = await environment.reset({ seed });
  let { observation } = start;
  let tally: EpisodeTally = beginTally(start.info);
  const interventions: number[] = [];
  see(observation);
  await watch?.(environment, start.info);
  while (!terminated && !truncated) {
    // An action that was chosen meanwhile is not executed any more.
    const action = signal?.aborted ? undefined : await policy(observation);
    if (action === undefined || signal?.aborted) {
      if (!keepsStopped) return undefined;
      truncated = true;
      break;
    }
    const result = await environment.step(action);
    ({ observation, terminated, truncated } = result);
    invalid = result.info.invalid;
    envFrames = result.info.envFrames ?? envFrames + environment.spec.actionRepeat;
    if (invalid !== undefined) break;
    const { executedAction } = result.info;
    actions.push(executedAction ?? action);
    interventions.push(executedAction == null ? 0 : 1);
    rewards.push(result.reward);
    tally = withStep(tally, result.info);
    see(observation);
    await watch?.(environment, result.info);
    truncated ||= !terminated && actions.length >= maxSteps;
  }
  return {
    length: actions.length,
    return: rewards.reduce((sum, reward) => sum + reward, 0),
    actions: concatenate(actions, Float32Array),
    rewards: Float32Array.from(rewards),
    images: Object.fromEntries(spaces.map(({ name }, i) => [name, concatenate(frames[i] ?? [], Uint8Array)])),
    state: concatenate(states, Float32Array),
    terminated,
    truncated,
    success: tally.success,
    interventions: tally.interventions === undefined ? undefined : Uint8Array.from(interventions),
    instruction: tally.instruction,
    rewardTerms: tally.rewardTerms,
    envFrames,
    invalid,
  };
}

/** The last C channels of an image's stack `[H, W, C·K]`, as a frame of its own `[H, W, C]`. */
export function newestFrame(images: Observation['images'], space: ImageSpace): Uint8Array {
  const { name, height, width, channels, frameStack } = space;
  const stack = images[name];
  if (stack === undefined) throw new Error(`The observation lacks the image "${name}".`);
  if (frameStack === 1) return stack;
  const frame = new Uint8Array(height * width * channels);
  const depth = channels * frameStack;
  for (let pixel = 0, from = depth - channels; pixel < height * width; pixel++, from += depth) {
    for (let channel = 0; channel < channels; channel++)
      frame[pixel * channels + channel] = stack[from + channel] as number;
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
