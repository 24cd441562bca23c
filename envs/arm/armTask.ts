/** What the tasks of the arm have in common: how long they take, what is seen and felt, and both of their rewards. */
import type { Generator } from '../../src/random/generator.js';
import type { ModelField, Simulation } from '../mujoco.js';
import type { SuiteTask } from '../suite/task.js';
import { Arm } from './arm.js';
import { type Aim, pursue } from './expert.js';

export interface ArmTask {
  /** `arm-…`. */
  readonly name: string;
  readonly model: URL;
  readonly editedFields?: readonly ModelField[];
  readonly bind: (simulation: Simulation, arm: Arm) => BoundArmTask;
}

export interface BoundArmTask {
  /** Writes where things are; the arm has been put somewhere already. */
  initialise(random: Generator): void;
  /** In the state just reached. */
  success(): boolean;
  /** How far the task has come, in [0, 1]. */
  progress(): number;
  /** What an expert would do. */
  aim(): Aim;
}

/** 20 actions a second, for 6 seconds. */
const controlTimestep = 0.05;
const maxEnvFrames = 120;

/**
 * The task with 1 as the reward of success, which ends the episode, and `NAME_dense`, whose reward is the progress and
 * which does not end: an end would be a loss.
 */
export function armTasks({ name, model, editedFields, bind }: ArmTask): readonly SuiteTask[] {
  return [false, true].map((isDense) => ({
    name: isDense ? `${name}_dense` : name,
    model,
    controlTimestep,
    maxEnvFrames,
    camera: 0,
    cameras: ['scene', 'wrist'],
    actionRepeat: 1,
    ...(editedFields && { editedFields }),
    bind: (simulation) => {
      const arm = new Arm(simulation);
      const bound = bind(simulation, arm);
      return {
        initialise: (random) => {
          arm.initialise(random);
          bound.initialise(random);
        },
        observe: () => arm.observe(),
        reward: isDense ? () => bound.progress() : () => Number(bound.success()),
        ...(!isDense && { terminated: () => bound.success() }),
        success: () => bound.success(),
        demonstrate: (random) => pursue(arm, bound.aim(), random),
      };
    },
  }));
}
