/** Exponential moving average of parameters: target ← (1 − rate)·target + rate·source. */
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../backend/fusedKernels.js';
import { isFused, runFused } from './fusedLayer.js';
import type { ParameterGroup } from './parameters.js';

/** Moves `target` towards `source`, in place; the source holds every parameter of the target, and may hold more. */
export function updateEma(target: ParameterGroup, source: ParameterGroup, rate: number): void {
  const pairs = target.parameters.map(({ variable, name }) => ({
    to: variable,
    from: source.parameter(name).variable,
  }));
  if (isFused(FusedKernel.EmaUpdate)) {
    const inputs: tf.NamedTensorMap = {};
    pairs.forEach(({ to, from }, i) => {
      inputs[`target${i}`] = to;
      inputs[`source${i}`] = from;
    });
    runFused(FusedKernel.EmaUpdate, inputs, { count: pairs.length, rate });
    return;
  }
  tf.tidy(() => {
    for (const { to, from } of pairs) to.assign(tf.add(tf.mul(to, 1 - rate), tf.mul(from, rate)));
  });
}
