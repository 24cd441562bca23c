/** Swimmer of six links: bring the nose to a target. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJoints } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Half side, in metres, of the square in which the target lies: one time in five close by. */
const closeTarget = 0.3;
const farTarget = 2;
const closeShare = 0.2;
/** Where the links' velocimeters and gyros begin among the sensors; six numbers a link. */
const firstLinkSensor = 12;

export const swimmerTasks: readonly SuiteTask[] = [
  {
    name: 'swimmer-swimmer6',
    model: new URL('./swimmer6.xml', import.meta.url),
    controlTimestep: 0.03,
    maxEnvFrames: 1000,
    camera: 0,
    editedFields: ['geom_pos', 'light_pos'],
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const head = simulation.id('body', 'head');
  const nose = simulation.id('geom', 'nose');
  const target = simulation.id('geom', 'target');
  const light = simulation.id('light', 'target_light');
  const targetRadius = simulation.model('geom_size')[3 * target] as number;

  /** In the head's frame, x and y. */
  const noseToTarget = () =>
    [0, 1].map((column) =>
      [0, 1, 2].reduce((sum, row) => {
        const offset = simulation.geomPosition(target, row) - simulation.geomPosition(nose, row);
        return sum + offset * simulation.bodyRotation(head, row, column);
      }, 0),
    );
  /** Forward, sideways and turning velocity of each link in its own frame. */
  const bodyVelocities = () =>
    [...simulation.data('sensordata').subarray(firstLinkSensor)].filter((_, i) => i % 6 < 2 || i % 6 === 5);

  const initialise = (random: Generator) => {
    randomiseJoints(simulation, random);
    const half = random.uniform() < closeShare ? closeTarget : farTarget;
    for (const axis of [0, 1]) {
      const coordinate = random.uniform(-half, half);
      simulation.model('geom_pos')[3 * target + axis] = coordinate;
      simulation.model('light_pos')[3 * light + axis] = coordinate;
    }
  };

  return {
    initialise,
    observe: () => ({
      joints: simulation.data('qpos').subarray(3),
      to_target: noseToTarget(),
      body_velocities: bodyVelocities(),
    }),
    reward: () =>
      tolerance(Math.hypot(...noseToTarget()), {
        bounds: [0, targetRadius],
        margin: 5 * targetRadius,
        sigmoid: 'long_tail',
      }),
  };
}
