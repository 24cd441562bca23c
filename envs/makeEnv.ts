/** Builds a task's environment from its name and the options a user gives. */
import { InputError } from '../src/errors.js';
import type { Environment, EnvironmentOptions } from './environment.js';
import { findTask } from './suite/registry.js';
import { defaultActionRepeat } from './suite/task.js';
import { SuiteEnvironment } from './suiteEnvironment.js';
import { ActionRepeat } from './wrappers/actionRepeat.js';
import { TimeLimit } from './wrappers/timeLimit.js';

export { taskNames } from './suite/registry.js';

/** @throws InputError for an unknown task or an option out of range. */
export async function makeEnv(task: string, options: EnvironmentOptions = {}): Promise<Environment> {
  const { actionRepeat = defaultActionRepeat, observations = 'pixels', seed = 0 } = options;
  requireCount('actionRepeat', actionRepeat);
  if (observations !== 'state')
    throw new InputError('Only state observations are available; ask for observations: "state".');
  const environment = new TimeLimit(await SuiteEnvironment.create(findTask(task), seed));
  return new ActionRepeat(environment, actionRepeat);
}

function requireCount(option: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new InputError(`${option} is ${value}: expected a whole number of at least 1.`);
  }
}
