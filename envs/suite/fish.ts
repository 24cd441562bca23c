/** Fish: swim upright, or bring the mouth to a target. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import type { BoundTask, SuiteTask } from './task.js';

const joints = [
  'tail1',
  'tail_twist',
  'tail2',
  'finright_roll',
  'finright_pitch',
  'finleft_roll',
  'finleft_pitch',
] as const;
/** Joints start within this many radians of straight. */
const startAngle = 0.2;
/** Where the target lies, in metres: x and y within ±, z from–to. */
const targetRange = 0.4;
const targetHeight = [0.1, 0.3] as const;

export const fishTasks: readonly SuiteTask[] = [
  fish('fish-upright', ['geom_rgba'], bindUpright),
  fish('fish-swim', ['geom_pos'], bindSwim),
];

function fish(
  name: string,
  editedFields: NonNullable<SuiteTask['editedFields']>,
  bind: SuiteTask['bind'],
): SuiteTask {
  return {
    name,
    model: new URL('./fish.xml', import.meta.url),
    controlTimestep: 0.04,
    maxEnvFrames: 1000,
    camera: 0,
    editedFields,
    bind,
  };
}

function bindUpright(simulation: Simulation): BoundTask {
  const body = bindBody(simulation);
  return {
    initialise: (random) => {
      body.initialise(random);
      // The target means nothing here.
      simulation.model('geom_rgba')[4 * simulation.id('geom', 'target') + 3] = 0;
    },
    observe: () => ({
      joint_angles: body.jointAngles(),
      upright: [body.upright()],
      velocity: simulation.data('qvel'),
    }),
    reward: () => tolerance(body.upright(), { bounds: [1, 1], margin: 1 }),
  };
}

function bindSwim(simulation: Simulation): BoundTask {
  const body = bindBody(simulation);
  const target = simulation.id('geom', 'target');
  const mouth = simulation.id('geom', 'mouth');
  const radius = (geom: number) => simulation.model('geom_size')[3 * geom] as number;
  /** In the mouth's frame. */
  const mouthToTarget = () => {
    const rotation = simulation.data('geom_xmat').subarray(9 * mouth);
    return [0, 1, 2].map((column) =>
      [0, 1, 2].reduce((sum, row) => {
        const offset = simulation.geomPosition(target, row) - simulation.geomPosition(mouth, row);
        return sum + offset * (rotation[3 * row + column] as number);
      }, 0),
    );
  };
  return {
    initialise: (random) => {
      body.initialise(random);
      const positions = simulation.model('geom_pos');
      positions[3 * target] = random.uniform(-targetRange, targetRange);
      positions[3 * target + 1] = random.uniform(-targetRange, targetRange);
      positions[3 * target + 2] = random.uniform(...targetHeight);
    },
    observe: () => ({
      joint_angles: body.jointAngles(),
      upright: [body.upright()],
      target: mouthToTarget(),
      velocity: simulation.data('qvel'),
    }),
    reward: () => {
      const radii = radius(mouth) + radius(target);
      const inTarget = tolerance(Math.hypot(...mouthToTarget()), { bounds: [0, radii], margin: 2 * radii });
      const upright = (body.upright() + 1) / 2;
      return (7 * inTarget + upright) / 8;
    },
  };
}

/** What both tasks ask of the body, and its random start. */
function bindBody(simulation: Simulation) {
  const torso = simulation.id('body', 'torso');
  const addresses = joints.map(
    (joint) => simulation.model('jnt_qposadr')[simulation.id('joint', joint)] as number,
  );
  return {
    upright: () => simulation.bodyRotation(torso, 2, 2),
    jointAngles: () => addresses.map((address) => simulation.data('qpos')[address] as number),
    initialise: (random: Generator) => {
      const qpos = simulation.data('qpos');
      const quaternion = Array.from({ length: 4 }, () => random.normal());
      const length = Math.hypot(...quaternion);
      quaternion.forEach((value, i) => {
        qpos[3 + i] = value / length;
      });
      for (const address of addresses) qpos[address] = random.uniform(-startAngle, startAngle);
    },
  };
}
