/**
 * A checkpoint is a folder `checkpoints/step-NNNNNNNN`: `agent.safetensors` (weights, moving averages, moments),
 * `episode.safetensors` (the episode in progress) and `state.json` (counters, generators, environment, and how far
 * the files that only grow were: metrics and replay; and the other two files' SHA-256). It is written under another
 * name, flushed and renamed; `checkpoints/latest` then names it. So there is a whole one at any moment, whatever
 * happens.
 */
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { EnvironmentState } from '../../envs/environment.js';
import type { AgentState } from '../agent/agent.js';
import { InputError } from '../errors.js';
import { PARTIAL_ENDING, syncFolder, writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import {
  type ByteTensor,
  type FloatTensor,
  floatTensors,
  readSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from '../files/safetensors.js';
import type { GeneratorState } from '../random/generator.js';
import type { ReplayEpisode } from '../replay/replayBuffer.js';
import { type EpisodeTally, episodeTallySchema } from './episodeTally.js';
import type { Counters, MeanMetricsState, MetricsPosition } from './metrics.js';
import type { RunData } from './runData.js';
import { stepName, stepOf } from './runPosition.js';

/** The JSON part. */
export interface RunState {
  readonly counters: Counters;
  readonly agent: AgentState;
  readonly generators: { readonly exploration: GeneratorState; readonly sampling: GeneratorState };
  /** Of the source of experience; null before the first episode. */
  readonly environment: EnvironmentState | null;
  /** Where experience comes from that is not of an environment of the run's own. */
  readonly experience?: 'actors' | undefined;
  /** Whether there is no episode in progress, though there was one before. */
  readonly isBetweenEpisodes?: boolean | undefined;
  /** Finished episodes in the run's `replay` dataset. */
  readonly replayEpisodes: number;
  /** Env frames of the episode in progress. */
  readonly episodeFrames: number;
  /** Of the episode in progress. */
  readonly episodeTally: EpisodeTally;
  /** Agent steps in which a person took over, since the last line of metrics; absent where nobody can. */
  readonly interventions?: number | undefined;
  /** The last evaluation's mean return. */
  readonly evaluationMean: number | null;
  /** The greatest mean return of all evaluations, whose policy is kept. */
  readonly bestEvaluationMean: number | null;
  /** An evaluation that was interrupted and is still to be done. */
  readonly evaluationDue: boolean;
  readonly metrics: MetricsPosition;
  readonly means: MeanMetricsState;
  /** Wall-clock seconds that the run computed until here. */
  readonly seconds: number;
  /** What was learnt from; undefined in checkpoints of earlier versions. */
  readonly data?: RunData | undefined;
}

export type EpisodeInProgress = Omit<ReplayEpisode, 'terminated'>;
type Tensors = ReadonlyMap<string, { readonly shape: number[]; readonly data: Float32Array }>;

export interface Checkpoint {
  readonly state: RunState;
  readonly tensors: Tensors;
  /** Null where none is in progress. */
  readonly episode: EpisodeInProgress | null;
}

/** The file that names the newest of a folder's checkpoints. */
export const LATEST_FILE = 'latest';
const AGENT_FILE = 'agent.safetensors';
const STATE_FILE = 'state.json';
const EPISODE_FILE = 'episode.safetensors';
const FORMAT_VERSION = 1;

const count = z.int().min(0);
const dataFolder = z.object({ folder: z.string(), sha256: z.string() });
/** What is read here is checked; the agent, the generators and the environment check their own on restoring. */
const stateSchema = z.object({
  version: z.literal(FORMAT_VERSION),
  /** By file name; a checkpoint that does not say them is taken as it is. */
  sha256: z.record(z.string(), z.string()).default({}),
  counters: z.object({ envFrames: count, agentSteps: count, updates: count, episodes: count }),
  agent: z.custom<AgentState>((value) => typeof value === 'object' && value !== null),
  generators: z.object({
    exploration: z.custom<GeneratorState>((value) => typeof value === 'object' && value !== null),
    sampling: z.custom<GeneratorState>((value) => typeof value === 'object' && value !== null),
  }),
  environment: z.record(z.string(), z.unknown()).nullable(),
  experience: z.literal('actors').optional(),
  isBetweenEpisodes: z.boolean().optional(),
  replayEpisodes: count,
  episodeFrames: count,
  episodeTally: episodeTallySchema.optional(),
  // Checkpoints of earlier versions say this alone.
  episodeSuccess: z.boolean().optional(),
  interventions: count.optional(),
  evaluationMean: z.number().nullable(),
  // Checkpoints of earlier versions do not say it.
  bestEvaluationMean: z.number().nullable().default(null),
  evaluationDue: z.boolean(),
  metrics: z.object({ jsonl: count, tensorboard: count }),
  means: z.object({ count, sums: z.record(z.string(), z.number()) }),
  seconds: z.number().min(0).default(0),
  data: z.object({ datasets: z.array(dataFolder), backgrounds: dataFolder.nullable() }).optional(),
});

/** Writes checkpoint `step`, makes it the latest, and deletes all but the last `keep`. Returns its folder. */
export async function writeCheckpoint(
  folder: string,
  step: number,
  checkpoint: Checkpoint,
  keep: number,
): Promise<string> {
  const name = stepName(step);
  const path = join(folder, name);
  const aside = path + PARTIAL_ENDING;
  await rm(aside, { recursive: true, force: true });
  await makeFolder(aside);
  const weights = { tensors: checkpoint.tensors, metadata: {} };
  const sha256 = {
    [AGENT_FILE]: await writeSafetensors(join(aside, AGENT_FILE), weights),
    ...(checkpoint.episode !== null && {
      [EPISODE_FILE]: await writeSafetensors(join(aside, EPISODE_FILE), encodeEpisode(checkpoint.episode)),
    }),
  };
  await writeState(aside, sha256, checkpoint.state);
  // Only a run that went back to an older checkpoint can meet one of this name, and that one is not the latest.
  await rm(path, { recursive: true, force: true });
  await rename(aside, path);
  await syncFolder(folder);
  await writeFileAtomic(join(folder, LATEST_FILE), `${name}\n`);
  for (const old of (await checkpointNames(folder)).slice(0, -keep)) {
    if (old !== name) await rm(join(folder, old), { recursive: true, force: true });
  }
  return path;
}

/**
 * Replaces the JSON part of a checkpoint, for what happened since it was written without a step being taken: an
 * evaluation.
 */
export async function amendCheckpoint(path: string, state: RunState): Promise<void> {
  const { sha256 } = stateSchema.parse(JSON.parse(await readFile(join(path, STATE_FILE), 'utf8')));
  await writeState(path, sha256, state);
}

function writeState(path: string, sha256: Readonly<Record<string, string>>, state: RunState): Promise<void> {
  const content = { version: FORMAT_VERSION, sha256, ...state };
  return writeFileAtomic(join(path, STATE_FILE), `${JSON.stringify(content)}\n`);
}

/** A checkpoint that cannot be read. */
export class DamagedCheckpointError extends InputError {
  /** The newest whole checkpoint before it; undefined where there is none. */
  readonly before: number | undefined;

  constructor(message: string, before: number | undefined) {
    super(message);
    this.before = before;
  }
}

export interface SavedCheckpoint {
  readonly path: string;
  readonly content: Checkpoint;
}

/**
 * The last checkpoint; undefined where there is none yet.
 * @throws DamagedCheckpointError where it is damaged
 */
export async function readLatestCheckpoint(folder: string): Promise<SavedCheckpoint | undefined> {
  const latest = await readFile(join(folder, LATEST_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const names = await checkpointNames(folder);
  // Each is whole under its name: where the file that names the last one is lost, or says nothing, no more is lost.
  const name = /^step-\d+$/.exec(latest?.trim() ?? '')?.[0] ?? names.at(-1);
  if (name === undefined) return undefined;
  const path = join(folder, name);
  try {
    return { path, content: await readCheckpoint(path) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new DamagedCheckpointError(error.message, await newestWhole(folder, names, name));
  }
}

/** The checkpoint made at `step`. @throws InputError where there is none, or it is damaged */
export async function readCheckpointAt(folder: string, step: number): Promise<SavedCheckpoint> {
  const names = await checkpointNames(folder);
  const name = stepName(step);
  if (!names.includes(name))
    throw new InputError(
      `${join(folder, name)} does not exist: ${names.length === 0 ? 'there is no checkpoint yet' : `there are checkpoints of step ${names.map(stepOf).join(' and ')}`}.`,
    );
  const path = join(folder, name);
  return { path, content: await readCheckpoint(path) };
}

async function newestWhole(
  folder: string,
  names: readonly string[],
  before: string,
): Promise<number | undefined> {
  for (const name of names.filter((other) => stepOf(other) < stepOf(before)).reverse()) {
    try {
      await readCheckpoint(join(folder, name));
      return stepOf(name);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return undefined;
}

/** In the order they were made. */
async function checkpointNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => /^step-\d+$/.test(entry)).sort((a, b) => stepOf(a) - stepOf(b));
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = join(path, STATE_FILE);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new InputError(`The checkpoint's ${file} cannot be read: ${(error as Error).message}.`);
  }
  const parsed = stateSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(
      `The checkpoint's ${file} is damaged at "${issue?.path.join('.')}": ${issue?.message}.`,
    );
  }
  const { version, sha256, episodeSuccess, ...rest } = parsed.data;
  const earlier = episodeSuccess === undefined ? {} : { success: episodeSuccess };
  const state = { ...rest, episodeTally: rest.episodeTally ?? earlier };
  const read = (name: string) => readSafetensors(join(path, name), sha256[name]);
  const isWithinEpisode = state.environment !== null && state.isBetweenEpisodes !== true;
  return {
    state,
    tensors: floatTensors(await read(AGENT_FILE)),
    episode: isWithinEpisode ? decodeEpisode(await read(EPISODE_FILE), path) : null,
  };
}

/** Deletes what a run left behind after its latest checkpoint, or all checkpoints where there is no latest. */
export async function discardAfter(folder: string, latest: string | undefined): Promise<void> {
  const last = latest === undefined ? -1 : stepOf(basename(latest));
  const later = (await checkpointNames(folder)).filter((name) => stepOf(name) > last);
  const entries = await readdir(folder).catch(() => []);
  const partial = entries.filter((entry) => entry.startsWith('step-') && entry.endsWith(PARTIAL_ENDING));
  for (const entry of [...later, ...partial]) await rm(join(folder, entry), { recursive: true, force: true });
}

/** An image's tensor is called by this and its name. */
const IMAGE_PREFIX = 'images/';

function encodeEpisode(episode: EpisodeInProgress): SafetensorsFile {
  const { length, images, state, actions, rewards, interventions } = episode;
  const rows = length + 1;
  return {
    metadata: {},
    tensors: new Map<string, FloatTensor | ByteTensor>([
      ...Object.entries(images).map(([name, data]): [string, ByteTensor] => [
        IMAGE_PREFIX + name,
        { dtype: 'U8', shape: [rows, data.length / rows], data },
      ]),
      ...(state ? [['state', { shape: [rows, state.length / rows], data: state }] as const] : []),
      ['actions', { shape: [length, length === 0 ? 0 : actions.length / length], data: actions }] as const,
      ['rewards', { shape: [length], data: rewards }] as const,
      ...(interventions?.includes(1)
        ? [['interventions', { dtype: 'U8', shape: [length], data: interventions }] as const]
        : []),
    ]),
  };
}

function decodeEpisode({ tensors }: SafetensorsFile, where: string): EpisodeInProgress {
  const images = [...tensors].flatMap(([name, { data }]) =>
    name.startsWith(IMAGE_PREFIX) && data instanceof Uint8Array
      ? [[name.slice(IMAGE_PREFIX.length), data] as const]
      : [],
  );
  const floats = (name: string): Float32Array | undefined => {
    const data = tensors.get(name)?.data;
    return data instanceof Float32Array ? data : undefined;
  };
  const [state, actions, rewards] = [floats('state'), floats('actions'), floats('rewards')];
  const interventions = tensors.get('interventions')?.data;
  if (actions === undefined || rewards === undefined)
    throw new InputError(`The checkpoint ${where} lacks the actions of the episode in progress.`);
  return {
    length: rewards.length,
    actions,
    rewards,
    images: Object.fromEntries(images),
    ...(state && { state }),
    ...(interventions instanceof Uint8Array && { interventions }),
  };
}
