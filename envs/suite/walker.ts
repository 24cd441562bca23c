/** Planar walker: stand, walk and run. */

import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJoints } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Height of the torso, in metres, above which the walker counts as standing. */
const standHeight = 1.2;
/** Horizontal speeds, in m/s, above which the move reward is full. */
const walkSpeed = 1;
const runSpeed = 8;

export const walkerTasks: readonly SuiteTask[] = [
  walker('walker-stand', 0),
  walker('walker-walk', walkSpeed),
  walker('walker-run', runSpeed),
];

function walker(name: string, moveSpeed: number): SuiteTask {
  return {
    name,
    model: new URL('./walker.xml', import.meta.url),
    controlTimestep: 0.025,
    maxEnvFrames: 1000,
    camera: 0,
    bind: (simulation) => bind(simulation, moveSpeed),
  };
}

function bind(simulation: Simulation, moveSpeed: number): BoundTask {
  const torso = simulation.id('body', 'torso');
  const bodies = simulation.count('body');
  const torsoUpright = () => simulation.bodyRotation(torso, 2, 2);
  const torsoHeight = () => simulation.bodyPosition(torso, 2);
  const horizontalVelocity = () => simulation.sensor('torso_subtreelinvel')[0] as number;

  return {
    initialise: (random) => randomiseJoints(simulation, random),
    observe: () => ({
      orientations: planarOrientations(simulation, bodies),
      height: [torsoHeight()],
      velocity: simulation.data('qvel'),
    }),
    reward: () => {
      const standing = tolerance(torsoHeight(), { bounds: [standHeight, Infinity], margin: standHeight / 2 });
      const upright = (1 + torsoUpright()) / 2;
      const stand = (3 * standing + upright) / 4;
      if (moveSpeed === 0) return stand;
      const move = tolerance(horizontalVelocity(), {
        bounds: [moveSpeed, Infinity],
        margin: moveSpeed / 2,
        sigmoid: 'linear',
        valueAtMargin: 0.5,
      });
      return (stand * (5 * move + 1)) / 6;
    },
  };
}

/** cos and sin of each body's pitch: the x and z components of the world's x axis in the body's frame. */
function planarOrientations(simulation: Simulation, bodies: number): number[] {
  const angles: number[] = [];
  for (let body = 1; body < bodies; body++) {
    angles.push(simulation.bodyRotation(body, 0, 0), simulation.bodyRotation(body, 0, 2));
  }
  return angles;
}
