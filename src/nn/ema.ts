/** Exponential moving average of parameters: target ← (1 − rate)·target + rate·source. */
import * as tf from '@tensorflow/tfjs-core';
import { FusedKernel } from '../backend/fusedKernels.js';
import { isFused, runFused } from './fusedLayer.js';
import type { ParameterGroup } from './parameters.js';

/** Moves `target` towards `source`, in place; the groups hold the same parameters in the same order. */
export function updateEma(target: ParameterGroup, source: ParameterGroup, rate: number): void {
  const pairs = target.parameters.map(({ variable, name }, i) => {
    const from = source.parameters[i];
    if (from?.name !== name) throw new Error(`Groups ${target.name} and ${source.name} differ at ${name}.`);
    return { to: variable, from: from.variable };
  });
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
