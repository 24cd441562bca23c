/**
 * One whole update in bf16 against the same in float32 on the reference backend. bf16 keeps 8 bits of each factor,
 * so every product is off by at most 2⁻⁸; what is asked here is that these errors stay errors of rounding: each
 * metric within 2%, and the way each parameter moved within 25% of its length. Adam's first steps are the signs of
 * the gradients, so where rounding turns the sign of a share f of them the ways lie 2√f apart: 25% is 1.6% turned.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { torchOrSkip, use } from '../backend/engines.js';
import { goldenLearner, goldenUpdate, readAll, runGolden } from './goldenUpdate.js';

const metricTolerance = 0.02;
const moveTolerance = 0.25;

describe('one update in bf16 agrees with float32', await torchOrSkip('bfloat16'), () => {
  for (const name of ['pixels', 'state', 'both', 'cameras']) {
    it(name, async () => {
      const [actual, expected] = [await updated('torch', name), await updated('cpu', name)];
      expected.metrics.forEach((metrics, step) => {
        for (const [metric, value] of Object.entries(metrics)) {
          const found = actual.metrics[step]?.[metric] ?? Number.NaN;
          assert.ok(
            Math.abs(found - value) <= metricTolerance * Math.max(1, Math.abs(value)),
            `${metric} of step ${step} is ${found} in bf16 and ${value} in float32`,
          );
        }
      });
      for (const [parameter, move] of expected.moves) {
        const error = distance(actual.moves.get(parameter), move) / (length(move) + 1e-12);
        assert.ok(error <= moveTolerance, `${parameter} moved ${error} of its way apart`);
      }
    });
  }
});

/** Metrics of each step, and how far each weight moved; Adam's moments are no weights. */
async function updated(backend: 'torch' | 'cpu', name: string) {
  await use(backend, backend === 'torch' ? 'bfloat16' : 'float32');
  const golden = goldenUpdate(name);
  const learner = goldenLearner(golden);
  const before = await readAll(learner);
  const metrics = await runGolden(golden, learner);
  const moves = new Map(
    [...(await readAll(learner))]
      .filter(([parameter]) => !parameter.startsWith('adam/'))
      .map(([parameter, after]) => [
        parameter,
        after.map((value, i) => value - (before.get(parameter)?.[i] ?? Number.NaN)),
      ]),
  );
  learner.dispose();
  return { metrics, moves };
}

function length(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function distance(a: Float32Array | undefined, b: Float32Array): number {
  return length(b.map((value, i) => value - (a?.[i] ?? Number.NaN)));
}
