/** Finger: spin a body on a hinge, or turn its tip into a target. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { randomiseJointsWithoutContact } from './initialStates.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Radius of the turn target, in metres. */
const easyTarget = 0.07;
const hardTarget = 0.03;
/** Angular velocity of the spinner, in rad/s, from which spinning is rewarded. */
const spinVelocity = 15;
/** Damping of the spinner's hinge while spinning (the model's own is for turning). */
const spinDamping = 0.03;

export const fingerTasks: readonly SuiteTask[] = [
  finger('finger-spin', bindSpin),
  finger('finger-turn_easy', (simulation) => bindTurn(simulation, easyTarget)),
  finger('finger-turn_hard', (simulation) => bindTurn(simulation, hardTarget)),
];

function finger(name: string, bind: SuiteTask['bind']): SuiteTask {
  return {
    name,
    model: new URL('./finger.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    editedFields: ['site_pos', 'site_size', 'site_rgba', 'dof_damping'],
    bind,
  };
}

function bindSpin(simulation: Simulation): BoundTask {
  const hinge = simulation.id('joint', 'hinge');
  return {
    initialise: (random) => {
      const colours = simulation.model('site_rgba');
      for (const site of ['target', 'tip']) colours[4 * simulation.id('site', site) + 3] = 0;
      simulation.model('dof_damping')[hinge] = spinDamping;
      randomiseJointsWithoutContact(simulation, random);
    },
    observe: () => observe(simulation),
    reward: () => ((simulation.sensor('hinge_velocity')[0] as number) <= -spinVelocity ? 1 : 0),
  };
}

function bindTurn(simulation: Simulation, targetRadius: number): BoundTask {
  const target = simulation.id('site', 'target');
  const hinge = simulation.id('joint', 'hinge');
  const cap = simulation.id('geom', 'cap1');
  const tip = () => fromSpinner(simulation, 'tip');
  const targetPosition = () => fromSpinner(simulation, 'target');
  const distanceToTarget = () => {
    const [x, z] = targetPosition();
    const [tipX, tipZ] = tip();
    return Math.hypot(x - tipX, z - tipZ) - (simulation.model('site_size')[3 * target] as number);
  };

  const initialise = (random: Generator) => {
    const angle = random.uniform(-Math.PI, Math.PI);
    const sizes = simulation.model('geom_size');
    const distance = (sizes[3 * cap] as number) + (sizes[3 * cap + 1] as number);
    const anchor = simulation.data('xanchor');
    const positions = simulation.model('site_pos');
    positions[3 * target] = (anchor[3 * hinge] as number) + distance * Math.sin(angle);
    positions[3 * target + 2] = (anchor[3 * hinge + 2] as number) + distance * Math.cos(angle);
    simulation.model('site_size')[3 * target] = targetRadius;
    randomiseJointsWithoutContact(simulation, random);
  };

  return {
    initialise,
    observe: () => ({
      ...observe(simulation),
      target_position: targetPosition(),
      dist_to_target: [distanceToTarget()],
    }),
    reward: () => (distanceToTarget() <= 0 ? 1 : 0),
  };
}

function observe(simulation: Simulation): Record<string, number[]> {
  const value = (sensor: string) => simulation.sensor(sensor)[0] as number;
  return {
    position: [value('proximal'), value('distal'), ...fromSpinner(simulation, 'tip')],
    velocity: [value('proximal_velocity'), value('distal_velocity'), value('hinge_velocity')],
    touch: [Math.log1p(value('touchtop')), Math.log1p(value('touchbottom'))],
  };
}

/** x and z of a site that a sensor watches, relative to the spinner's hinge. */
function fromSpinner(simulation: Simulation, sensor: 'tip' | 'target'): [x: number, z: number] {
  const point = simulation.sensor(sensor);
  const spinner = simulation.sensor('spinner');
  return [(point[0] as number) - (spinner[0] as number), (point[2] as number) - (spinner[2] as number)];
}
