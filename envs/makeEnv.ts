/** Builds a task's environment from its name and the options a user gives. */
import { InputError } from '../src/errors.js';
import type { Environment, EnvironmentOptions } from './environment.js';
import { imageSpaces, requireWholeNumber } from './imageSpaces.js';
import { observed, stackFrames } from './observed.js';
import { OwnEnvironment } from './ownEnvironment.js';
import { isRemote } from './remote/protocol.js';
import { RemoteEnvironment } from './remote/remoteEnvironment.js';
import { findTask, suiteNames } from './suite/registry.js';
import { ownActionRepeat } from './suite/task.js';
import { SuiteEnvironment } from './suiteEnvironment.js';
import { isTaskModule, loadTask } from './taskModule.js';
import { ActionRepeat } from './wrappers/actionRepeat.js';
import { Distraction } from './wrappers/distraction.js';
import { PixelObservation } from './wrappers/pixelObservation.js';
import { TimeLimit } from './wrappers/timeLimit.js';

export { taskNames } from './suite/registry.js';

/**
 * A task of `taskNames`, the path of a module with one's own (taskModule.ts), or `remote:HOST:PORT` for an environment
 * that a server elsewhere runs (envs/remote).
 * @throws InputError for an unknown task or camera, a module without a task, a folder without backgrounds, an option
 *   out of range, or a server that does not answer.
 */
export async function makeEnv(task: string, options: EnvironmentOptions = {}): Promise<Environment> {
  const {
    actionRepeat: asked,
    observations = 'pixels',
    imageSize,
    frameStack,
    cameras,
    seed = 0,
    distraction,
  } = options;
  const own = isRemote(task)
    ? undefined
    : isTaskModule(task)
      ? await loadTask(task, suiteNames)
      : findTask(task);
  const actionRepeat = asked ?? ownActionRepeat(own);
  requireWholeNumber('actionRepeat', actionRepeat, 1, 1000);
  if (own === undefined) {
    const remote = RemoteEnvironment.create(task, { ...options, actionRepeat });
    return stackFrames(remote, { imageSize, frameStack });
  }
  if (typeof own === 'function') {
    if (distraction !== undefined)
      throw new InputError(`distraction is not for ${task}: its module decides what its pictures show.`);
    const made = await OwnEnvironment.create(own, task, { ...options, observations, seed });
    const repeated = new ActionRepeat(new TimeLimit(made), actionRepeat);
    if (observations === 'state' || made.observationSpace.images.length > 0)
      return stackFrames(repeated, { imageSize, frameStack });
    const names = (cameras ?? [made.spec.camera]).map((camera) => ({ name: String(camera), channels: 3 }));
    const images = imageSpaces(names, { imageSize, frameStack });
    const drawn = new PixelObservation(repeated, { images, keepState: observations === 'both' });
    return stackFrames(drawn, { imageSize, frameStack });
  }
  const simulated = await SuiteEnvironment.create(own, seed);
  const limited = new TimeLimit(simulated);
  const looked = distraction === undefined ? limited : await Distraction.create(limited, distraction, seed);
  return observed(simulated, looked, { ...options, actionRepeat });
}
