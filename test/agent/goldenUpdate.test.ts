/** Whole updates against NumPy in float64 with finite-difference gradients (test/golden/agent/make_golden*.py). */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { BcLearner } from '../../src/agent/bcLearner.js';
import { type AgentConfig, parseAgentConfig } from '../../src/agent/config.js';
import { selectBackend } from '../../src/backend/select.js';
import { Generator } from '../../src/random/generator.js';
import { goldenIbrl, goldenIbrlLearner, runGoldenIbrl } from './goldenIbrl.js';
import {
  assertAllClose,
  assertClose,
  assignAll,
  goldenLearner,
  goldenUpdate,
  readAll,
  readGolden,
  runGolden,
  type Tensors,
} from './goldenUpdate.js';

describe('one update equals the independent one', () => {
  before(async () => {
    await selectBackend({ backend: 'cpu' });
  });

  for (const [name, setting] of [
    ['pixels', 'pixels, one critic in the target'],
    ['state', 'state, two critics in the target, entropy backup, weight decay, three layers'],
    ['both', 'pixels and state, all critics in the target, dropout, no layer norm'],
    ['constrained', 'pixels and state, the actor held to the prior rows'],
    ['cameras', 'two images of different sizes and a state'],
  ] as const) {
    it(setting, async () => {
      const golden = goldenUpdate(name);
      const learner = goldenLearner(golden);
      const metrics = await runGolden(golden, learner);
      metrics.forEach((numbers, i) => {
        const expected = golden.metrics[i] ?? {};
        for (const [metric, value] of Object.entries(expected)) {
          assertClose(metric, [numbers[metric] ?? Number.NaN], [value], 1e-5);
        }
      });
      assertAllClose(await readAll(learner), golden.after, 2e-5);
      learner.dispose();
    });
  }

  it('behaviour cloning, by the mode and by log-likelihood', async () => {
    const cases = readGolden<Record<'mode' | 'logLikelihood', GoldenCloning>>('cloning');
    for (const golden of Object.values(cases)) {
      const config = parseAgentConfig({ ...golden.config, encoder: 'rlpd' });
      const [rows, stateSize] = golden.state.shape as [number, number];
      const shape = { images: [], stateSize, actionSize: golden.actions.shape[1] ?? 0 };
      const learner = new BcLearner(config, shape, new Generator(0));
      assignAll(learner, golden.before);
      const state = Float32Array.from(golden.state.data);
      const { actorLoss } = await learner.update({
        size: rows,
        minibatches: 1,
        observation: { images: [], state },
        nextObservation: { images: [], state },
        actions: Float32Array.from(golden.actions.data),
        rewards: new Float32Array(rows),
        discounts: new Float32Array(rows),
        prior: new Float32Array(rows).fill(1),
      });
      assertClose('loss', [actorLoss ?? Number.NaN], [golden.loss], 1e-5);
      assertAllClose(await readAll(learner), golden.after, 2e-5);
      learner.dispose();
    }
    assert.equal(tf.memory().numTensors, 0);
  });
});

describe('ibrl: a cloning step, acting and one update equal the independent ones', () => {
  for (const [name, setting] of [
    ['pixels', 'pixels, the better of two proposals, dropout in the actor'],
    ['state', 'state, soft choice, entropy backup, dropout in actor and critics, cloned by log-likelihood'],
  ] as const) {
    it(setting, async () => {
      await selectBackend({ backend: 'cpu' });
      const golden = goldenIbrl(name);
      // Both kinds of row are there to be told apart.
      assert.deepEqual(new Set(golden.acted.takesCloned?.data), new Set([0, 1]));
      const learner = goldenIbrlLearner(golden);
      const { metrics, action } = await runGoldenIbrl(golden, learner);
      assertClose('action', action, golden.acted.action?.data ?? [], 1e-5);
      for (const [i, expected] of golden.metrics.entries()) {
        for (const [metric, value] of Object.entries(expected))
          assertClose(metric, [metrics[i]?.[metric] ?? Number.NaN], [value], 1e-5);
      }
      assertAllClose(await readAll(learner), golden.after, 2e-5);
      learner.dispose();
      assert.equal(tf.memory().numTensors, 0);
    });
  }
});

interface GoldenCloning {
  readonly config: AgentConfig;
  readonly before: Tensors;
  readonly state: Tensors[string];
  readonly actions: Tensors[string];
  readonly after: Tensors;
  readonly loss: number;
}
