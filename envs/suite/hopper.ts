/** Planar hopper: stand and hop. */

import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';
import { randomiseJoints } from './initialStates.js';
import { smallControl } from './smallControl.js';
import type { BoundTask, SuiteTask } from './task.js';

/** Height of the torso above the foot, in metres, that counts as standing. */
const standHeight = [0.6, 2] as const;
/** Forward speed, in m/s, above which the hop reward is full. */
const hopSpeed = 2;

export const hopperTasks: readonly SuiteTask[] = [hopper('hopper-stand', false), hopper('hopper-hop', true)];

function hopper(name: string, hopping: boolean): SuiteTask {
  return {
    name,
    model: new URL('./hopper.xml', import.meta.url),
    controlTimestep: 0.02,
    maxEnvFrames: 1000,
    camera: 0,
    bind: (simulation) => bind(simulation, hopping),
  };
}

function bind(simulation: Simulation, hopping: boolean): BoundTask {
  const torso = simulation.id('body', 'torso');
  const foot = simulation.id('body', 'foot');
  const centreHeight = (body: number) => simulation.data('xipos')[3 * body + 2] as number;
  const height = () => centreHeight(torso) - centreHeight(foot);
  const speed = () => simulation.sensor('torso_subtreelinvel')[0] as number;
  const touch = (name: string) => Math.log1p(simulation.sensor(name)[0] as number);
  return {
    initialise: (random) => randomiseJoints(simulation, random),
    observe: () => ({
      // Without the horizontal position, so that hopping looks the same everywhere.
      position: simulation.data('qpos').subarray(1),
      velocity: simulation.data('qvel'),
      touch: [touch('touch_toe'), touch('touch_heel')],
    }),
    reward: () => {
      const standing = tolerance(height(), { bounds: standHeight });
      if (!hopping) return standing * smallControl(simulation);
      const hop = tolerance(speed(), {
        bounds: [hopSpeed, Infinity],
        margin: hopSpeed / 2,
        sigmoid: 'linear',
        valueAtMargin: 0.5,
      });
      return standing * hop;
    },
  };
}
