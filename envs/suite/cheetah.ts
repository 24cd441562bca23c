/** Planar cheetah: run. */
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Forward speed, in m/s, above which the reward is full. */
const runSpeed = 10;
/** Physics steps at zero control in which a fresh cheetah falls and comes to rest. */
const settleSteps = 200;

export const cheetahTasks: readonly SuiteTask[] = [
  {
    name: 'cheetah-run',
    model: new URL('./cheetah.xml', import.meta.url),
    controlTimestep: 0.01,
    maxEnvFrames: 1000,
    camera: 0,
    bind,
  },
];

function bind(simulation: Simulation): BoundTask {
  const speed = () => simulation.sensor('torso_subtreelinvel')[0] as number;
  return {
    initialise: (random) => {
      const limited = simulation.model('jnt_limited');
      const ranges = simulation.model('jnt_range');
      const qpos = simulation.data('qpos');
      for (let joint = 0; joint < limited.length; joint++) {
        if (limited[joint]) qpos[joint] = random.uniform(ranges[2 * joint], ranges[2 * joint + 1]);
      }
      simulation.step(settleSteps);
      simulation.time = 0;
    },
    observe: () => ({
      // Without the horizontal position, so that running looks the same everywhere.
      position: simulation.data('qpos').subarray(1),
      velocity: simulation.data('qvel'),
    }),
    reward: () =>
      tolerance(speed(), {
        bounds: [runSpeed, Infinity],
        margin: runSpeed,
        sigmoid: 'linear',
        valueAtMargin: 0,
      }),
  };
}
