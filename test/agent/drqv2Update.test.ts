/** DrQ-v2's update against NumPy in float64 (test/golden/agent/make_golden_drqv2.py), and its parts from outside. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { parseAgentConfig } from '../../src/agent/config.js';
import { explorationStd } from '../../src/agent/drqv2Update.js';
import { selectBackend } from '../../src/backend/select.js';
import { differentiate } from '../../src/nn/gradients.js';
import { straightThroughClip } from '../../src/nn/straightThroughClip.js';
import { goldenDrqv2, goldenDrqv2Learner, runGoldenDrqv2 } from './goldenDrqv2.js';
import { assertAllClose, assertClose, readAll } from './goldenUpdate.js';
import { BatchSource, smallAgent } from './syntheticBatch.js';

before(async () => {
  await selectBackend({ backend: 'cpu' });
});

describe('one DrQ-v2 update equals the independent one', () => {
  for (const name of ['pixels', 'state']) {
    it(name, async () => {
      const golden = goldenDrqv2(name);
      const learner = goldenDrqv2Learner(golden);
      const metrics = await runGoldenDrqv2(golden, learner);
      metrics.forEach((numbers, i) => {
        for (const [metric, value] of Object.entries(golden.metrics[i] ?? {}))
          assertClose(metric, [numbers[metric] ?? Number.NaN], [value], 1e-5);
      });
      assertAllClose(await readAll(learner), golden.after, 2e-5);
      learner.dispose();
      assert.equal(tf.memory().numTensors, 0);
    });
  }
});

describe('exploration', () => {
  const config = parseAgentConfig({ explorationStart: 0.9, explorationEnd: 0.1, explorationUpdates: 4 });

  it('σ falls linearly over its updates and then stays', () => {
    const stds = [0, 1, 2, 3, 4, 5, 100].map((updates) => explorationStd(config, updates));
    [0.9, 0.7, 0.5, 0.3, 0.1, 0.1, 0.1].forEach((expected, i) => {
      assert.ok(Math.abs((stds[i] ?? Number.NaN) - expected) < 1e-12, `${stds}`);
    });
  });

  it('an update goes by the σ of its last critic step, and each critic step takes it on by one', async () => {
    const settings = { algorithm: 'drqv2', explorationStart: 0.9, explorationUpdates: 4 } as const;
    const agent = smallAgent('state', settings);
    const batches = new BatchSource('state');
    const stds: number[] = [];
    for (const minibatches of [1, 2, 1, 1])
      stds.push((await agent.update(batches.next(minibatches))).explorationStd ?? Number.NaN);
    assertClose('explorationStd', stds, [0.9, 0.5, 0.3, 0.1], 1e-6);
    agent.dispose();
  });

  /** Actions of an agent whose policy is 0 everywhere: its noise alone. */
  async function zeroPolicy(settings: { explorationStart: number; explorationEnd?: number }) {
    const agent = smallAgent('state', { algorithm: 'drqv2', explorationUpdates: 1, ...settings });
    const policy = new Map(await agent.tensors());
    for (const part of ['weight', 'bias']) {
      const name = `actor/policy/output/${part}`;
      const shape = policy.get(name)?.shape ?? [];
      policy.set(name, { shape, data: new Float32Array(tf.util.sizeFromShape(shape)) });
    }
    agent.restore(policy, agent.state());
    const observation = new BatchSource('state').observation();
    const noise = async (count: number): Promise<number[]> => {
      const values: number[] = [];
      for (let i = 0; i < count; i++) values.push(...(await agent.act(observation, 'sample')));
      return values;
    };
    return { agent, observation, noise, policy };
  }

  it('actions carry noise of the scheduled σ, which explorationClip leaves alone', async () => {
    const { agent, noise, observation } = await zeroPolicy({ explorationStart: 0.2, explorationEnd: 0.05 });
    const rms = (values: readonly number[]) =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    const first = await noise(500);
    assert.ok(Math.abs(rms(first) / 0.2 - 1) < 0.1, `${rms(first)}`);
    assert.ok(Math.max(...first) > 0.35);
    assert.deepEqual([...(await agent.act(observation, 'mean'))], [0, 0]);
    const { learner, exploration } = agent.state();
    agent.restore(await agent.tensors(), { learner: { ...learner, criticSteps: 1 }, exploration });
    assert.ok(Math.abs(rms(await noise(500)) / 0.05 - 1) < 0.1);
    agent.dispose();
  });

  it('actions stay within ±1 and reach it', async () => {
    const { agent, noise } = await zeroPolicy({ explorationStart: 3 });
    const values = await noise(50);
    assert.deepEqual([Math.min(...values), Math.max(...values)], [-1, 1]);
    agent.dispose();
  });

  it('a policy restored alone explores as at the end of its training', async () => {
    const { agent, noise, policy } = await zeroPolicy({ explorationStart: 1, explorationEnd: 0 });
    assert.ok((await noise(1)).some((value) => value !== 0));
    agent.restorePolicy(policy);
    assert.deepEqual(await noise(1), [0, 0]);
    agent.restore(await agent.tensors(), agent.state());
    assert.ok((await noise(1)).some((value) => value !== 0));
    agent.dispose();
  });
});

describe('DrQ-v2 networks', () => {
  it('the encoder has no moving average, the policy no spread, and both are the policy that is saved', async () => {
    const agent = smallAgent('pixels', { algorithm: 'drqv2' });
    const names = [...(await agent.tensors()).keys()];
    assert.ok(names.includes('critic/encoder/conv1/filter'));
    assert.ok(names.includes('targetCritic/trunk/weight'));
    assert.ok(!names.some((name) => name.startsWith('targetCritic/encoder')));
    const saved = [...(await agent.policyTensors()).keys()];
    assert.deepEqual(
      saved.filter((name) => !name.startsWith('actor/')),
      [
        'critic/encoder/conv1/filter',
        'critic/encoder/conv1/bias',
        'critic/encoder/conv2/filter',
        'critic/encoder/conv2/bias',
      ],
    );
    assert.deepEqual((await agent.tensors()).get('actor/policy/output/weight')?.shape, [1, 8, 2]);
    agent.dispose();
  });

  it('start with target critics that are the critics', async () => {
    const agent = smallAgent('pixels', { algorithm: 'drqv2' });
    const tensors = await agent.tensors();
    for (const name of ['trunk/weight', 'heads/hidden2/weight', 'heads/output/weight'])
      assert.deepEqual(tensors.get(`targetCritic/${name}`), tensors.get(`critic/${name}`), name);
    agent.dispose();
  });
});

describe('straight-through clip', () => {
  it('clips, and hands its gradient on as it came', () => {
    tf.tidy(() => {
      const x = tf.variable(tf.tensor1d([-2, 0.5, 3]));
      const weights = tf.tensor1d([5, 6, 7]);
      let clipped: tf.Tensor | undefined;
      const { gradients } = differentiate([x], () => {
        const y = straightThroughClip(x, -1, 1);
        clipped = y;
        return { loss: tf.sum(tf.mul(y, weights)), byProducts: [y] };
      });
      assert.ok(clipped);
      assert.deepEqual([...(gradients[0]?.dataSync() ?? [])], [5, 6, 7]);
      assert.deepEqual([...straightThroughClip(x, -1, 1).dataSync()], [-1, 0.5, 1]);
      x.dispose();
    });
  });
});

describe('the gradient of a minimum', () => {
  it('goes to the least, and is shared where several are', () => {
    tf.tidy(() => {
      const x = tf.variable(
        tf.tensor2d([
          [1, 4, 2],
          [3, 4, 0],
        ]),
      );
      const { gradients } = differentiate([x], () => ({
        loss: tf.sum(tf.mul(tf.min(x, 0), tf.tensor1d([10, 20, 30]))),
        byProducts: [],
      }));
      assert.deepEqual([...(gradients[0]?.dataSync() ?? [])], [10, 10, 0, 0, 10, 30]);
      x.dispose();
    });
  });
});
