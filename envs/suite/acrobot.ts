/** Acrobot: bring the tip of a two-link pendulum to a target above it. */
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Distance from the target, in metres, over which the smooth reward falls to 0.1. */
const smoothMargin = 1;

export const acrobotTasks: readonly SuiteTask[] = [
  acrobot('acrobot-swingup', smoothMargin),
  acrobot('acrobot-swingup_sparse', 0),
];

function acrobot(name: string, margin: number): SuiteTask {
  return {
    name,
    model: new URL('./acrobot.xml', import.meta.url),
    controlTimestep: 0.01,
    maxEnvFrames: 1000,
    camera: 0,
    bind: (simulation) => bind(simulation, margin),
  };
}

function bind(simulation: Simulation, margin: number): BoundTask {
  const arms = [simulation.id('body', 'upper_arm'), simulation.id('body', 'lower_arm')];
  const target = simulation.id('site', 'target');
  const tip = simulation.id('site', 'tip');
  const tipToTarget = (axis: number) =>
    simulation.sitePosition(target, axis) - simulation.sitePosition(tip, axis);
  const targetRadius = simulation.model('site_size')[3 * target] as number;
  return {
    initialise: (random) => {
      const qpos = simulation.data('qpos');
      qpos[0] = random.uniform(-Math.PI, Math.PI);
      qpos[1] = random.uniform(-Math.PI, Math.PI);
    },
    observe: () => ({
      orientations: [
        ...arms.map((arm) => simulation.bodyRotation(arm, 0, 2)),
        ...arms.map((arm) => simulation.bodyRotation(arm, 2, 2)),
      ],
      velocity: simulation.data('qvel'),
    }),
    reward: () =>
      tolerance(Math.hypot(tipToTarget(0), tipToTarget(1), tipToTarget(2)), {
        bounds: [0, targetRadius],
        margin,
      }),
  };
}
