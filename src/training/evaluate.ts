/**
 * How good a policy is: the undiscounted return of whole episodes, and how many succeeded where the task says so, from
 * seeds that are the same at every evaluation. A run in training scores the policy it has in hand in an environment of
 * its own; a policy that was kept is scored on all cores.
 */
import type { EnvironmentOptions, EnvironmentSpec, Frame } from '../../envs/environment.js';
import { Generator } from '../random/generator.js';
import type { Behaviour } from './experts.js';
import { type EpisodePlan, Players, type PlayersOptions } from './players.js';
import { type ReturnStatistics, returnStatistics } from './returnStatistics.js';
import { type AnyEnvironment, type Policy, type Rollout, rollout } from './rollout.js';
import { type SuccessRate, successRate } from './successRate.js';

export interface EvaluationOptions {
  readonly environment: AnyEnvironment;
  /** Acts with its mode. */
  readonly policy: Policy;
  readonly episodes: number;
  readonly signal?: AbortSignal | undefined;
  /** Told each episode as it ends. */
  readonly onEpisode?: ((rollout: Rollout) => void) | undefined;
}

export interface KeptPolicyOptions {
  readonly task: string;
  /** Of the policy's own settings: `environmentOptions(config)`. */
  readonly environment: EnvironmentOptions;
  /** Acts with its mode; undefined acts uniformly at random. */
  readonly behaviour: Behaviour;
  /** Default: the fastest engine that loads. */
  readonly engine?: PlayersOptions['engine'] | undefined;
  /** Where a classifier is the reward. */
  readonly reward?: PlayersOptions['reward'];
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

/** The success rate is absent where the task knows no success. */
export interface Evaluation extends ReturnStatistics, Partial<SuccessRate> {
  readonly returns: readonly number[];
  /** Mean length of an episode in agent steps. */
  readonly length: number;
  /** Episodes cut short because the simulation went bad; their returns are what was earned before. */
  readonly invalid: number;
  /** Agent steps in which a person took over: the returns are then not the policy's alone. Absent where nobody can. */
  readonly interventions?: number;
}

/** Far from the seeds that people give a run: evaluation never sees an episode of training. */
export const EVALUATION_SEED = 1_000_000_000;

/**
 * Scores a policy in an environment at hand, episode by episode: what a run does on its way.
 * @returns undefined when `signal` was aborted on the way
 */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation | undefined> {
  const { environment, policy, episodes, signal, onEpisode } = options;
  const scores: Score[] = [];
  while (scores.length < episodes) {
    const seed = EVALUATION_SEED + scores.length;
    const result = await rollout({ environment, policy, seed, signal });
    if (result === undefined) return undefined;
    scores.push(scoreOf(result));
    onEpisode?.(result);
  }
  return summary(scores);
}

export interface KeptPolicyEvaluation {
  readonly evaluation: Evaluation;
  readonly spec: EnvironmentSpec;
  /** Pictures of the first episode, after the reset and after every step. */
  readonly film: readonly Frame[];
}

/**
 * Scores a policy that was kept, on all cores: what `rlpd evaluate` does.
 * @returns undefined when `signal` was aborted on the way
 * @throws InputError where the policy does not fit the environment, or the engine cannot be had
 */
export async function evaluateKept(options: KeptPolicyOptions): Promise<KeptPolicyEvaluation | undefined> {
  const { task, environment, behaviour, engine = {}, episodes, seed = EVALUATION_SEED, filmSize } = options;
  const { reward, workers, signal, onEpisode, onNote } = options;
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
    { task, environment, behaviours: [behaviour], engine, reward },
    episodes,
    workers,
  );
  try {
    const { spec, engine: note } = players.facts;
    if (note !== undefined) onNote?.(note);
    const scores: Score[] = [];
    let film: readonly Frame[] = [];
    for await (const played of players.play(plans, signal)) {
      if (scores.length === 0) film = played.film;
      scores.push(scoreOf(played));
      onEpisode?.(scores.length);
    }
    return scores.length < episodes ? undefined : { evaluation: summary(scores), spec, film };
  } finally {
    await players.close();
  }
}

/** What is kept of an episode: not its pixels, which are 6 MB for 500 steps of 64 px. */
type Score = Pick<Rollout, 'return' | 'length' | 'success' | 'invalid' | 'interventions'>;

function scoreOf({ return: episodeReturn, length, success, invalid, interventions }: Rollout): Score {
  return { return: episodeReturn, length, success, invalid, interventions };
}

function summary(scores: readonly Score[]): Evaluation {
  const returns = scores.map((score) => score.return);
  const marks = scores.flatMap(({ interventions }) => (interventions === undefined ? [] : [interventions]));
  return {
    returns,
    ...returnStatistics(returns),
    ...successRate(scores.map(({ success }) => success)),
    length: scores.reduce((sum, { length }) => sum + length, 0) / scores.length,
    invalid: scores.filter(({ invalid }) => invalid !== undefined).length,
    ...(marks.length > 0 && {
      interventions: marks.reduce((sum, each) => each.reduce((count, mark) => count + mark, sum), 0),
    }),
  };
}
