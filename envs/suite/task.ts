/** What a task of the suite is: a model and, on top of it, initial states, observations and a reward. */
import type { Generator } from '../../src/random/generator.js';
import type { ModelField, Simulation } from '../mujoco.js';

export interface SuiteTask {
  /** `domain-task`, as users write it. */
  readonly name: string;
  /** MJCF file. */
  readonly model: URL;
  /** Seconds of one control step, a whole multiple of the model's own timestep. */
  readonly controlTimestep: number;
  /** Control steps after which an episode is truncated. */
  readonly maxEnvFrames: number;
  /** Camera that observations are taken from. */
  readonly camera: number;
  /** Names or numbers of the cameras, an image each, where more than that one are looked through by default. */
  readonly cameras?: readonly (string | number)[];
  /** Control steps for each action where nobody says how many; default `defaultActionRepeat`. */
  readonly actionRepeat?: number;
  /** Arrays of the compiled model that `initialise` changes; they are part of an environment's saved state. */
  readonly editedFields?: readonly ModelField[];
  /** Binds the task to a loaded model. */
  readonly bind: (simulation: Simulation) => BoundTask;
}

export interface BoundTask {
  /** Writes an initial state into a simulation that was just reset. */
  initialise(random: Generator): void;
  /** State features by name, in the order in which they are flattened. */
  observe(): Record<string, Iterable<number>>;
  /** Of the state just reached; in [0, 1] for every task of the suite. */
  reward(): number;
  /** Whether the state just reached is the task's own end: the return stops there. Default: a task never ends. */
  terminated?(): boolean;
  /** Whether the task is done in the state just reached. Default: the task knows no success. */
  success?(): boolean;
  /**
   * What a scripted expert would do in the state just reached, of which it knows everything: `[A]` in [−1, 1]. It follows
   * from the simulation's state and from `random` alone, so that an episode can be gone on with from a saved state.
   * @param random what makes its actions vary, as a person's do; without it they do not
   */
  demonstrate?(random?: Generator): Float32Array;
}

/** V-D4RL's and DrQ-v2's convention, for every task that does not say otherwise. */
export const defaultActionRepeat = 2;

/** Control steps for each action where nobody says how many; of what is no simulated task of ours, too. */
export function ownActionRepeat(task: SuiteTask | ((...options: never[]) => unknown) | undefined): number {
  return (typeof task === 'object' ? task.actionRepeat : undefined) ?? defaultActionRepeat;
}
