/** Humanoid: stand, walk and run. */

import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJointsWithoutContact } from './initialStates.js';
import { smallControl } from './smallControl.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Height of the head, in metres, above which the humanoid counts as standing. */
const standHeight = 1.4;
/** Horizontal speeds, in m/s, above which the move reward is full. */
const walkSpeed = 1;
const runSpeed = 10;

export const humanoidTasks: readonly SuiteTask[] = [
  humanoid('humanoid-stand', 0),
  humanoid('humanoid-walk', walkSpeed),
  humanoid('humanoid-run', runSpeed),
];

function humanoid(name: string, moveSpeed: number): SuiteTask {
  return {
    name,
    model: new URL('./humanoid.xml', import.meta.url),
    controlTimestep: 0.025,
    maxEnvFrames: 1000,
    camera: 0,
    bind: (simulation) => bind(simulation, moveSpeed),
  };
}

function bind(simulation: Simulation, moveSpeed: number): BoundTask {
  const torso = simulation.id('body', 'torso');
  const head = simulation.id('body', 'head');
  const limbs = ['left_hand', 'left_foot', 'right_hand', 'right_foot'].map((name) =>
    simulation.id('body', name),
  );
  const headHeight = () => simulation.bodyPosition(head, 2);
  const torsoUpright = () => simulation.bodyRotation(torso, 2, 2);
  const centreVelocity = () => simulation.sensor('torso_subtreelinvel');

  const moveReward = () => {
    const [vx, vy] = centreVelocity() as unknown as [number, number];
    if (moveSpeed === 0) return (tolerance(vx, { margin: 2 }) + tolerance(vy, { margin: 2 })) / 2;
    const move = tolerance(Math.hypot(vx, vy), {
      bounds: [moveSpeed, Infinity],
      margin: moveSpeed,
      sigmoid: 'linear',
      valueAtMargin: 0,
    });
    return (5 * move + 1) / 6;
  };

  return {
    initialise: (random) => randomiseJointsWithoutContact(simulation, random),
    observe: () => ({
      // Without the seven numbers of the free root joint.
      joint_angles: simulation.data('qpos').subarray(7),
      head_height: [headHeight()],
      extremities: limbs.flatMap((limb) => inFrameOf(simulation, torso, limb)),
      torso_vertical: [0, 1, 2].map((column) => simulation.bodyRotation(torso, 2, column)),
      com_velocity: centreVelocity(),
      velocity: simulation.data('qvel'),
    }),
    reward: () => {
      const standing = tolerance(headHeight(), { bounds: [standHeight, Infinity], margin: standHeight / 4 });
      const upright = tolerance(torsoUpright(), {
        bounds: [0.9, Infinity],
        margin: 1.9,
        sigmoid: 'linear',
        valueAtMargin: 0,
      });
      return smallControl(simulation) * standing * upright * moveReward();
    },
  };
}

/** Position of a body's origin in another body's frame. */
function inFrameOf(simulation: Simulation, frame: number, body: number): number[] {
  const offset = [0, 1, 2].map(
    (axis) => simulation.bodyPosition(body, axis) - simulation.bodyPosition(frame, axis),
  );
  return [0, 1, 2].map((column) =>
    offset.reduce((sum, value, row) => sum + value * simulation.bodyRotation(frame, row, column), 0),
  );
}
