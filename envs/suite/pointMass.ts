/** Point mass: push a ball to the middle of a table. */

import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJoints } from './initialStates.js';
import { smallControl } from './smallControl.js';
import type { BoundTask, SuiteTask } from './task.js';

export const pointMassTasks: readonly SuiteTask[] = [
  {
    name: 'point_mass-easy',
    model: new URL('./point_mass.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const target = simulation.id('geom', 'target');
  const mass = simulation.id('geom', 'pointmass');
  const massToTarget = (axis: number) =>
    simulation.geomPosition(target, axis) - simulation.geomPosition(mass, axis);
  const targetRadius = simulation.model('geom_size')[3 * target] as number;
  return {
    initialise: (random) => randomiseJoints(simulation, random),
    observe: () => ({ position: simulation.data('qpos'), velocity: simulation.data('qvel') }),
    reward: () => {
      const near = tolerance(Math.hypot(massToTarget(0), massToTarget(1), massToTarget(2)), {
        bounds: [0, targetRadius],
        margin: targetRadius,
      });
      return near * smallControl(simulation);
    },
  };
}
