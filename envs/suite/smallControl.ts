/** The factor by which several rewards prefer small controls: from 4/5 (all at ±1) to 1 (all zero). */
import type { Simulation } from '../mujoco.js';
import { tolerance } from '../rewards.js';

export function smallControl(simulation: Simulation): number {
  const ctrl = simulation.data('ctrl');
  let sum = 0;
  for (const value of ctrl) sum += tolerance(value, { margin: 1, sigmoid: 'quadratic', valueAtMargin: 0 });
  return (4 + sum / ctrl.length) / 5;
}
