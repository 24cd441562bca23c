/** Pendulum: swing up and stay there. */
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import type { BoundTask, SuiteTask } from './task.js';

/** The reward is 1 within this many degrees of upright. */
const uprightDegrees = 8;

export const pendulumTasks: readonly SuiteTask[] = [
  {
    name: 'pendulum-swingup',
    model: new URL('./pendulum.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const pole = simulation.id('body', 'pole');
  const poleCosine = () => simulation.bodyRotation(pole, 2, 2);
  const poleSine = () => simulation.bodyRotation(pole, 0, 2);
  return {
    initialise: (random) => {
      simulation.data('qpos')[0] = random.uniform(-Math.PI, Math.PI);
    },
    observe: () => ({ orientation: [poleCosine(), poleSine()], velocity: simulation.data('qvel') }),
    reward: () => tolerance(poleCosine(), { bounds: [Math.cos((uprightDegrees * Math.PI) / 180), 1] }),
  };
}
