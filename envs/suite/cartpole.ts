/** Cart and pole: balance and swing-up, each with a smooth and a sparse reward. */
import type { Generator } from '../../src/random/generator.js';
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Where the sparse reward is 1: cart within this many metres of the centre … */
const cartRange = 0.25;
/** … and the cosine of the pole's angle from upright at least this. */
const angleCosine = 0.995;

type Start = 'balance' | 'swingup';

export const cartpoleTasks: readonly SuiteTask[] = [
  cartpole('cartpole-balance', 'balance', false),
  cartpole('cartpole-balance_sparse', 'balance', true),
  cartpole('cartpole-swingup', 'swingup', false),
  cartpole('cartpole-swingup_sparse', 'swingup', true),
];

function cartpole(name: string, start: Start, sparse: boolean): SuiteTask {
  return {
    name,
    model: new URL('./cartpole.xml', import.meta.url),
    controlTimestep: 0.01,
    maxEnvFrames: 1000,
    camera: 0,
    bind: (simulation) => bind(simulation, start, sparse),
  };
}

function bind(simulation: Simulation, start: Start, sparse: boolean): BoundTask {
  const pole = simulation.id('body', 'pole_1');
  const cartPosition = () => simulation.data('qpos')[0] as number;
  const angularVelocity = () => simulation.data('qvel')[1] as number;
  const poleCosine = () => simulation.bodyRotation(pole, 2, 2);
  const poleSine = () => simulation.bodyRotation(pole, 0, 2);
  const control = () => simulation.data('ctrl')[0] as number;

  const sparseReward = () =>
    tolerance(cartPosition(), { bounds: [-cartRange, cartRange] }) *
    tolerance(poleCosine(), { bounds: [angleCosine, 1] });
  const smoothReward = () => {
    const upright = (1 + poleCosine()) / 2;
    const centred = (1 + tolerance(cartPosition(), { margin: 2 })) / 2;
    const smallControl =
      (4 + tolerance(control(), { margin: 1, sigmoid: 'quadratic', valueAtMargin: 0 })) / 5;
    const smallVelocity = (1 + tolerance(angularVelocity(), { margin: 5 })) / 2;
    return upright * centred * smallControl * smallVelocity;
  };

  return {
    initialise: (random) => initialise(simulation, start, random),
    observe: () => ({
      position: [cartPosition(), poleCosine(), poleSine()],
      velocity: simulation.data('qvel'),
    }),
    reward: sparse ? sparseReward : smoothReward,
  };
}

function initialise(simulation: Simulation, start: Start, random: Generator): void {
  const qpos = simulation.data('qpos');
  if (start === 'swingup') {
    qpos[0] = 0.01 * random.normal();
    qpos[1] = Math.PI + 0.01 * random.normal();
  } else {
    qpos[0] = random.uniform(-0.1, 0.1);
    qpos[1] = random.uniform(-0.034, 0.034);
  }
  const qvel = simulation.data('qvel');
  for (let i = 0; i < qvel.length; i++) qvel[i] = 0.01 * random.normal();
}
