/**
 * Every setting of a run: the learner's (src/agent/config.ts) and those of the run around it. One flat object; its
 * names are the keys of `config.json` and, in kebab case, the flags of `rlpd train`.
 */
import { z } from 'zod';
import { distractionKinds, distractionLevels } from '../../envs/distraction/levels.js';
import { type AgentConfig, agentConfigSchema } from '../agent/config.js';
import type { BackendOptions } from '../backend/options.js';
import { didYouMean, InputError } from '../errors.js';
import { parseByteSize } from './byteSize.js';
import { parseDatasets } from './datasetWeights.js';
import { frameStackSchema, imageSizeSchema } from './imageSettings.js';

const runShape = {
  task: z
    .string()
    .min(1)
    .describe(
      'task to learn: one that "rlpd tasks" names, such as walker-walk, a module of your own, such as ./tasks/lift.mjs, or remote:HOST:PORT',
    ),
  dataset: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'folder of a dataset; may be given several times, with weights (DIR:0.7) to draw from each in that share',
    ),
  datasetMemory: z
    .string()
    .refine((text) => parseByteSize(text) !== undefined, 'expected a size such as 4GB or 500MB')
    .nullable()
    .default(null)
    .describe(
      'memory that datasets may take, such as 4GB; further images are read from a file in the run folder, and what is learnt stays the same; null: what is free',
    ),
  obs: z
    .enum(['pixels', 'state', 'both'])
    .default('pixels')
    .describe('what the policy sees: pixels, state or both'),
  seed: z.int().min(0).max(0xffffffff).default(0).describe('seed of everything random'),
  envFrames: z
    .int()
    .min(0)
    .default(300_000)
    .describe('control steps of the environment in total (agent steps × actionRepeat)'),
  randomSteps: z
    .int()
    .min(0)
    .default(5000)
    .describe(
      'agent steps of uniform random actions (ibrl: of the cloned policy), without updates, at the start',
    ),

  actionRepeat: z
    .int()
    .min(1)
    .default(2)
    .describe(
      "control steps for each action; where nothing is given the task's own, such as 1 for the arm's",
    ),
  cameras: z.array(z.string().min(1)).default([]).meta({
    isList: true,
    description:
      "names or numbers of the cameras, an image each, such as front,wrist; default: the task's own",
  }),
  imageSize: imageSizeSchema
    .default(64)
    .describe('pixels of an image: its side, WIDTHxHEIGHT, or by image, such as front=128x96,wrist=64'),
  frameStack: frameStackSchema
    .default(3)
    .describe('frames stacked in an image, or by image, such as front=3,wrist=1'),
  distraction: z
    .enum(['none', ...distractionLevels])
    .default('none')
    .describe('how far colours, camera and background vary'),
  distractionKinds: z
    .array(z.enum(distractionKinds))
    .default([...distractionKinds])
    .describe(
      'what varies: colour, camera, background; may be given several times, and is all three by default',
    ),
  distractionBackgrounds: z
    .string()
    .nullable()
    .default(null)
    .describe('folder of pictures and films to put behind the scene; null: pictures made by the program'),

  interventions: z
    .enum(['both', 'online'])
    .default('both')
    .describe(
      'where transitions go in which a person took over: the replay and the prior data (both), or the replay alone (online)',
    ),

  rewardScale: z
    .number()
    .positive()
    .default(1)
    .describe(
      'what the reward of each agent step is multiplied by, in both halves of a batch, as it is learnt from',
    ),
  rewardShift: z
    .number()
    .default(0)
    .describe('what is then added to it; evaluations, episodes and datasets keep the rewards as they are'),

  rewardClassifier: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'file of a classifier (rlpd classifier train) that is the reward: 1 where it sees success, which ends the episode; null: the reward of the task',
    ),
  rewardThreshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('probability of the classifier above which it counts as success'),
  rewardClassifierHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 as 64 hexadecimal digits')
    .nullable()
    .default(null)
    .describe("SHA-256 of the classifier's file; null: the one that it has when the run begins"),

  evaluationInterval: z.int().min(1).default(10_000).describe('env frames between evaluations'),
  evaluationEpisodes: z.int().min(1).default(10).describe('episodes of one evaluation'),
  checkpointInterval: z.int().min(1).default(20_000).describe('env frames between checkpoints'),
  keepCheckpoints: z.int().min(1).default(2).describe('checkpoints that are kept; older ones are deleted'),
  snapshots: z
    .boolean()
    .default(false)
    .describe('whether every evaluation keeps its policy as a small file (RUN/policies)'),
  films: z
    .boolean()
    .default(true)
    .describe('whether every evaluation keeps its first episode, as it was scored (a dataset, RUN/films)'),
  logInterval: z.int().min(1).default(1000).describe('env frames between lines of training metrics'),
  replayCapacity: z
    .int()
    .min(2)
    .nullable()
    .default(null)
    .describe('observations the replay keeps; null: all of the run'),

  backend: z
    .enum(['auto', 'torch', 'tensorflow', 'wasm', 'cpu'])
    .default('auto')
    .describe('tensor engine; auto: the fastest that loads'),
  precision: z
    .enum(['auto', 'float32', 'bfloat16'])
    .default('auto')
    .describe('what convolutions and matrix products compute in; weights stay float32'),
  device: z
    .enum(['auto', 'cpu', 'cuda'])
    .default('auto')
    .describe('where the torch engine computes; auto: the GPU where it has one'),
  replayDevice: z
    .enum(['auto', 'cpu', 'cuda'])
    .default('auto')
    .describe(
      "where the GPU finds the replay's images: its own memory, or the computer's, from which each batch crosses; auto: its own if they fit into 60% of it",
    ),
  threads: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('threads of the torch engine, the only one that takes a number; null: all cores'),
};

/** The shape, by name, from which the command line makes its flags. */
export const runConfigShape = { ...runShape, ...agentConfigSchema.shape };

const runConfigSchema = z.strictObject(runConfigShape);

/** Every setting of a run, each with its value. */
export type RunConfig = z.infer<typeof runConfigSchema>;
/** Those of a classifier that is the reward. */
export type RewardSettings = Pick<RunConfig, 'rewardClassifier' | 'rewardThreshold' | 'rewardClassifierHash'>;
/** Settings as they are given: `task` alone must be, the others have defaults. */
export interface RunSettings extends z.input<typeof runConfigSchema> {}

/** @throws InputError naming the first setting that is wrong */
export function parseRunConfig(
  settings: unknown,
  where: (name: string) => string = (name) => `"${name}"`,
): RunConfig {
  const parsed = runConfigSchema.safeParse(settings);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    if (issue?.code === 'unrecognized_keys') {
      const key = issue.keys[0] ?? '';
      throw new InputError(`${where(key)} is no setting${suggestSetting(key)}`);
    }
    const name = String(issue?.path[0] ?? '');
    if (name === 'task' && (settings as Record<string, unknown>)?.task === undefined)
      throw new InputError('No task was given: name one with --task, such as --task walker-walk.');
    throw new InputError(
      `${where(name)} cannot be ${JSON.stringify((settings as Record<string, unknown>)?.[name])}: ${issue?.message}.`,
    );
  }
  const config = parsed.data;
  const agent = agentConfigSchema.safeParse(agentSettings(config));
  if (!agent.success) {
    const issue = agent.error.issues[0];
    const name = String(issue?.path[0] ?? '');
    throw new InputError(
      `${where(name)} cannot be ${JSON.stringify(config[name as keyof RunConfig])}: ${issue?.message}.`,
    );
  }
  checkTogether(config);
  return config;
}

/** Settings that an earlier version wrote, in today's words. */
export function fromEarlierVersion(settings: unknown): unknown {
  if (typeof settings !== 'object' || settings === null || !('camera' in settings)) return settings;
  const { camera, ...rest } = settings;
  return { cameras: camera === null ? [] : [camera], ...rest };
}

/** The learner's part of a run's settings. */
export function agentSettings(config: RunConfig): AgentConfig {
  const names = Object.keys(agentConfigSchema.shape) as (keyof AgentConfig)[];
  return Object.fromEntries(names.map((name) => [name, config[name]])) as AgentConfig;
}

/** The tensor engine a run asks for. */
export function backendOptions(config: RunConfig): BackendOptions {
  return {
    backend: config.backend,
    // Products as small as a state agent's take longer to convert to bf16 than bf16 saves.
    precision: config.precision === 'auto' && config.obs === 'state' ? 'float32' : config.precision,
    device: config.device,
    replayDevice: config.replayDevice,
    threads: config.threads ?? undefined,
  };
}

/** Whether the run steps an environment while it learns; behaviour cloning learns from the dataset alone. */
export function learnsOnline(config: RunConfig): boolean {
  return config.algorithm !== 'bc';
}

function checkTogether(config: RunConfig): void {
  const { algorithm, dataset, datasetMemory, offlineMode, pretrainUpdates, actorBcWeight } = config;
  const hasData = dataset.length > 0;
  const hasWeights = parseDatasets(dataset).some(({ weight }) => weight !== undefined);
  if (config.rewardClassifier !== null && config.obs === 'state')
    throw new InputError(
      'A classifier sees success in images, and --obs state shows none: give --obs pixels or both.',
    );
  if (algorithm === 'bc' && !hasData)
    throw new InputError('Behaviour cloning learns from a dataset: give one with --dataset DIR.');
  if (algorithm === 'bc' && pretrainUpdates === 0)
    throw new InputError(
      'Behaviour cloning has nothing to do with pretrainUpdates at 0: give --pretrain-updates N.',
    );
  if (algorithm === 'ibrl' && !hasData)
    throw new InputError('IBRL clones a dataset before its first step: give one with --dataset DIR.');
  if (algorithm === 'ibrl' && pretrainUpdates === 0)
    throw new InputError(
      'IBRL has no cloned policy with pretrainUpdates at 0: give --pretrain-updates N, or --preset ibrl.',
    );
  if (algorithm !== 'bc' && offlineMode !== 'none' && !hasData)
    throw new InputError(
      `Offline mode "${offlineMode}" mixes in a dataset: give one with --dataset DIR, or learn without (--preset online-only or --offline-mode none).`,
    );
  if (algorithm !== 'bc' && offlineMode === 'none' && hasData)
    throw new InputError(
      'A dataset was given, and --offline-mode none would leave it unused: drop one of them.',
    );
  if (algorithm !== 'bc' && offlineMode === 'seeded' && hasWeights)
    throw new InputError(
      'With --offline-mode seeded the datasets are in the one replay that batches are drawn from, and have no shares of their own: give them without weights.',
    );
  if (algorithm !== 'bc' && offlineMode === 'seeded' && datasetMemory !== null)
    throw new InputError(
      'With --offline-mode seeded the datasets are in the replay, which is held in memory whole: --dataset-memory does not go with it.',
    );
  if (offlineMode === 'none' && actorBcWeight > 0)
    throw new InputError(
      'The constraint holds the actor to the actions of a dataset: --actor-bc-weight does not go with --offline-mode none.',
    );
  if (offlineMode === 'none' && pretrainUpdates > 0)
    throw new InputError(
      'Updates before the first step need a dataset: --pretrain-updates does not go with --offline-mode none.',
    );
}

export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The end of a sentence about a name that is no setting. */
export function suggestSetting(unknown: string): string {
  return didYouMean(unknown, Object.keys(runConfigShape));
}
