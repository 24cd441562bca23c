/**
 * From a run's settings to its environment, and from the environment to what a replay or a dataset of it looks like.
 */
import type { DatasetHeader } from '../../datasets/manifest.js';
import type { DistractionOptions } from '../../envs/distraction/levels.js';
import type { EnvironmentOptions, EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import type { ReplayLayout } from '../replay/replayBuffer.js';
import { type RunConfig, runConfigShape } from './config.js';
import { parseFrameStack, parseImageSize } from './imageSettings.js';

/** What `makeEnv` is given for an environment that shows what a run of these settings learns from. */
export function environmentOptions(config: RunConfig, seed = 0): EnvironmentOptions {
  const { actionRepeat, imageSize, frameStack, cameras, obs } = config;
  const distraction = distractionOptions(config);
  return {
    actionRepeat,
    observations: obs,
    imageSize: parseImageSize(imageSize),
    frameStack: parseFrameStack(frameStack),
    seed,
    ...(cameras.length > 0 && { cameras: cameras.map(parseCamera) }),
    ...(distraction && { distraction }),
  };
}

const { distraction, distractionKinds, distractionBackgrounds } = runConfigShape;

/** The settings that say how a task's look varies, for commands that take them alone. */
export const distractionShape = { distraction, distractionKinds, distractionBackgrounds };

/** Undefined where nothing varies. What is not given has the settings' default. */
export function distractionOptions(
  settings: Partial<Pick<RunConfig, keyof typeof distractionShape>>,
): DistractionOptions | undefined {
  const { distraction: level = 'none', distractionKinds: kinds, distractionBackgrounds: folder } = settings;
  if (level === 'none') return undefined;
  return { level, ...(kinds && { kinds }), ...(folder && { backgrounds: folder }) };
}

/** A camera as a person gives it: its name, or its number in digits. */
export function parseCamera(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

export function replayLayout(space: ObservationSpace, spec: EnvironmentSpec): ReplayLayout {
  return {
    images: space.images,
    stateSize: space.state?.shape[0] ?? 0,
    actionSize: spec.actionSize,
  };
}

/** The header of a dataset recorded in this environment, of what its observations hold. */
export function recordingHeader(
  space: ObservationSpace,
  spec: EnvironmentSpec,
  provenance: DatasetHeader['provenance'],
): DatasetHeader {
  return {
    task: spec.task,
    actionRepeat: spec.actionRepeat,
    controlTimestep: spec.controlTimestep,
    images: space.images.map(({ name, height, width, channels }) => ({ name, height, width, channels })),
    renderer: space.images.length > 0 ? spec.renderer : null,
    actionSize: spec.actionSize,
    actionBox: spec.actionBox && { low: [...spec.actionBox.low], high: [...spec.actionBox.high] },
    ...(spec.actionNames && { actionNames: [...spec.actionNames] }),
    stateSize: space.state?.shape[0] ?? 0,
    provenance,
  };
}
