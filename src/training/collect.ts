/**
 * Records episodes of one or more policies as a dataset: pixels and state side by side, actions drawn from the
 * policy, as V-D4RL was recorded.
 */
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentOptions } from '../../envs/environment.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import type { RlpdAgent } from '../agent/agent.js';
import { InputError } from '../errors.js';
import { Generator } from '../random/generator.js';
import { recordingHeader } from './environmentOptions.js';
import type { Behaviour } from './experts.js';
import { policyAgent } from './policyFile.js';
import { concatenate, type Policy, type Rollout, rollout } from './rollout.js';
import { PACKAGE_VERSION } from './version.js';

export interface CollectOptions {
  readonly task: string;
  /** The dataset's folder, which must not hold one yet. */
  readonly folder: string;
  /** Who acts in each episode. */
  readonly behaviours: readonly Behaviour[];
  /** Actions drawn from the policy, or its mode. */
  readonly mode: 'sample' | 'mean';
  /** Size, action repeat (a policy's own where they are not given), camera and distraction of the recording. */
  readonly environment: Pick<EnvironmentOptions, 'actionRepeat' | 'imageSize' | 'camera' | 'distraction'>;
  readonly seed: number;
  /** Kept in the manifest, e.g. the level. */
  readonly details: Readonly<Record<string, string | number>>;
  readonly signal?: AbortSignal | undefined;
  readonly onEpisode?: ((done: number, total: number, episodeReturn: number) => void) | undefined;
  /** An episode whose simulation went bad: it is not recorded. */
  readonly onInvalid?: ((reason: string) => void) | undefined;
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

/** Stops between two episodes when `signal` is aborted; the dataset is then whole, and shorter. */
export async function collect(options: CollectOptions): Promise<Collected> {
  const { task, folder, behaviours, seed, signal, onEpisode, onInvalid } = options;
  const environment = await EnvironmentWorker.create(task, recordingOptions(options));
  const agents = new Map<Behaviour, RlpdAgent>();
  const random = new Generator(seed).child('collect');
  let invalid = 0;
  try {
    const writer = await createWriter(options, environment);
    let appended: Promise<void> = Promise.resolve();
    let recorded = 0;
    for (const [episode, behaviour] of behaviours.entries()) {
      if (behaviour !== undefined && !agents.has(behaviour))
        agents.set(behaviour, policyAgent(behaviour, environment, random.child(behaviour.name).bits32()));
      const agent = agents.get(behaviour);
      const stream = random.child(`episode ${episode}`);
      const result = await rollout({
        environment,
        policy: agent === undefined ? uniformPolicy(environment, stream) : (o) => agent.act(o, options.mode),
        seed: stream.bits32(),
        signal,
      });
      if (result === undefined) break;
      if (result.invalid !== undefined) {
        invalid++;
        onInvalid?.(result.invalid);
        continue;
      }
      await appended;
      appended = writer.append(toEpisode(result, `episode-${String(episode).padStart(6, '0')}`));
      appended.catch(() => {});
      onEpisode?.(++recorded, behaviours.length, result.return);
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
    await environment.close();
    for (const agent of agents.values()) agent.dispose();
  }
}

/** Both pixels and state, in the world the policies were trained in. */
function recordingOptions({ behaviours, environment, seed, task }: CollectOptions): EnvironmentOptions {
  const policies = [...new Set(behaviours)].flatMap((behaviour) => behaviour ?? []);
  let { actionRepeat, imageSize } = environment;
  let frameStack = 1;
  for (const { config, name } of policies) {
    if (config.task !== task)
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

function createWriter(options: CollectOptions, environment: EnvironmentWorker): Promise<DatasetWriter> {
  const names = new Set(options.behaviours.map((behaviour) => behaviour?.name ?? 'uniform'));
  const header = recordingHeader(environment.observationSpace, environment.spec, {
    source: 'collected',
    writer: 'rlpd-pixels',
    writerVersion: PACKAGE_VERSION,
    lossy: false,
    details: {
      ...options.details,
      seed: options.seed,
      actions: options.mode === 'sample' ? 'drawn from the policy' : "the policy's mode",
      policies: [...names].join(', '),
    },
  });
  return DatasetWriter.create(options.folder, header);
}

function uniformPolicy({ spec }: EnvironmentWorker, random: Generator): Policy {
  return () => Float32Array.from({ length: spec.actionSize }, () => random.uniform(-1, 1));
}

function toEpisode(result: Rollout, id: string) {
  const { length, actions, rewards, terminated, truncated } = result;
  return {
    id,
    length,
    pixels: concatenate(result.frames, Uint8Array),
    state: concatenate(result.states, Float32Array),
    actions,
    rewards,
    terminated,
    truncated,
  };
}
