/** The tasks by name. A new family is one file, listed here. */
import { didYouMean, InputError } from '../../src/errors.js';
import { buttonTasks } from '../arm/button.js';
import { drawerTasks } from '../arm/drawer.js';
import { liftTasks } from '../arm/lift.js';
import { placeTasks } from '../arm/place.js';
import { pushTasks } from '../arm/push.js';
import { reachTasks } from '../arm/reach.js';
import { isRemote } from '../remote/protocol.js';
import { isTaskModule, loadTask, taskOfModule } from '../taskModule.js';
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
import { ownActionRepeat, type SuiteTask } from './task.js';
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
  // The arm's.
  buttonTasks,
  drawerTasks,
  liftTasks,
  placeTasks,
  pushTasks,
  reachTasks,
];

const tasks = new Map<string, SuiteTask>();
for (const task of families.flat()) tasks.set(task.name, task);
/** The names of the suite's own. */
export const suiteNames: ReadonlySet<string> = new Set(tasks.keys());
/** Where threads find what a program has registered, as `makeEnv` takes it. */
const references = new Map<string, string>();

/**
 * Makes a task known to `makeEnv`.
 * @param module the module that exports it, as a path or `import.meta.url`: an environment in a thread of its own loads
 *   it from there, since functions cannot be handed to a thread
 * @throws Error when the name is taken, InputError for a module that no thread can load
 */
export function registerTask(task: SuiteTask, module?: string | URL): void {
  if (tasks.has(task.name)) throw new Error(`There is already a task named "${task.name}".`);
  if (module !== undefined) references.set(task.name, taskOfModule(module, task.name));
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
      `There is no task "${name}"${didYouMean(name, taskNames())} One of your own is given by its module, such as --task ./tasks/lift.mjs, and one that a server runs as --task remote:127.0.0.1:5555; the others are ${taskNames().join(', ')}.`,
    );
  }
  return task;
}

/** As `ownActionRepeat`, of the tasks that are known by name; of a module's, until it is loaded, nobody knows. */
export function knownActionRepeat(name: string): number {
  return ownActionRepeat(tasks.get(name));
}

/**
 * The simulated task that a name or a module's path means; undefined where it is an environment that is no simulation
 * of MuJoCo's here: a server's, or a module's own.
 * @throws InputError where it means none
 */
export async function findSimulatedTask(name: string): Promise<SuiteTask | undefined> {
  if (isRemote(name)) return undefined;
  if (!isTaskModule(name)) return findTask(name);
  const task = await loadTask(name, suiteNames);
  return typeof task === 'function' ? undefined : task;
}

/**
 * The simulated task that a name or a module's path means.
 * @throws InputError where it means none, or an environment that is no simulation of MuJoCo's
 */
export async function simulatedTask(name: string): Promise<SuiteTask> {
  const task = await findSimulatedTask(name);
  if (task === undefined)
    throw new InputError(
      `${name} ${isRemote(name) ? 'is an environment that a server runs' : 'makes an environment of its own'} and no task with a MuJoCo model, which is needed here.`,
    );
  return task;
}

/**
 * The task by a name that other threads and later runs know it by, too.
 * @throws InputError for a task that a program registered without its module
 */
export function lastingTask(name: string): string {
  if (suiteNames.has(name) || !tasks.has(name)) return name;
  const reference = references.get(name);
  if (reference === undefined)
    throw new InputError(
      `The task "${name}" is known to this thread alone, and is to run in another: register it together with the module that exports it, as in registerTask(task, import.meta.url), or name that module as the task.`,
    );
  return reference;
}
