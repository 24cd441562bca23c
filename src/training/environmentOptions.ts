/** From a run's settings to its environment, and from the environment to what a replay of it looks like. */
import type { EnvironmentOptions, EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import type { ReplayLayout } from '../replay/replayBuffer.js';
import type { RunConfig } from './config.js';

export function environmentOptions(config: RunConfig, seed = 0): EnvironmentOptions {
  const { actionRepeat, imageSize, frameStack, camera, obs } = config;
  return {
    actionRepeat,
    observations: obs,
    imageSize,
    frameStack,
    seed,
    ...(camera !== null && { camera: /^\d+$/.test(camera) ? Number(camera) : camera }),
  };
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
