/**
 * A policy that acts at a control rate, as on a robot: deadlines are counted, actions may be held back, it can be
 * stopped within a step, and what was done is recorded. Each episode is on the disk before the next one begins.
 */
import type { DatasetHeader } from '../../datasets/manifest.js';
import type { DatasetWriter } from '../../datasets/writer.js';
import type { Observation, ObservationSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import { ActionLimit } from './actionLimit.js';
import { type Clock, ControlRate, type Latency } from './controlRate.js';
import { recordingHeader } from './environmentOptions.js';
import type { NamedPolicy } from './experts.js';
import { badAction } from './finite.js';
import { actingHash, episodeId, recordInto, toEpisode } from './recording.js';
import { type AnyEnvironment, type Policy, type Rollout, rollout } from './rollout.js';
import { PACKAGE_VERSION } from './version.js';

export interface ActOptions {
  /** In a thread of its own, so that an environment that does not answer keeps nobody from stopping. */
  readonly environment: AnyEnvironment;
  readonly policy: Policy;
  readonly episodes: number;
  /** Agent steps after which an episode is truncated; default: where the environment ends it. */
  readonly maxSteps?: number | undefined;
  /** Control steps (env frames) a second; default: the environment's own. */
  readonly controlHz?: number | undefined;
  /** As `ActionLimit` has them; default: none. */
  readonly maxActionChange?: readonly number[] | undefined;
  /** Episode i starts from seed `seed + i`; of those that are recorded, i counts from the dataset's first. Default 0. */
  readonly seed?: number | undefined;
  /** A dataset of the episodes: a new one, or one of the same policy, rate and limits, which goes on. */
  readonly record?: { readonly folder: string; readonly behaviour: NamedPolicy } | undefined;
  /** No action leaves once it is aborted; the episode in progress is kept, truncated. */
  readonly signal?: AbortSignal | undefined;
  /** Told before the first episode how long an action is to last. */
  readonly onBegin?: ((rate: { readonly periodMs: number }) => void) | undefined;
  readonly onEpisode?: ((episode: Rollout) => void) | undefined;
  /** The first missed deadline of an episode, by its step, from 1. */
  readonly onMissed?: ((step: number, latencyMs: number) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface Acted {
  readonly episodes: number;
  /** Agent steps. */
  readonly steps: number;
  readonly returns: readonly number[];
  /** Episodes that succeeded; null where the task does not say. */
  readonly succeeded: number | null;
  /** Agent steps in which a person took over; null where nobody can. */
  readonly interventions: number | null;
  /** Episodes that broke off: the connection was lost, or the simulation went bad. */
  readonly invalid: number;
  /** Of an agent step, in milliseconds. */
  readonly periodMs: number;
  readonly missedDeadlines: number;
  readonly latencyMs: Latency | null;
  /** Actions that differ from the policy's by the limit on their change. */
  readonly heldBack: number;
  /** Episodes in the dataset. */
  readonly recorded: number;
  readonly finished: boolean;
}

/**
 * @throws InputError where limits do not fit the actions, the policy gives what is no number, or another dataset lies
 *   where is to be recorded; LockedError while another process records there
 */
export async function act(options: ActOptions): Promise<Acted> {
  const { environment, record } = options;
  const { spec } = environment;
  const { controlHz = 1 / spec.controlTimestep, maxActionChange } = options;
  const rate = new ControlRate((1000 * spec.actionRepeat) / controlHz, options.clock);
  const limit = maxActionChange && new ActionLimit(maxActionChange, spec);
  if (record === undefined) return actAtRate(options, rate, limit);
  const command = { controlHz, maxActionChange: maxActionChange ?? null };
  return recordInto(record.folder, actingHeader(environment, record.behaviour, command), (writer) =>
    actAtRate(options, rate, limit, writer),
  );
}

async function actAtRate(
  options: ActOptions,
  rate: ControlRate,
  limit: ActionLimit | undefined,
  writer?: DatasetWriter,
): Promise<Acted> {
  const { environment, policy, episodes, maxSteps, seed = 0, signal, onBegin, onEpisode, onMissed } = options;
  // An engine's first action takes longer than those that follow.
  await policy(nothingSeen(environment.observationSpace));
  onBegin?.(rate);
  const played: Rollout[] = [];
  const first = writer?.manifest.episodes ?? 0;
  let recorded = first;
  while (played.length < episodes && !signal?.aborted) {
    let step = 0;
    let hasMissed = false;
    const answered = (): void => {
      const { latencyMs, isLate } = rate.answered();
      if (isLate && !hasMissed) onMissed?.(step, latencyMs);
      hasMissed ||= isLate;
    };
    rate.begin();
    limit?.begin();
    const episode = await rollout({
      ...{ environment, maxSteps, signal, keepsStopped: true, seed: seed + first + played.length },
      policy: async (observation) => {
        await rate.next(signal);
        const action = await policy(observation);
        const bad = badAction(action);
        if (bad !== undefined) throw new InputError(`Stopped before step ${step + 1}: ${bad}.`);
        step++;
        return limit?.apply(action) ?? action;
      },
      watch: async (_, { executedAction }) => {
        if (step === 0) return;
        answered();
        if (executedAction != null) limit?.executed(executedAction);
      },
    });
    if (episode === undefined) break;
    if (episode.invalid !== undefined) answered();
    played.push(episode);
    if (episode.length > 0 && writer !== undefined) {
      await writer.append(toEpisode(episode, episodeId(recorded++)));
      await writer.flush();
    }
    onEpisode?.(episode);
  }
  const outcomes = played.flatMap(({ success }) => (success === undefined ? [] : [success]));
  const marks = played.flatMap(({ interventions }) =>
    interventions === undefined ? [] : [...interventions],
  );
  return {
    episodes: played.length,
    steps: played.reduce((sum, { length }) => sum + length, 0),
    returns: played.map((episode) => episode.return),
    succeeded: outcomes.length === 0 ? null : outcomes.filter(Boolean).length,
    interventions: marks.length === 0 ? null : marks.filter((mark) => mark === 1).length,
    invalid: played.filter(({ invalid }) => invalid !== undefined).length,
    periodMs: rate.periodMs,
    missedDeadlines: rate.missed,
    latencyMs: rate.latency,
    heldBack: limit?.held ?? 0,
    recorded,
    finished: played.length === episodes && !signal?.aborted,
  };
}

function nothingSeen({ images, state }: ObservationSpace): Observation {
  return {
    images: Object.fromEntries(
      images.map(({ name, height, width, channels, frameStack }) => [
        name,
        new Uint8Array(height * width * channels * frameStack),
      ]),
    ),
    ...(state && { state: new Float32Array(state.shape[0] ?? 0) }),
  };
}

/** Of a dataset of what a policy did. */
function actingHeader(
  { observationSpace, spec }: AnyEnvironment,
  behaviour: NamedPolicy,
  command: { readonly controlHz: number; readonly maxActionChange: readonly number[] | null },
): DatasetHeader {
  return recordingHeader(observationSpace, spec, {
    source: 'acted',
    writer: 'rlpd-pixels',
    writerVersion: PACKAGE_VERSION,
    lossy: false,
    details: {
      actions: "the policy's mode",
      policies: behaviour.name,
      command: {
        policies: actingHash([behaviour]),
        controlHz: command.controlHz,
        maxActionChange: command.maxActionChange && [...command.maxActionChange],
      },
    },
  });
}
