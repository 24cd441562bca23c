/**
 * From a run's settings to its environment, and from the environment to what a replay or a dataset of it looks like.
 */
import type { DatasetHeader } from '../../datasets/manifest.js';
import type { DistractionOptions } from '../../envs/distraction/levels.js';
import type { EnvironmentOptions, EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import type { ReplayLayout } from '../replay/replayBuffer.js';
import { type RunConfig, runConfigShape } from './config.js';

export function environmentOptions(config: RunConfig, seed = 0): EnvironmentOptions {
  const { actionRepeat, imageSize, frameStack, camera, obs } = config;
  const distraction = distractionOptions(config);
  return {
    actionRepeat,
    observations: obs,
    imageSize,
    frameStack,
    seed,
    ...(camera !== null && { camera: parseCamera(camera) }),
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
    ...(space.pixels && {
      frame: { height: spec.imageHeight, width: spec.imageWidth, channels: spec.imageChannels },
    }),
    frameStack: space.pixels === undefined ? 1 : spec.frameStack,
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
  const hasPixels = space.pixels !== undefined;
  return {
    task: spec.task,
    actionRepeat: spec.actionRepeat,
    controlTimestep: spec.controlTimestep,
    imageHeight: hasPixels ? spec.imageHeight : 0,
    imageWidth: hasPixels ? spec.imageWidth : 0,
    imageChannels: hasPixels ? spec.imageChannels : 0,
    camera: spec.camera,
    renderer: hasPixels ? spec.renderer : null,
    actionSize: spec.actionSize,
    stateSize: space.state?.shape[0] ?? 0,
    provenance,
  };
}
