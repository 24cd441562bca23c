/**
 * How good a policy is: the undiscounted return of whole episodes, acting with the policy's mode, in an environment
 * of its own, from seeds that are the same at every evaluation.
 */

import { type ReturnStatistics, returnStatistics } from './returnStatistics.js';
import { type AnyEnvironment, type Policy, rollout } from './rollout.js';

export interface EvaluationOptions {
  readonly environment: AnyEnvironment;
  /** Acts with its mode. */
  readonly policy: Policy;
  readonly episodes: number;
  /** Episode i starts from seed `seed + i`. Default `EVALUATION_SEED`. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after the reset and after every step of episode `episode`. */
  readonly watch?: ((environment: AnyEnvironment, episode: number) => Promise<void>) | undefined;
  readonly onEpisode?: ((episode: number, episodeReturn: number) => void) | undefined;
}

export interface Evaluation extends ReturnStatistics {
  readonly returns: readonly number[];
  /** Mean length of an episode in agent steps. */
  readonly length: number;
  /** Episodes cut short because the simulation went bad; their returns are what was earned before. */
  readonly invalid: number;
}

/** Far from the seeds that people give a run: evaluation never sees an episode of training. */
export const EVALUATION_SEED = 1_000_000_000;

/** Undefined when `signal` was aborted on the way. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation | undefined> {
  const { environment, policy, episodes, seed = EVALUATION_SEED, signal, watch, onEpisode } = options;
  const returns: number[] = [];
  let steps = 0;
  let invalid = 0;
  for (let episode = 0; episode < episodes; episode++) {
    const result = await rollout({
      environment,
      policy,
      seed: seed + episode,
      signal,
      watch: watch && ((env) => watch(env, episode)),
    });
    if (result === undefined) return undefined;
    if (result.invalid !== undefined) invalid++;
    returns.push(result.return);
    steps += result.length;
    onEpisode?.(episode, result.return);
  }
  return { returns, ...returnStatistics(returns), length: steps / episodes, invalid };
}
