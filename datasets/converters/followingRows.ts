/**
 * Most formats write, in row t, observation t with the action chosen on it and the reward that came of it. Their
 * last row's action has no observation after it and is dropped, unless a final observation is recorded too.
 */
import { InputError } from '../../src/errors.js';
import type { Episode, EpisodeSource } from '../episode.js';
import type { SourceEpisode, SourceProblem } from './conversion.js';

export interface FollowingRows {
  readonly id: string;
  /** Number of observations: rows, and the final one where there is one. */
  readonly observations: number;
  /** By name, `[observations, H, W, C]`. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly state?: Float32Array;
  /** `[≥ observations − 1, A]`. */
  readonly actions: Float32Array;
  readonly actionSize: number;
  /** `[≥ observations − 1]`, null where none are recorded. */
  readonly rewards: Float32Array | null;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly source: EpisodeSource;
}

/** @param reward see `OpenOptions.reward`; a named array is already in `rows.rewards` */
export function followingEpisode(rows: FollowingRows, reward: string | undefined): SourceEpisode {
  const steps = Math.max(0, rows.observations - 1);
  const isSparse = reward === 'sparse';
  if (!isSparse && rows.rewards === null)
    throw new InputError(
      `${rows.id} has no rewards: say --reward sparse (1 for the last step of each episode), or --reward with the name of an array.`,
    );
  const problems: SourceProblem[] = [];
  const actionRows = Math.floor(rows.actions.length / rows.actionSize);
  if (actionRows < steps)
    problems.push({
      kind: 'length',
      severity: 'fault',
      message: `It has ${actionRows} actions for ${rows.observations} observations.`,
      repaired: false,
    });
  const episode: Episode = {
    id: rows.id,
    length: steps,
    images: rows.images,
    ...(rows.state && rows.state.length > 0 && { state: rows.state }),
    actions: rows.actions.slice(0, steps * rows.actionSize),
    rewards: isSparse ? lastStepOnly(steps) : (rows.rewards ?? new Float32Array()).slice(0, steps),
    terminated: isSparse || rows.terminated,
    truncated: !isSparse && rows.truncated,
    source: rows.source,
  };
  return { episode, problems };
}

function lastStepOnly(steps: number): Float32Array {
  const rewards = new Float32Array(steps);
  if (steps > 0) rewards[steps - 1] = 1;
  return rewards;
}
