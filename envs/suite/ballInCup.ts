/** Ball in cup: swing a ball on a string into the cup. */
import type { Simulation } from '../mujoco.js';
import { untilNothingTouches } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Where the ball starts, in metres: x and z relative to its resting place. */
const startX = [-0.2, 0.2] as const;
const startZ = [0.2, 0.5] as const;

export const ballInCupTasks: readonly SuiteTask[] = [
  {
    name: 'ball_in_cup-catch',
    model: new URL('./ball_in_cup.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const ball = simulation.id('body', 'ball');
  const target = simulation.id('site', 'target');
  const radius = simulation.model('geom_size')[3 * simulation.id('geom', 'ball')] as number;
  const [positionX, positionZ] = ['ball_x', 'ball_z'].map(
    (joint) => simulation.model('jnt_qposadr')[simulation.id('joint', joint)] as number,
  ) as [number, number];
  const isWithin = (axis: number) => {
    const distance = Math.abs(simulation.sitePosition(target, axis) - simulation.bodyPosition(ball, axis));
    return distance < (simulation.model('site_size')[3 * target + axis] as number) - radius;
  };
  return {
    initialise: (random) =>
      untilNothingTouches(simulation, () => {
        const qpos = simulation.data('qpos');
        qpos[positionX] = random.uniform(...startX);
        qpos[positionZ] = random.uniform(...startZ);
      }),
    observe: () => ({ position: simulation.data('qpos'), velocity: simulation.data('qvel') }),
    reward: () => (isWithin(0) && isWithin(2) ? 1 : 0),
  };
}
