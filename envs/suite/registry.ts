/** The tasks by name. A new family is one file, listed here. */
import { didYouMean, InputError } from '../../src/errors.js';
import { acrobotTasks } from './acrobot.js';
import { ballInCupTasks } from './ballInCup.js';
import { cartpoleTasks } from './cartpole.js';
import { cheetahTasks } from './cheetah.js';
import { fingerTasks } from './finger.js';
import { fishTasks } from './fish.js';
import { hopperTasks } from './hopper.js';
import { humanoidTasks } from './humanoid.js';
import { manipulatorTasks } from './manipulator.js';
import { pendulumTasks } from './pendulum.js';
import { pointMassTasks } from './pointMass.js';
import { quadrupedTasks } from './quadruped.js';
import { reacherTasks } from './reacher.js';
import { swimmerTasks } from './swimmer.js';
import type { SuiteTask } from './task.js';
import { walkerTasks } from './walker.js';

const families = [
  acrobotTasks,
  ballInCupTasks,
  cartpoleTasks,
  cheetahTasks,
  fingerTasks,
  fishTasks,
  hopperTasks,
  humanoidTasks,
  manipulatorTasks,
  pendulumTasks,
  pointMassTasks,
  quadrupedTasks,
  reacherTasks,
  swimmerTasks,
  walkerTasks,
];

const tasks = new Map<string, SuiteTask>();
for (const task of families.flat()) registerTask(task);

/** Makes a task known to `makeEnv`. @throws Error when the name is taken. */
export function registerTask(task: SuiteTask): void {
  if (tasks.has(task.name)) throw new Error(`There is already a task named "${task.name}".`);
  tasks.set(task.name, task);
}

/** Every task's name, in alphabetical order. */
export function taskNames(): string[] {
  return [...tasks.keys()].sort();
}

/** @throws InputError that lists the tasks. */
export function findTask(name: string): SuiteTask {
  const task = tasks.get(name);
  if (task === undefined) {
    throw new InputError(
      `There is no task "${name}"${didYouMean(name, taskNames())} The tasks are ${taskNames().join(', ')}.`,
    );
  }
  return task;
}
