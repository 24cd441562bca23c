/** IQL's losses by hand, a whole update against NumPy (test/golden/agent/make_golden_iql.py), and what it learns. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import type { AgentConfig } from '../../src/agent/config.js';
import { advantageWeights, expectileLoss, weightedLikelihoodLoss } from '../../src/agent/losses.js';
import { selectBackend } from '../../src/backend/select.js';
import { clippedLogProbability, clippedSample } from '../../src/nn/clippedGaussian.js';
import { differentiate } from '../../src/nn/gradients.js';
import { goldenIql, goldenIqlLearner, runGoldenIql } from './goldenIql.js';
import { assertAllClose, assertClose, readAll } from './goldenUpdate.js';
import { actionSize, BatchSource, type Kind, smallAgent } from './syntheticBatch.js';

const iql: Partial<AgentConfig> = {
  algorithm: 'iql',
  ensembleSize: 2,
  targetSubset: 2,
  criticLayerNorm: false,
};

describe('one IQL update equals the independent one', () => {
  before(async () => {
    await selectBackend({ backend: 'cpu' });
  });

  for (const [name, setting] of [
    ['pixels', 'pixels, the least of two critics'],
    ['state', 'state, one critic of three, layer norm, the actor held to prior rows'],
  ] as const) {
    it(setting, async () => {
      const golden = goldenIql(name);
      const learner = goldenIqlLearner(golden);
      const metrics = await runGoldenIql(golden, learner);
      assert.equal(metrics.length, golden.metrics.length);
      metrics.forEach((numbers, i) => {
        const expected = golden.metrics[i] ?? {};
        assert.deepEqual(Object.keys(numbers).sort(), Object.keys(expected).sort());
        for (const [metric, value] of Object.entries(expected))
          assertClose(metric, [numbers[metric] ?? Number.NaN], [value], 1e-4);
      });
      assertAllClose(await readAll(learner), golden.after, 2e-5);
      learner.dispose();
      assert.equal(tf.memory().numTensors, 0);
    });
  }
});

describe('IQL', () => {
  before(async () => {
    await selectBackend({ backend: 'wasm' });
  });

  it('expectile regression weighs what V falls short of by the expectile, the rest by its complement', () => {
    const loss = expectileLoss(tf.tensor1d([3, 0, 1]), tf.tensor1d([1, 1, 1]), 0.7).dataSync()[0];
    assertClose('loss', [loss ?? Number.NaN], [(0.7 * 4 + 0.3 * 1 + 0) / 3], 1e-6);
  });

  it('V at the minimum of the loss is the expectile', () => {
    // Of the values 0 and 1 the expectile τ is τ: there τ·(1 − V) = (1 − τ)·V.
    const v = tf.variable(tf.scalar(0.7));
    const { gradients } = differentiate([v], () => ({
      loss: expectileLoss(tf.tensor1d([0, 1]), tf.mul(tf.ones<tf.Rank.R1>([2]), v), 0.7),
      byProducts: [],
    }));
    assert.ok(Math.abs(gradients[0]?.dataSync()[0] ?? Number.NaN) < 1e-6);
    v.dispose();
  });

  it('weighs an action by exp(β·advantage), clipped at 100', () => {
    const weights = advantageWeights(tf.tensor1d([0, 1, -1, 1.5, 2, 1000]), 3).dataSync();
    assertClose('weights', weights, [1, Math.exp(3), Math.exp(-3), Math.exp(4.5), 100, 100], 1e-5);
    const loss = weightedLikelihoodLoss(tf.tensor1d([2, 100]), tf.tensor1d([-1, 3])).dataSync();
    assertClose('loss', loss, [-(2 * -1 + 100 * 3) / 2], 1e-6);
  });

  it('the policy is a Gaussian around its mode whose draws are clipped', () => {
    const policy = { mode: tf.tensor2d([[0.5, -0.5]]), logStd: tf.tensor1d([0, Math.log(2)]) };
    const density = (a: number, mean: number, std: number) =>
      Math.log(Math.exp(-((a - mean) ** 2) / (2 * std ** 2)) / (std * Math.sqrt(2 * Math.PI)));
    const logProbability = clippedLogProbability(policy, tf.tensor2d([[1, -1]])).dataSync();
    assertClose('log π', logProbability, [density(1, 0.5, 1) + density(-1, -0.5, 2)], 1e-6);
    assertClose('draw', clippedSample(policy, tf.tensor2d([[0.25, -1]])).dataSync(), [0.75, -1], 1e-6);
  });

  it('every part takes one step a minibatch, and the encoder is moved by the critics alone', async () => {
    const agent = smallAgent('pixels', { ...iql, criticLearningRate: 1e-30 });
    const start = await agent.tensors();
    await agent.update(new BatchSource('pixels').next(3));
    const { criticSteps, actorSteps } = agent.state().learner;
    assert.deepEqual([criticSteps, actorSteps], [3, 3]);
    const end = await agent.tensors();
    const changed = (name: string) =>
      !tf.util.arraysEqual(start.get(name)?.data ?? [], end.get(name)?.data ?? []);
    assert.ok(!changed('critic/encoder/conv1/filter'));
    assert.ok(changed('actor/trunk/weight') && changed('actor/policy/logStd'));
    agent.dispose();
  });

  it('learns from data alone the better of two actions, and imitates both alike at temperature 0', async () => {
    // One-step episodes: half of the actions are 0.6 with reward 1, half −0.6 with reward 0.
    const means: number[] = [];
    for (const advantageTemperature of [10, 0]) {
      const agent = smallAgent('state', {
        ...iql,
        advantageTemperature,
        hiddenWidth: 32,
        actorLearningRate: 3e-3,
        criticLearningRate: 3e-3,
        emaRate: 0.05,
      });
      const batches = new BatchSource('state', 32);
      for (let i = 0; i < 300; i++) {
        const batch = batches.next();
        batch.discounts.fill(0);
        for (let row = 0; row < batch.size; row++) {
          const isGood = row % 2 === 0;
          batch.actions.fill(isGood ? 0.6 : -0.6, row * actionSize, (row + 1) * actionSize);
          batch.rewards[row] = isGood ? 1 : 0;
        }
        await agent.pretrain(batch);
      }
      const action = await agent.act(batches.observation(), 'mean');
      means.push((action[0] ?? Number.NaN) / 2 + (action[1] ?? Number.NaN) / 2);
      agent.dispose();
    }
    const [greedy = Number.NaN, alike = Number.NaN] = means;
    assert.ok(Math.abs(greedy - 0.6) < 0.1 && Math.abs(alike) < 0.2, `${greedy}, ${alike}`);
  });

  it('neither tensors nor memory pile up over updates and actions', async () => {
    for (const kind of ['pixels', 'state'] as Kind[]) {
      const batches = new BatchSource(kind, 2);
      const start = tf.memory().numTensors;
      const agent = smallAgent(kind, { ...iql, actorBcWeight: 0.4 });
      const step = async () => {
        await agent.update(batches.next(2));
        await agent.act(batches.observation(), 'sample');
      };
      await step();
      const { numTensors, numBytes } = tf.memory();
      for (let i = 0; i < 30; i++) await step();
      assert.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes]);
      agent.dispose();
      assert.equal(tf.memory().numTensors, start);
    }
  });

  it('a policy alone acts as the whole agent does', async () => {
    const batches = new BatchSource('both');
    const agent = smallAgent('both', iql);
    await agent.update(batches.next());
    const policy = smallAgent('both', iql, 5);
    policy.restorePolicy(await agent.policyTensors());
    const observation = batches.observation();
    assert.deepEqual(await policy.act(observation, 'mean'), await agent.act(observation, 'mean'));
    agent.dispose();
    policy.dispose();
  });
});
