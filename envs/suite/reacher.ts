/** Two-link planar arm: bring the finger to the target. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJoints } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Radius of the target, in metres. */
const easyTarget = 0.05;
const hardTarget = 0.015;
/** The target's distance from the shoulder, in metres. */
const targetDistance = [0.05, 0.2] as const;

export const reacherTasks: readonly SuiteTask[] = [
  reacher('reacher-easy', easyTarget),
  reacher('reacher-hard', hardTarget),
];

function reacher(name: string, targetRadius: number): SuiteTask {
  return {
    name,
    model: new URL('./reacher.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    editedFields: ['geom_size', 'geom_pos'],
    bind: (simulation) => bind(simulation, targetRadius),
  };
}

function bind(simulation: Simulation, targetRadius: number): BoundTask {
  const target = simulation.id('geom', 'target');
  const finger = simulation.id('geom', 'finger');
  const fingerToTarget = (axis: number) =>
    simulation.geomPosition(target, axis) - simulation.geomPosition(finger, axis);
  const radius = (geom: number) => simulation.model('geom_size')[3 * geom] as number;

  const initialise = (random: Generator) => {
    simulation.model('geom_size')[3 * target] = targetRadius;
    randomiseJoints(simulation, random);
    const angle = random.uniform(0, 2 * Math.PI);
    const distance = random.uniform(...targetDistance);
    const positions = simulation.model('geom_pos');
    positions[3 * target] = distance * Math.sin(angle);
    positions[3 * target + 1] = distance * Math.cos(angle);
  };

  return {
    initialise,
    observe: () => ({
      position: simulation.data('qpos'),
      to_target: [fingerToTarget(0), fingerToTarget(1)],
      velocity: simulation.data('qvel'),
    }),
    reward: () =>
      tolerance(Math.hypot(fingerToTarget(0), fingerToTarget(1)), {
        bounds: [0, radius(target) + radius(finger)],
      }),
  };
}
