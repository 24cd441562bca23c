/**
 * Records episodes of one or more policies as a dataset: pixels and state side by side, actions drawn from the
 * policy, as V-D4RL was recorded.
 */
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentOptions } from '../../envs/environment.js';
import { isRemote } from '../../envs/remote/protocol.js';
import { InputError } from '../errors.js';
import { Generator } from '../random/generator.js';
import { recordingHeader } from './environmentOptions.js';
import type { Behaviour } from './experts.js';
import { type EpisodePlan, type PlayerFacts, Players, type PlayersOptions } from './players.js';
import type { Rollout } from './rollout.js';
import { PACKAGE_VERSION } from './version.js';

export interface CollectOptions {
  readonly task: string;
  /** The dataset's folder, which must not hold one yet. */
  readonly folder: string;
  /** Who acts in each episode. */
  readonly behaviours: readonly Behaviour[];
  /** Actions drawn from the policy (default), or its mode. */
  readonly mode?: 'sample' | 'mean' | undefined;
  /** Size, action repeat (a policy's own where they are not given), camera and distraction of the recording. */
  readonly environment?:
    | Pick<EnvironmentOptions, 'actionRepeat' | 'imageSize' | 'camera' | 'distraction'>
    | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Where policies compute; default: the fastest engine that loads, in float32. */
  readonly engine?: PlayersOptions['engine'];
  /** Threads that play episodes; default: one a core. The dataset is the same whatever their number. */
  readonly workers?: number | undefined;
  /** Kept in the manifest, e.g. the level. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
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
}

/**
 * Episode i follows from the seed and i alone. Stops between two episodes when `signal` is aborted; the dataset is
 * then whole, and shorter.
 */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { task, folder, mode = 'sample', seed = 0, signal, onEpisode, onInvalid, onNote } = options;
  const environment = recordingOptions(options);
  const behaviours = [...new Set(options.behaviours)];
  const random = new Generator(seed).child('collect');
  const plans = options.behaviours.map((behaviour, episode): EpisodePlan => {
    const stream = random.child(`episode ${episode}`);
    return {
      behaviour: behaviours.indexOf(behaviour),
      mode,
      seed: stream.bits32(),
      noiseSeed: stream.child('noise').bits32(),
    };
  });
  const { engine = { precision: 'float32', device: 'cpu' }, workers } = options;
  const players = await Players.create({ task, environment, behaviours, engine }, plans.length, workers);
  let invalid = 0;
  try {
    if (players.facts.engine !== undefined) onNote?.(players.facts.engine);
    const writer = await createWriter(options, players.facts);
    let appended: Promise<void> = Promise.resolve();
    let [played, recorded] = [0, 0];
    for await (const episode of players.play(plans, signal)) {
      const id = `episode-${String(played++).padStart(6, '0')}`;
      if (episode.invalid !== undefined) {
        invalid++;
        onInvalid?.(episode.invalid);
        continue;
      }
      await appended;
      appended = writer.append(toEpisode(episode, id));
      appended.catch(() => {});
      onEpisode?.(++recorded, plans.length, episode.return);
    }
    await appended;
    await writer.close();
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
    };
  } finally {
    await players.close();
  }
}

/** Both pixels and state, in the world the policies were trained in. */
function recordingOptions({
  behaviours,
  environment = {},
  seed = 0,
  task,
}: CollectOptions): EnvironmentOptions {
  const policies = [...new Set(behaviours)].flatMap((behaviour) => behaviour ?? []);
  let { actionRepeat, imageSize } = environment;
  let frameStack = 1;
  for (const { config, name } of policies) {
    // A server may run the same task elsewhere; whether it does, only whoever started it knows.
    if (config.task !== task && !isRemote(task))
      throw new InputError(`The policy ${name} was trained on ${config.task} and cannot act in ${task}.`);
    actionRepeat ??= config.actionRepeat;
    if (actionRepeat !== config.actionRepeat)
      throw new InputError(
        `The policy ${name} was trained at action repeat ${config.actionRepeat}: it cannot be recorded at ${actionRepeat}.`,
      );
    if (config.obs === 'state') continue;
    imageSize ??= config.imageSize;
    frameStack = config.frameStack;
    if (imageSize !== config.imageSize)
      throw new InputError(
        `The policy ${name} sees images of ${config.imageSize} pixels: it cannot be recorded at ${imageSize}.`,
      );
  }
  return {
    observations: 'both',
    seed,
    frameStack,
    ...(actionRepeat !== undefined && { actionRepeat }),
    ...(imageSize !== undefined && { imageSize }),
    ...(environment.camera !== undefined && { camera: environment.camera }),
    ...(environment.distraction !== undefined && { distraction: environment.distraction }),
  };
}

function createWriter(
  options: CollectOptions,
  { observationSpace, spec }: PlayerFacts,
): Promise<DatasetWriter> {
  const names = new Set(options.behaviours.map((behaviour) => behaviour?.name ?? 'uniform'));
  const header = recordingHeader(observationSpace, spec, {
    source: 'collected',
    writer: 'rlpd-pixels',
    writerVersion: PACKAGE_VERSION,
    lossy: false,
    details: {
      ...options.details,
      seed: options.seed ?? 0,
      actions: (options.mode ?? 'sample') === 'sample' ? 'drawn from the policy' : "the policy's mode",
      policies: [...names].join(', '),
    },
  });
  return DatasetWriter.create(options.folder, header);
}

function toEpisode(rollout: Rollout, id: string) {
  const { length, pixels, state, actions, rewards, terminated, truncated } = rollout;
  return { id, length, pixels, state, actions, rewards, terminated, truncated };
}
