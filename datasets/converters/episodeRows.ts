/**
 * From the rows of a recording to an episode: which action led to which observation, where the episode ends, what
 * becomes of its last row. Every row is accounted for: it is in the episode, or a sentence says why not.
 *
 * Most formats write, in row t, observation t with the action chosen on it and the reward that came of it. The
 * observation that the last row's action led to may be there as one more row. Where it is not,
 * - and the task ends with that action, its value is never used: the last observation is repeated;
 * - and it does not end, the last action is dropped, unless the episode's only reward would go with it.
 */
import { InputError } from '../../src/errors.js';
import type { Episode, EpisodeSource } from '../episode.js';
import type { SourceEpisode, SourceProblem } from './conversionSource.js';
import type { Alignment } from './openOptions.js';

export interface EpisodeRows {
  readonly id: string;
  /** Number of observations: rows, and the final one where there is one. */
  readonly observations: number;
  /** Rows of actions; rewards and flags have as many, or there are none. */
  readonly steps: number;
  /** `[steps, A]`. */
  readonly actions: Float32Array;
  readonly actionSize: number;
  /** `[steps]`, null where none are recorded. */
  readonly rewards: Float32Array | null;
  readonly alignment: Alignment;
  readonly ends: EpisodeEnds;
  /** Whether it has succeeded, where something says so. */
  readonly success: boolean | null;
  readonly source: EpisodeSource;
}

/** `[steps]` each, not 0 where it is so; null where the source does not say. */
export interface EpisodeEnds {
  readonly terminated: Float32Array | null;
  readonly truncated: Float32Array | null;
  /** An end of either kind. */
  readonly done: Float32Array | null;
  /** `step`: the row's action ended it. `observation`: the row's observation is the last one. */
  readonly of: 'step' | 'observation';
}

/** What becomes of the rows: the transitions of an episode, and how to pick the observations around them. */
export interface PickedRows {
  /** T. */
  readonly length: number;
  /** Observations o[0] … o[T] are rows 0 … T, but the last is row T − 1 again where this is set. */
  readonly repeatsLast: boolean;
  readonly episode: Omit<Episode, 'images'>;
  readonly problems: readonly SourceProblem[];
}

/** @param reward see `OpenOptions.reward`; a named array is already in `rows.rewards` */
export function pickRows(rows: EpisodeRows, reward: string | undefined): PickedRows {
  const isSparse = reward === 'sparse';
  if (!isSparse && rows.rewards === null)
    throw new InputError(
      `${rows.id} has no rewards: say --reward sparse (1 for the last step of each episode that succeeded), or --reward with the name of an array.`,
    );
  const aligned = rows.alignment === 'led' ? fromLed(rows) : rows;
  const { observations, steps, rewards, ends } = aligned;
  if (steps !== observations && steps !== observations - 1)
    throw new InputError(
      `${rows.id} has ${rows.observations} observations and ${rows.steps} actions; as many, or one action less, are expected.`,
    );
  const problems: SourceProblem[] = [];
  const note = (kind: string, message: string): void => {
    problems.push({ kind, severity: 'suspicion', message, repaired: true });
  };
  const end = findEnd(aligned);
  const hasFailed = rows.success === false;
  let terminated = end?.kind === 'terminated';
  if (end?.kind === 'done') {
    terminated = !hasFailed;
    if (hasFailed) note('end', 'It ends without success: that is taken for a time limit.');
  }
  let truncated = end !== null ? !terminated : ends.truncated === null;
  let length = end === null ? steps : end.steps;
  let repeatsLast = false;
  if (length === observations) {
    // The last action has no observation after it.
    const isNeeded = isOnlyReward(rewards, length - 1);
    repeatsLast = terminated || isNeeded;
    if (!repeatsLast) length--;
    if (isNeeded && !terminated && !isSparse)
      note(
        'last-row',
        `Its last row holds its only reward, ${rewards?.[length - 1]}, and no observation follows it: the last one is repeated. If that reward is success, --reward sparse ends the episode there.`,
      );
  } else if (end !== null && observations - 1 > length) {
    const after = observations - 1 - length;
    note(
      'rows-after-end',
      `It ends at row ${end.row} of ${observations}, and the ${after === 1 ? 'row' : `${after} rows`} after its last observation ${after === 1 ? 'is' : 'are'} left out.`,
    );
  }
  length = Math.max(0, length);
  if (isSparse) {
    terminated = !hasFailed;
    truncated = hasFailed;
    if (hasFailed) note('no-success', 'It has not succeeded by its own record: it gets no reward.');
  }
  const kept = (values: Float32Array): Float32Array => values.slice(0, length);
  return {
    length,
    repeatsLast,
    episode: {
      id: rows.id,
      length,
      actions: aligned.actions.slice(0, length * rows.actionSize),
      rewards: isSparse ? lastStepOnly(length, hasFailed ? 0 : 1) : kept(rewards ?? new Float32Array()),
      terminated,
      truncated,
      ...(rows.success !== null && { success: rows.success }),
      source: rows.source,
    },
    problems,
  };
}

/** Row t ≥ 1's action led from observation t − 1 to t; that of row 0 led from nowhere. */
function fromLed(rows: EpisodeRows): EpisodeRows {
  if (rows.steps !== rows.observations)
    throw new InputError(
      `${rows.id} has ${rows.observations} observations and ${rows.steps} actions; as many are expected where each action led to the observation of its row.`,
    );
  const later = (values: Float32Array | null, size = 1): Float32Array | null => values?.slice(size) ?? null;
  const { ends } = rows;
  return {
    ...rows,
    steps: Math.max(0, rows.steps - 1),
    actions: rows.actions.slice(rows.actionSize),
    rewards: later(rows.rewards),
    ends: {
      ...ends,
      of: 'step',
      terminated: later(ends.terminated),
      truncated: later(ends.truncated),
      done: later(ends.done),
    },
  };
}

interface End {
  readonly kind: 'terminated' | 'truncated' | 'done';
  /** The row that says so. */
  readonly row: number;
  /** Transitions up to it. */
  readonly steps: number;
}

/** The first end; of two kinds in one row the task's own. */
function findEnd({ ends, steps, observations, rewards }: EpisodeRows): End | null {
  for (let row = 0; row < steps; row++) {
    const kind = (['terminated', 'truncated', 'done'] as const).find((key) => (ends[key]?.[row] ?? 0) !== 0);
    if (kind === undefined) continue;
    if (ends.of === 'step') return { kind, row, steps: row + 1 };
    // A reward in the row of the last observation came of an action that is recorded there too.
    const isRewarded = kind === 'truncated' ? isOnlyReward(rewards, row) : (rewards?.[row] ?? 0) !== 0;
    return { kind, row, steps: row === observations - 1 && isRewarded ? row + 1 : row };
  }
  return null;
}

function isOnlyReward(rewards: Float32Array | null, row: number): boolean {
  return rewards !== null && row >= 0 && rewards.findIndex((value) => value !== 0) === row;
}

function lastStepOnly(steps: number, value: number): Float32Array {
  const rewards = new Float32Array(steps);
  if (steps > 0) rewards[steps - 1] = value;
  return rewards;
}

/** The episode, with its images and state, row for row. */
export function withObservations(
  picked: PickedRows,
  images: Readonly<Record<string, Uint8Array>>,
  state: Float32Array | null,
): SourceEpisode {
  const { length, repeatsLast, episode, problems } = picked;
  const around = <T extends Uint8Array | Float32Array>(values: T): T => {
    const rows = repeatsLast ? length : length + 1;
    const row = values.length / rows;
    if (!repeatsLast) return values;
    const repeated = new (values.constructor as new (size: number) => T)(values.length + row);
    repeated.set(values);
    repeated.set(values.subarray(values.length - row), values.length);
    return repeated;
  };
  return {
    episode: {
      ...episode,
      images: Object.fromEntries(Object.entries(images).map(([name, pixels]) => [name, around(pixels)])),
      ...(state !== null && state.length > 0 && { state: around(state) }),
    },
    problems,
  };
}
