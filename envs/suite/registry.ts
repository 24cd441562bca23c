/** The tasks by name: the suite's own, and those that a program or a module adds. */
import { didYouMean, InputError } from '../../src/errors.js';
import { isRemote } from '../remote/protocol.js';
import { isTaskModule, loadTask, taskOfModule } from '../taskModule.js';
import { suiteTasks } from './suiteTasks.js';
import { ownActionRepeat, type SuiteTask } from './task.js';

const tasks = new Map<string, SuiteTask>();
for (const task of suiteTasks) tasks.set(task.name, task);
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
