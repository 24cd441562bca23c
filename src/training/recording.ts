/** Recordings of who acts in an environment, as datasets: what is observed for them, and how they go on. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { lockDataset } from '../../datasets/datasetLock.js';
import type { Episode } from '../../datasets/episode.js';
import {
  createManifest,
  type DatasetHeader,
  isOfSameCommand,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
} from '../../datasets/manifest.js';
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentOptions } from '../../envs/environment.js';
import { isRemote } from '../../envs/remote/protocol.js';
import { isTaskModule, taskModuleFile } from '../../envs/taskModule.js';
import { InputError } from '../errors.js';
import { sha256Of } from '../files/sha256.js';
import { environmentOptions } from './environmentOptions.js';
import { type Behaviour, DEMONSTRATOR, policiesAmong } from './experts.js';
import type { Rollout } from './rollout.js';

export interface RecordingOptions {
  readonly task: string;
  /** Who acts in each episode. */
  readonly behaviours: readonly Behaviour[];
  /** Size, action repeat and cameras (a policy's own where they are not given), distraction of the recording. */
  readonly environment?:
    | Pick<EnvironmentOptions, 'actionRepeat' | 'imageSize' | 'cameras' | 'distraction'>
    | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
}

/**
 * Both pixels and state, in the world the policies were trained in.
 * @throws InputError where policies and options do not fit each other
 */
export function recordingOptions({
  behaviours,
  environment = {},
  seed = 0,
  task,
}: RecordingOptions): EnvironmentOptions {
  const policies = policiesAmong(behaviours);
  let { actionRepeat, imageSize, cameras } = environment;
  let frameStack: EnvironmentOptions['frameStack'] = 1;
  for (const { config, name } of policies) {
    // A server may run the same task elsewhere, and a module be moved; whether it is the same, only people know.
    if (config.task !== task && !isRemote(task) && !isTaskModule(task))
      throw new InputError(`The policy ${name} was trained on ${config.task} and cannot act in ${task}.`);
    actionRepeat ??= config.actionRepeat;
    if (actionRepeat !== config.actionRepeat)
      throw new InputError(
        `The policy ${name} was trained at action repeat ${config.actionRepeat}: it cannot be recorded at ${actionRepeat}.`,
      );
    if (config.obs === 'state') continue;
    const own = environmentOptions(config);
    imageSize ??= own.imageSize;
    cameras ??= own.cameras;
    frameStack = own.frameStack;
    if (!isDeepStrictEqual(imageSize, own.imageSize))
      throw new InputError(
        `The policy ${name} sees images of ${config.imageSize} pixels: it cannot be recorded at ${JSON.stringify(imageSize)}.`,
      );
    const missing = own.cameras?.find((camera) => !cameras?.includes(camera));
    if (missing !== undefined)
      throw new InputError(
        `The policy ${name} looks through the camera ${missing}: give it among --cameras.`,
      );
  }
  return {
    observations: 'both',
    seed,
    ...(frameStack !== undefined && { frameStack }),
    ...(cameras !== undefined && { cameras }),
    ...(actionRepeat !== undefined && { actionRepeat }),
    ...(imageSize !== undefined && { imageSize }),
    ...(environment.distraction !== undefined && { distraction: environment.distraction }),
  };
}

/** What of a command may have changed without its words. */
const CHANGES = {
  policies:
    'other policies act than those it was begun with (a policy file may have been written again since)',
  taskModule: "the task's module has changed since",
} as const;

/**
 * Of a new dataset, or of the one of the same command that lies in the folder.
 * @param lasting how many of that one's episodes are kept; default: all
 * @throws InputError where another dataset lies there
 */
export async function openRecording(
  folder: string,
  header: DatasetHeader,
  lasting: (manifest: Manifest) => number = ({ episodes }) => episodes,
): Promise<DatasetWriter> {
  const isThere = (await stat(join(folder, MANIFEST_FILE)).catch(() => null)) !== null;
  if (!isThere) return DatasetWriter.create(folder, header);
  const manifest = await readManifest(folder);
  const wanted = createManifest(header);
  const changed = (['policies', 'taskModule'] as const).filter(
    (what) => commandOf(manifest)[what] !== commandOf(wanted)[what],
  );
  if (!isOfSameCommand(manifest, wanted))
    throw new InputError(
      `${folder} already holds a dataset that was not made by this command${changed.length > 0 ? `: ${changed.map((what) => CHANGES[what]).join(', and ')}` : ''}: choose another folder, or delete that one first.`,
    );
  return DatasetWriter.open(folder, { episodes: lasting(manifest) });
}

/**
 * Records in the folder as `openRecording` does, for this process alone. Without an episode the dataset stays incomplete.
 * @throws InputError where another dataset lies there; LockedError while another process records there
 */
export async function recordInto<T>(
  folder: string,
  header: DatasetHeader,
  record: (writer: DatasetWriter) => Promise<T>,
): Promise<T> {
  const lock = await lockDataset(folder);
  try {
    const writer = await openRecording(folder, header);
    try {
      const recorded = await record(writer);
      if (writer.manifest.episodes > 0) await writer.close();
      return recorded;
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  } finally {
    await lock.release();
  }
}

function commandOf({ provenance }: Manifest): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).catch({}).parse(provenance.details.command);
}

/** Of a task of one's own: the same path may hold another task later. */
export async function moduleHash(task: string): Promise<{ readonly taskModule?: string }> {
  const file = isTaskModule(task) ? taskModuleFile(task) : undefined;
  if (file === undefined) return {};
  return { taskModule: sha256Of(await readFile(file)) };
}

const ID_PREFIX = 'episode-';

export function episodeId(number: number): string {
  return `${ID_PREFIX}${String(number).padStart(6, '0')}`;
}

export function episodeNumber(id: string): number {
  return Number(id.slice(ID_PREFIX.length));
}

/** SHA-256 over who acts in each episode: the weights, by name, of each policy, and the order of their turns. */
export function actingHash(acting: readonly Behaviour[]): string {
  const hash = createHash('sha256');
  const behaviours = [...new Set(acting)];
  for (const behaviour of behaviours) {
    if (behaviour === undefined || behaviour === DEMONSTRATOR) {
      hash.update(JSON.stringify(behaviour ?? null));
      continue;
    }
    hash.update(JSON.stringify(behaviour.config));
    for (const [name, { data }] of behaviour.tensors)
      hash.update(name).update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.update(JSON.stringify(acting.map((behaviour) => behaviours.indexOf(behaviour)))).digest('hex');
}

export function toEpisode(rollout: Rollout, id: string): Episode {
  const { length, images, state, actions, rewards, terminated, truncated } = rollout;
  const { success, interventions, instruction } = rollout;
  return {
    ...{ id, length, images, state, actions, rewards, terminated, truncated },
    ...(success !== undefined && { success }),
    ...(interventions !== undefined && { interventions }),
    ...(instruction !== undefined && { instruction }),
  };
}
