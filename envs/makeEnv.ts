/** Builds a task's environment from its name and the options a user gives. */
import { InputError } from '../src/errors.js';
import type { Environment, EnvironmentOptions } from './environment.js';
import { isRemote } from './remote/protocol.js';
import { RemoteEnvironment } from './remote/remoteEnvironment.js';
import { findTask } from './suite/registry.js';
import { defaultActionRepeat } from './suite/task.js';
import { SuiteEnvironment } from './suiteEnvironment.js';
import { ActionRepeat } from './wrappers/actionRepeat.js';
import { Distraction } from './wrappers/distraction.js';
import { FrameStack } from './wrappers/frameStack.js';
import { PixelObservation } from './wrappers/pixelObservation.js';
import { TimeLimit } from './wrappers/timeLimit.js';

export { taskNames } from './suite/registry.js';

/**
 * A task of `taskNames`, or `remote:HOST:PORT` for an environment that a server elsewhere runs (envs/remote).
 * @throws InputError for an unknown task or camera, a folder without backgrounds, an option out of range, or a
 *   server that does not answer.
 */
export async function makeEnv(task: string, options: EnvironmentOptions = {}): Promise<Environment> {
  const {
    actionRepeat = defaultActionRepeat,
    observations = 'pixels',
    imageSize = 64,
    frameStack = 3,
    camera,
    seed = 0,
    distraction,
  } = options;
  requireWholeNumber('actionRepeat', actionRepeat, 1, 1000);
  requireWholeNumber('imageSize', imageSize, 1, 4096);
  requireWholeNumber('frameStack', frameStack, 1, 64);
  if (isRemote(task)) {
    const remote = RemoteEnvironment.create(task, { ...options, actionRepeat });
    return observations === 'state' ? remote : new FrameStack(remote, frameStack);
  }
  const simulated = await SuiteEnvironment.create(findTask(task), seed);
  const limited = new TimeLimit(simulated);
  const looked = distraction === undefined ? limited : await Distraction.create(limited, distraction, seed);
  const repeated = new ActionRepeat(looked, actionRepeat);
  if (observations === 'state') return repeated;
  const cameraName = simulated.cameraName(camera);
  const seen = new PixelObservation(repeated, {
    size: imageSize,
    camera: cameraName,
    keepState: observations === 'both',
  });
  return new FrameStack(seen, frameStack);
}

function requireWholeNumber(option: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new InputError(`${option} is ${value}: expected a whole number from ${low} to ${high}.`);
  }
}
