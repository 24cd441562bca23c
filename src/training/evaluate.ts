/**
 * How good a policy is: the undiscounted return of whole episodes, from seeds that are the same at every evaluation.
 * A run in training scores the policy it has in hand in an environment of its own; a policy that was kept is scored
 * on all cores.
 */
import { availableParallelism } from 'node:os';
import type { EnvironmentOptions, EnvironmentSpec, Frame } from '../../envs/environment.js';
import { Generator } from '../random/generator.js';
import type { Behaviour } from './experts.js';
import { type EpisodePlan, Players, type PlayersOptions } from './players.js';
import { type ReturnStatistics, returnStatistics } from './returnStatistics.js';
import { type AnyEnvironment, type Policy, type Rollout, rollout } from './rollout.js';

export interface EvaluationOptions {
  readonly environment: AnyEnvironment;
  /** Acts with its mode. */
  readonly policy: Policy;
  readonly episodes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface KeptPolicyOptions {
  readonly task: string;
  readonly environment: EnvironmentOptions;
  /** Acts with its mode; undefined acts uniformly at random. */
  readonly behaviour: Behaviour;
  readonly engine: PlayersOptions['engine'];
  readonly episodes: number;
  /** Episode i starts from seed `seed + i`. Default `EVALUATION_SEED`. */
  readonly seed?: number | undefined;
  /** Threads that play episodes; default: one a core. The result is the same whatever their number. */
  readonly workers?: number | undefined;
  /** Side of the square pictures that the first episode is filmed in; not filmed where it is absent. */
  readonly filmSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEpisode?: ((done: number) => void) | undefined;
  /** Told which engine computes. */
  readonly onNote?: ((line: string) => void) | undefined;
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
  const { environment, policy, episodes, signal } = options;
  const rollouts: Rollout[] = [];
  while (rollouts.length < episodes) {
    const seed = EVALUATION_SEED + rollouts.length;
    const result = await rollout({ environment, policy, seed, signal });
    if (result === undefined) return undefined;
    rollouts.push(result);
  }
  return summary(rollouts);
}

export interface KeptPolicyEvaluation {
  readonly evaluation: Evaluation;
  readonly spec: EnvironmentSpec;
  /** Pictures of the first episode, after the reset and after every step. */
  readonly film: readonly Frame[];
}

/**
 * Undefined when `signal` was aborted on the way.
 * @throws InputError where the policy does not fit the environment, or the engine cannot be had
 */
export async function evaluateKept(options: KeptPolicyOptions): Promise<KeptPolicyEvaluation | undefined> {
  const { task, environment, behaviour, engine, episodes, seed = EVALUATION_SEED, filmSize } = options;
  const { workers = availableParallelism(), signal, onEpisode, onNote } = options;
  const noise = new Generator(seed).child('evaluation');
  const plans = Array.from(
    { length: episodes },
    (_, episode): EpisodePlan => ({
      behaviour: 0,
      mode: 'mean',
      seed: seed + episode,
      noiseSeed: noise.child(`episode ${episode}`).bits32(),
      filmSize: episode === 0 ? filmSize : undefined,
    }),
  );
  const players = await Players.create(
    { task, environment, behaviours: [behaviour], engine },
    Math.min(workers, episodes),
  );
  try {
    const { spec, engine: note } = players.facts;
    if (note !== undefined) onNote?.(note);
    const rollouts: Pick<Rollout, 'return' | 'length' | 'invalid'>[] = [];
    let film: readonly Frame[] = [];
    for await (const played of players.play(plans, signal)) {
      if (rollouts.length === 0) film = played.film;
      rollouts.push({ return: played.return, length: played.length, invalid: played.invalid });
      onEpisode?.(rollouts.length);
    }
    return rollouts.length < episodes ? undefined : { evaluation: summary(rollouts), spec, film };
  } finally {
    await players.close();
  }
}

function summary(rollouts: readonly Pick<Rollout, 'return' | 'length' | 'invalid'>[]): Evaluation {
  const returns = rollouts.map((rollout) => rollout.return);
  return {
    returns,
    ...returnStatistics(returns),
    length: rollouts.reduce((sum, { length }) => sum + length, 0) / rollouts.length,
    invalid: rollouts.filter(({ invalid }) => invalid !== undefined).length,
  };
}
