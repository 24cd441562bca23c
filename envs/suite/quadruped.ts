/** Quadruped: walk and run, from whatever way up it lands. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { untilNothingTouches } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Forward speeds, in m/s, above which the move reward is full. */
const walkSpeed = 0.5;
const runSpeed = 5;
const controlTimestep = 0.02;
const maxEnvFrames = 1000;
/** How far it is lifted at a time, in metres, until it is clear of the floor. */
const lift = 0.01;
const hinge = 3;
const toes = ['front_left', 'front_right', 'back_right', 'back_left'] as const;

export const quadrupedTasks: readonly SuiteTask[] = [
  quadruped('quadruped-walk', walkSpeed),
  quadruped('quadruped-run', runSpeed),
];

function quadruped(name: string, speed: number): SuiteTask {
  return {
    name,
    model: new URL('./quadruped.xml', import.meta.url),
    controlTimestep,
    maxEnvFrames,
    // The one beside it: in camera 0's pictures it is a few pixels wide. DrQ-v2 and its followers take this one too.
    camera: 2,
    bind: (simulation) => bind(simulation, speed),
  };
}

function bind(simulation: Simulation, speed: number): BoundTask {
  const torso = simulation.id('body', 'torso');
  const hinges = [...simulation.model('jnt_type').keys()].filter(
    (joint) => simulation.model('jnt_type')[joint] === hinge,
  );
  const ofHinges = (field: 'qpos' | 'qvel', addresses: 'jnt_qposadr' | 'jnt_dofadr') =>
    hinges.map((joint) => simulation.data(field)[simulation.model(addresses)[joint] as number] as number);
  const torsoUpright = () => simulation.bodyRotation(torso, 2, 2);
  /** In the torso's own frame, x forward. */
  const torsoVelocity = () => simulation.sensor('velocity');
  const atToes = (quantity: 'force' | 'torque') =>
    toes.flatMap((toe) => [...simulation.sensor(`${quantity}_${toe}`)]);

  widenFloor(simulation, speed * controlTimestep * maxEnvFrames);
  return {
    initialise: (random) => turnAndLift(simulation, random),
    observe: () => ({
      egocentric_state: [
        ...ofHinges('qpos', 'jnt_qposadr'),
        ...ofHinges('qvel', 'jnt_dofadr'),
        ...simulation.data('act'),
      ],
      torso_velocity: torsoVelocity(),
      torso_upright: [torsoUpright()],
      imu: [...simulation.sensor('acceleration'), ...simulation.sensor('turning')],
      force_torque: [...atToes('force'), ...atToes('torque')].map(Math.asinh),
    }),
    reward: () => {
      const upright = tolerance(torsoUpright(), {
        bounds: [1, Infinity],
        margin: 2,
        sigmoid: 'linear',
        valueAtMargin: 0,
      });
      const move = tolerance(torsoVelocity()[0] as number, {
        bounds: [speed, Infinity],
        margin: speed,
        sigmoid: 'linear',
        valueAtMargin: 0.5,
      });
      return upright * move;
    },
  };
}

/** @param halfSize metres: what lies before a quadruped that keeps to its speed for an episode. */
function widenFloor(simulation: Simulation, halfSize: number): void {
  const floor = simulation.id('geom', 'floor');
  simulation.model('geom_size').fill(halfSize, 3 * floor, 3 * floor + 2);
  simulation.deriveConstants();
}

/** A random orientation, as low above the origin as the floor allows. */
function turnAndLift(simulation: Simulation, random: Generator): void {
  const quaternion = Array.from({ length: 4 }, () => random.normal());
  const length = Math.hypot(...quaternion);
  untilNothingTouches(simulation, (attempt) => {
    const qpos = simulation.data('qpos');
    qpos.set([0, 0, attempt * lift]);
    qpos.set(
      quaternion.map((value) => value / length),
      3,
    );
  });
}
