/**
 * A policy alone, in one small safetensors file: the weights that acting needs, and beside them what it was trained
 * on and how well it did. `rlpd evaluate --policy` and `rlpd collect --policy` take it.
 */
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { EnvironmentSpec, ImageSpace, ObservationSpace } from '../../envs/environment.js';
import { RlpdAgent } from '../agent/agent.js';
import { InputError } from '../errors.js';
import { floatTensors, readMetadata, readSafetensors, writeSafetensors } from '../files/safetensors.js';
import { DamagedCheckpointError, readLatestCheckpoint } from './checkpoint.js';
import { agentSettings, fromEarlierVersion, parseRunConfig, type RunConfig } from './config.js';
import { readConfig, runPaths } from './runFolder.js';

export interface PolicyFile {
  /** The run it comes from. */
  readonly config: RunConfig;
  /** Env frames it was trained for. */
  readonly envFrames: number;
  /** Mean evaluation return at that time; null where it was not evaluated. */
  readonly return: number | null;
  readonly tensors: ReadonlyMap<string, { readonly shape: number[]; readonly data: Float32Array }>;
  /** Names of the images it looks at; undefined: all that its environment shows. */
  readonly images?: readonly string[] | undefined;
}

/** The key of the file's metadata that holds the rest as JSON: safetensors metadata is text alone. */
const METADATA_KEY = 'rlpd-pixels-policy';

const metadataSchema = z.object({
  version: z.literal(1, { error: 'only version 1 is read here' }),
  envFrames: z.int().min(0),
  return: z.number().nullable(),
  config: z.record(z.string(), z.json()),
  images: z.array(z.string()).optional(),
});

/** Whole or not at all: the file is written aside and renamed. */
export async function writePolicy(path: string, policy: PolicyFile): Promise<void> {
  const { config, envFrames, tensors, images } = policy;
  const metadata = JSON.stringify({ version: 1, envFrames, return: policy.return, config, images });
  await writeSafetensors(path, { tensors, metadata: { [METADATA_KEY]: metadata } });
}

/**
 * A policy's weights and what they come from; `loadPolicy` makes one that acts.
 * @throws InputError where the file is not a policy of this program
 */
export async function readPolicy(path: string): Promise<PolicyFile> {
  const file = await readSafetensors(path);
  const metadata = readMetadata(file, {
    path,
    key: METADATA_KEY,
    schema: metadataSchema,
    what: 'policy',
    absent:
      'holds no policy of this program: expected one that "rlpd train" wrote, such as RUN/best.safetensors',
  });
  const config = parseRunConfig(fromEarlierVersion(metadata.config), (name) => `"${name}" in ${path}`);
  return {
    config,
    envFrames: metadata.envFrames,
    return: metadata.return,
    tensors: floatTensors(file),
    images: metadata.images,
  };
}

/** An agent that acts with the policy's weights, on the tensor backend in use. */
export function policyAgent(
  policy: PolicyFile,
  environment: { readonly observationSpace: ObservationSpace; readonly spec: EnvironmentSpec },
  seed: number,
): RlpdAgent {
  const agent = RlpdAgent.create({
    config: agentSettings(policy.config),
    observationSpace: policySpace(policy, environment.observationSpace),
    actionSize: environment.spec.actionSize,
    seed,
  });
  agent.restorePolicy(policy.tensors);
  return agent;
}

/**
 * What the policy looks at of what an environment shows, which may be more.
 * @throws InputError where the environment does not show an image that the policy looks at
 */
export function policySpace(policy: PolicyFile, { images, state }: ObservationSpace): ObservationSpace {
  const { obs } = policy.config;
  return {
    images: obs === 'state' ? [] : policyImages(policy, images),
    ...(obs !== 'pixels' && state && { state }),
  };
}

/**
 * By name; where either has a single image it is that one, since an environment elsewhere may call it otherwise.
 * @throws InputError where the environment does not show an image that the policy looks at
 */
function policyImages({ images, config }: PolicyFile, shown: readonly ImageSpace[]): readonly ImageSpace[] {
  if (images === undefined || (images.length === 1 && shown.length === 1)) return shown;
  return images.map((name) => {
    const image = shown.find((other) => other.name === name);
    if (image === undefined)
      throw new InputError(
        `The policy of ${config.task} looks at the image "${name}", and there ${shown.length === 1 ? 'is' : 'are'} only ${shown.map((other) => other.name).join(', ')}: add it with --cameras.`,
      );
    return image;
  });
}

/**
 * A policy file's, or the best one of a run's folder.
 * @throws InputError where there is none
 */
export async function readPolicyAt(path: string): Promise<PolicyFile> {
  const found = await stat(path).catch(() => null);
  if (found === null)
    throw new InputError(
      `${path} does not exist: give a policy file, such as RUN/best.safetensors, or the folder of a run.`,
    );
  return found.isDirectory() ? readBestPolicy(path) : readPolicy(path);
}

/**
 * The policy of a run's best evaluation, or of its latest checkpoint where it was never evaluated.
 * @throws InputError where the run has neither yet
 */
export async function readBestPolicy(run: string): Promise<PolicyFile> {
  const { bestPolicy } = runPaths(run);
  const isThere = (await stat(bestPolicy).catch(() => null)) !== null;
  return isThere ? readPolicy(bestPolicy) : readRunPolicy(run);
}

/**
 * The policy of a run's latest checkpoint.
 * @throws InputError where the run has none yet
 */
export async function readRunPolicy(run: string): Promise<PolicyFile> {
  const config = await readConfig(run);
  const { checkpoints, bestPolicy } = runPaths(run);
  const checkpoint = await readLatestCheckpoint(checkpoints).catch(async (error: Error) => {
    const hasBest = (await stat(bestPolicy).catch(() => null)) !== null;
    if (!(error instanceof DamagedCheckpointError) || !hasBest) throw error;
    throw new InputError(
      `${error.message} The policy of its best evaluation is there: --policy ${bestPolicy}.`,
    );
  });
  if (checkpoint === undefined)
    throw new InputError(`${run} has no checkpoint yet: wait for its first, or go on with it by --resume.`);
  const { state, tensors } = checkpoint.content;
  return { config, envFrames: state.counters.envFrames, return: state.evaluationMean, tensors };
}
