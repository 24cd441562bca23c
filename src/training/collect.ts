/**
 * Records episodes of one or more policies as a dataset: pixels and state side by side, actions drawn from the
 * policy, as V-D4RL was recorded. What was interrupted goes on where it was and ends in the same bytes: episodes follow
 * from the seed and their number, and shards end at numbers of episodes that depend on nothing else.
 */
import { lockDataset } from '../../datasets/datasetLock.js';
import type { Manifest } from '../../datasets/manifest.js';
import type { DatasetWriter } from '../../datasets/writer.js';
import { InputError } from '../errors.js';
import { Generator } from '../random/generator.js';
import { recordingHeader } from './environmentOptions.js';
import { behaviourName, DEMONSTRATOR } from './experts.js';
import { type EpisodePlan, type PlayerFacts, Players, type PlayersOptions } from './players.js';
import {
  actingHash,
  episodeId,
  episodeNumber,
  moduleHash,
  openRecording,
  type RecordingOptions,
  recordingOptions,
  toEpisode,
} from './recording.js';
import { TRIES_PER_SUCCESS } from './successRate.js';
import { PACKAGE_VERSION } from './version.js';

export interface CollectOptions extends RecordingOptions {
  /** The dataset's folder: a new one, or that of an interrupted recording with the same options, which goes on. */
  readonly folder: string;
  /** Actions drawn from the policy (default), or its mode; a scripted expert's with some unsteadiness, or without. */
  readonly mode?: 'sample' | 'mean' | undefined;
  /** Where policies compute; default: the fastest engine that loads, in float32. */
  readonly engine?: PlayersOptions['engine'];
  /** Where a classifier is the reward, with its hash (`settledReward`). */
  readonly reward?: PlayersOptions['reward'];
  /** Threads that play episodes; default: one a core. The dataset is the same whatever their number. */
  readonly workers?: number | undefined;
  /** Kept in the manifest, e.g. the level. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
  /** Record only episodes that succeeded, as many as there are behaviours, which take turns until then. */
  readonly keepSuccesses?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEpisode?: ((done: number, total: number, episodeReturn: number) => void) | undefined;
  /** An episode whose simulation went bad: it is not recorded. */
  readonly onInvalid?: ((reason: string) => void) | undefined;
  /** Told which engine computes, where a policy acts. */
  readonly onNote?: ((line: string) => void) | undefined;
}

export interface Collected {
  readonly task: string;
  readonly out: string;
  readonly episodes: number;
  readonly steps: number;
  readonly returnMean: number | null;
  readonly returnMin: number | null;
  readonly returnMax: number | null;
  /** Episodes left out because the simulation went bad. */
  readonly invalid: number;
  /** Episodes played, and how many of them succeeded; null where the task does not say. */
  readonly played: number;
  readonly succeeded: number | null;
  /** Whether the recording came to its end, or was stopped on the way. */
  readonly finished: boolean;
}

/** Episodes that a kill costs at most, those in progress aside. */
const SHARD_EPISODES = 16;

/** Whether a shard ends after so many episodes: after 1, 2, 4, 8 and 16, so that little is lost early, then every 16. */
function endsShard(episodes: number): boolean {
  return episodes < SHARD_EPISODES ? (episodes & (episodes - 1)) === 0 : episodes % SHARD_EPISODES === 0;
}

/**
 * Records episodes on all cores as a dataset: what `rlpd collect` does.
 *
 * Episode i follows from the seed and i alone. Stops between two episodes when `signal` is aborted; the dataset is
 * then whole, and shorter, and the same options go on with it. Where successes alone are kept, there may be fewer than
 * wanted.
 * @throws InputError where policies and options do not fit each other, or the folder holds another dataset;
 *   LockedError while another process records there
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  recordingOptions(options);
  const lock = await lockDataset(options.folder);
  try {
    return await collectAlone(options);
  } finally {
    await lock.release();
  }
}

async function collectAlone(options: CollectOptions): Promise<Collected> {
  const { task, folder, mode = 'sample', seed = 0, signal, onEpisode, onInvalid, onNote } = options;
  const { keepSuccesses = false } = options;
  const environment = recordingOptions(options);
  const behaviours = [...new Set(options.behaviours)];
  const random = new Generator(seed).child('collect');
  const wanted = options.behaviours.length;
  const tries = wanted * (keepSuccesses ? TRIES_PER_SUCCESS : 1);
  const plans = Array.from({ length: tries }, (_, episode): EpisodePlan => {
    const stream = random.child(`episode ${episode}`);
    return {
      behaviour: behaviours.indexOf(options.behaviours[episode % wanted]),
      mode,
      seed: stream.bits32(),
      noiseSeed: stream.child('noise').bits32(),
    };
  });
  const { engine = { precision: 'float32', device: 'cpu' }, reward, workers } = options;
  const players = await Players.create(
    { task, environment, behaviours, engine, reward },
    plans.length,
    workers,
  );
  try {
    if (players.facts.engine !== undefined) onNote?.(players.facts.engine);
    const writer = await openWriter(options, players.facts);
    let recorded = writer.manifest.episodes;
    let played = playedBefore(writer.manifest);
    // Of those that were left out before, nobody knows which had failed.
    let invalid = keepSuccesses ? 0 : played - recorded;
    const outcomes = writer.manifest.shards.flatMap(({ index }) => index.map(({ success }) => success));
    if (played > 0) onNote?.(`Going on after ${recorded} of ${wanted} episodes.`);
    try {
      let appended: Promise<unknown> = Promise.resolve();
      const left = recorded < wanted ? plans.slice(played) : [];
      for await (const episode of players.play(left, signal)) {
        const id = episodeId(played++);
        outcomes.push(episode.success);
        if (episode.invalid !== undefined) {
          invalid++;
          onInvalid?.(episode.invalid);
          continue;
        }
        if (keepSuccesses && episode.success === undefined)
          throw new InputError(
            `${task} does not say whether an episode has succeeded, and --keep-successes has nothing to go by: leave it out.`,
          );
        if (keepSuccesses && !episode.success) continue;
        await appended;
        const added = writer.append(toEpisode(episode, id));
        appended = Promise.all(endsShard(++recorded) ? [added, writer.flush()] : [added]);
        appended.catch(() => {});
        onEpisode?.(recorded, wanted, episode.return);
        if (recorded === wanted) break;
      }
      await appended;
      // Without an episode it stays incomplete.
      if (recorded > 0) await writer.close();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    if (keepSuccesses && recorded < wanted && played === tries)
      onNote?.(
        `${recorded} of ${wanted} episodes were recorded: no more succeeded in ${played} tries, ${TRIES_PER_SUCCESS} for each that was wanted.`,
      );
    const { episodes, steps, returns } = writer.manifest;
    return {
      task,
      out: folder,
      episodes,
      steps,
      returnMean: returns?.mean ?? null,
      returnMin: returns?.min ?? null,
      returnMax: returns?.max ?? null,
      invalid,
      played,
      succeeded: outcomes.every((success) => success === undefined)
        ? null
        : outcomes.filter((success) => success === true).length,
      finished: recorded === wanted || played === tries,
    };
  } finally {
    await players.close();
  }
}

/** Of a new dataset, or of the interrupted one that lies in the folder. */
async function openWriter(
  options: CollectOptions,
  { observationSpace, spec }: PlayerFacts,
): Promise<DatasetWriter> {
  const { folder, engine } = options;
  const names = new Set(options.behaviours.map(behaviourName));
  const header = recordingHeader(observationSpace, spec, {
    source: 'collected',
    writer: 'rlpd-pixels',
    writerVersion: PACKAGE_VERSION,
    lossy: false,
    details: {
      ...options.details,
      ...(options.keepSuccesses && { kept: 'episodes that succeeded' }),
      seed: options.seed ?? 0,
      actions: actionWords(options),
      policies: [...names].join(', '),
      command: {
        episodes: options.behaviours.length,
        seed: options.seed ?? 0,
        mode: options.mode ?? 'sample',
        policies: actingHash(options.behaviours),
        backend: engine?.backend ?? 'auto',
        environment: JSON.stringify(recordingOptions(options)),
        ...(await moduleHash(options.task)),
        ...(options.keepSuccesses && { keepSuccesses: true }),
        ...(options.reward && {
          rewardClassifier: options.reward.rewardClassifierHash,
          rewardThreshold: options.reward.rewardThreshold,
        }),
      },
    },
  });
  return openRecording(folder, header, (manifest) => lastingEpisodes(manifest, options));
}

function actionWords({ behaviours, mode = 'sample' }: CollectOptions): string {
  if (behaviours.includes(DEMONSTRATOR)) return mode === 'sample' ? "an expert's, unsteady" : "an expert's";
  return mode === 'sample' ? 'drawn from the policy' : "the policy's mode";
}

/**
 * Episodes of an interrupted recording that an undisturbed one would have in the same shards. A last shard that was
 * closed early, by a stop or a full disk, is recorded anew.
 */
function lastingEpisodes(manifest: Manifest, { behaviours, keepSuccesses }: CollectOptions): number {
  const { episodes, shards } = manifest;
  const done = keepSuccesses ? episodes : playedBefore(manifest);
  if (endsShard(episodes) || done === behaviours.length) return episodes;
  return episodes - (shards.at(-1)?.episodes ?? 0);
}

/** Episodes that were played until the last that was recorded. Those between that were left out have no number. */
function playedBefore({ shards }: Manifest): number {
  const last = shards.at(-1)?.index.at(-1)?.id;
  return last === undefined ? 0 : episodeNumber(last) + 1;
}
