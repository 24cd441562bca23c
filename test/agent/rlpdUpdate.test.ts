/** What each switch of the update does, seen from outside. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import type { AgentConfig } from '../../src/agent/config.js';
import { parseAgentConfig } from '../../src/agent/config.js';
import {
  constrainedActorLoss,
  criticLoss,
  priorCloningLoss,
  temporalDifferenceTarget,
} from '../../src/agent/losses.js';
import { Critic } from '../../src/agent/networks.js';
import { actorStep, criticStep } from '../../src/agent/rlpdUpdate.js';
import { selectBackend } from '../../src/backend/select.js';
import { Generator } from '../../src/random/generator.js';
import { goldenLearner, goldenUpdate, readAll, runGolden } from './goldenUpdate.js';
import { BatchSource, smallAgent, stateSize } from './syntheticBatch.js';

before(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** So small that weights stay as they are. */
const frozen: Partial<AgentConfig> = {
  criticLearningRate: 1e-30,
  actorLearningRate: 1e-30,
  temperatureLearningRate: 1e-30,
  emaRate: 1e-30,
};

describe('target', () => {
  const values = () => ({
    rewards: tf.tensor1d([1, 2]),
    nextValues: tf.tensor2d([
      [10, 20],
      [30, 5],
    ]),
  });

  it('bootstraps from the minimum of the chosen critics after a truncation, and not after a termination', () => {
    const target = temporalDifferenceTarget({ ...values(), discounts: tf.tensor1d([0.9, 0]) });
    assert.deepEqual([...target.dataSync()], [10, 2]);
  });

  it('with entropy backup takes off α log π', () => {
    const entropy = { temperature: tf.scalar(0.5), logProbability: tf.tensor1d([4, -2]) };
    const target = temporalDifferenceTarget({ ...values(), discounts: tf.tensor1d([0.9, 0.9]), entropy });
    const expected = [1 + 0.9 * (10 - 2), 2 + 0.9 * (5 + 1)];
    target.dataSync().forEach((value, i) => {
      assert.ok(Math.abs(value - (expected[i] ?? 0)) < 1e-5);
    });
  });

  it('the critic loss is the mean over ensemble and batch', () => {
    assert.equal(
      criticLoss(
        tf.tensor2d([
          [1, 2],
          [3, 4],
        ]),
        tf.tensor1d([0, 1]),
      ).dataSync()[0],
      (1 + 1 + 9 + 9) / 4,
    );
  });

  /** Target critics made to say 0, 100 and 10000 show which of them were chosen. */
  async function targetMeans(targetSubset: number): Promise<number[]> {
    const agent = smallAgent('state', { ...frozen, targetSubset });
    const tensors = new Map(await agent.tensors());
    tensors.set('targetCritic/heads/output/weight', { shape: [3, 8, 1], data: new Float32Array(24) });
    tensors.set('targetCritic/heads/output/bias', { shape: [3, 1], data: Float32Array.of(0, 100, 10_000) });
    agent.restore(tensors, agent.state());
    const batches = new BatchSource('state');
    const means: number[] = [];
    for (let i = 0; i < 24; i++) means.push((await agent.update(batches.next())).targetMean ?? Number.NaN);
    agent.dispose();
    return means;
  }

  it('draws the subset anew for every critic step', async () => {
    const means = await targetMeans(1);
    for (const [low, high] of [
      [0, 2],
      [99, 101],
      [9900, 9901],
    ] as const) {
      assert.ok(
        means.some((mean) => mean >= low && mean <= high),
        `${means}`,
      );
    }
  });

  it('draws the subset without replacement', async () => {
    // Two different ones of three: their minimum is never the third, and the second now and then.
    const means = await targetMeans(2);
    assert.ok(
      means.every((mean) => mean < 101),
      `${means}`,
    );
    assert.ok(means.some((mean) => mean < 2) && means.some((mean) => mean > 99));
  });

  it('with the subset as large as the ensemble takes the minimum of all', async () => {
    assert.ok((await targetMeans(3)).every((mean) => mean < 2));
  });
});

describe('an update', () => {
  it('takes one critic step a minibatch and one actor step in all', async () => {
    const agent = smallAgent('state');
    await agent.update(new BatchSource('state').next(5));
    const { criticSteps, actorSteps } = agent.state().learner;
    assert.deepEqual({ criticSteps, actorSteps }, { criticSteps: 5, actorSteps: 1 });
    agent.dispose();
  });

  it("moves the encoder by the critic's gradient and never by the actor's", async () => {
    const golden = goldenUpdate('pixels');
    const learner = goldenLearner(golden);
    const [before, image] = [await readAll(learner), tf.randomUniform<tf.Rank.R4>([2, 11, 11, 2])];
    tf.tidy(() => {
      actorStep(learner.networks, golden.config, {
        observation: { images: [image], state: undefined },
        features: learner.networks.critic.features({ images: [image], state: undefined }),
        noise: tf.ones([2, 2]),
        actorStep: tf.scalar(1, 'int32'),
        dropoutMasks: [],
        policyDropoutMasks: [],
      });
    });
    const after = await readAll(learner);
    for (const [name, values] of before) {
      if (name.startsWith('critic/')) assert.deepEqual(after.get(name), values, name);
    }
    assert.notDeepEqual(after.get('actor/trunk/weight'), before.get('actor/trunk/weight'));
    await runGolden(golden, learner);
    const filter = 'critic/encoder/conv1/filter';
    assert.notDeepEqual((await readAll(learner)).get(filter), before.get(filter));
    learner.dispose();
    image.dispose();
  });

  it('the target critic follows by the rate, encoder and trunk included', async () => {
    const agent = smallAgent('pixels', { emaRate: 0.25 });
    const start = await agent.tensors();
    await agent.update(new BatchSource('pixels').next());
    const end = await agent.tensors();
    for (const name of ['encoder/conv1/filter', 'trunk/weight', 'heads/output/bias']) {
      const [from, target, source] = [
        start.get(`targetCritic/${name}`),
        end.get(`targetCritic/${name}`),
        end.get(`critic/${name}`),
      ];
      target?.data.forEach((value, i) => {
        const expected = 0.75 * (from?.data[i] ?? Number.NaN) + 0.25 * (source?.data[i] ?? Number.NaN);
        assert.ok(Math.abs(value - expected) < 1e-6, name);
      });
    }
    agent.dispose();
  });

  it('uses the critic features of s from before the critic step in the actor step', () => {
    const golden = goldenUpdate('pixels');
    const learner = goldenLearner(golden);
    const image = tf.randomUniform<tf.Rank.R4>([2, 11, 11, 2]);
    const observation = { images: [image], state: undefined };
    const features = (): Float32Array | undefined =>
      learner.networks.critic.features(observation).images[0]?.dataSync() as Float32Array | undefined;
    const expected = features();
    const step = criticStep(learner.networks, golden.config, {
      observation,
      nextObservation: observation,
      actions: tf.zeros([2, 2]),
      rewards: tf.ones([2]),
      discounts: tf.ones([2]),
      nextNoise: tf.zeros([2, 2]),
      subset: tf.tensor1d([1], 'int32'),
      criticStep: tf.scalar(1, 'int32'),
      dropoutMasks: [],
      targetDropoutMasks: [],
      nextPolicyDropoutMasks: [],
    });
    assert.deepEqual(step.features.images[0]?.dataSync(), expected);
    assert.notDeepEqual(features(), expected);
    learner.dispose();
  });
});

describe('the constraint to prior data', () => {
  const mode = () => tf.tensor2d([0.5, 0, 1, 1, -1, 0.5], [3, 2]);
  const actions = () => tf.tensor2d([0, 0, 0, 0, 0, 0], [3, 2]);

  it('is the mean squared error of the mode over prior rows alone, and 0 where there is none', () => {
    const loss = (...prior: number[]) =>
      priorCloningLoss(mode(), { actions: actions(), prior: tf.tensor1d(prior) }).dataSync()[0];
    assert.equal(loss(1, 0, 1), (0.25 + 0 + 1 + 0.25) / 4);
    assert.equal(loss(0, 1, 0), 1);
    assert.equal(loss(0, 0, 0), 0);
  });

  it('is added to a loss that is divided by the mean of |Q|', () => {
    const constraint = { weight: 0.4, cloning: tf.scalar(2) };
    const [value = 0] = constrainedActorLoss(tf.scalar(-6), tf.tensor1d([-1, 5]), constraint).dataSync();
    assert.ok(Math.abs(value - (-6 / 3 + 0.4 * 2)) < 1e-6, `${value}`);
  });

  it('leaves critics and temperature alone, and is reported only where it is set', async () => {
    const results = [];
    for (const actorBcWeight of [0, 0.4]) {
      const agent = smallAgent('both', { actorBcWeight });
      results.push(await agent.update(new BatchSource('both').next()));
      agent.dispose();
    }
    const [free = {}, held = {}] = results;
    assert.deepEqual([free.criticLoss, free.temperatureLoss], [held.criticLoss, held.temperatureLoss]);
    assert.ok(!('bcLoss' in free) && (held.bcLoss ?? 0) > 0);
  });

  it('a strong one keeps the actor at the data’s actions, whatever the values say and fresh rows did', async () => {
    const agent = smallAgent('state', { hiddenWidth: 32, actorLearningRate: 3e-3, actorBcWeight: 100 });
    const batches = new BatchSource('state', 32);
    for (let i = 0; i < 200; i++) {
      const batch = batches.next();
      batch.actions.forEach((_, j) => {
        batch.actions[j] = batch.prior[Math.floor(j / 2)] === 1 ? 0.4 : -0.9;
      });
      await agent.update(batch);
    }
    for (const value of await agent.act(batches.observation(), 'mean'))
      assert.ok(Math.abs(value - 0.4) < 0.1, `${value}`);
    agent.dispose();
  });
});

describe('temperature', () => {
  async function temperatures(settings: Partial<AgentConfig>): Promise<number[]> {
    const agent = smallAgent('state', {
      initialTemperature: 0.5,
      temperatureLearningRate: 0.01,
      ...settings,
    });
    const batches = new BatchSource('state');
    const values: number[] = [];
    for (let i = 0; i < 3; i++) values.push((await agent.update(batches.next())).temperature ?? Number.NaN);
    agent.dispose();
    return values;
  }

  it('falls while the entropy is above its target, rises while below, and stays when it is not learnt', async () => {
    const [start = 0, , falling = 0] = await temperatures({ targetEntropy: -50 });
    assert.ok(Math.abs(start - 0.5) < 1e-6 && falling < start);
    const [, , rising = 0] = await temperatures({ targetEntropy: 50 });
    assert.ok(rising > start);
    assert.deepEqual(await temperatures({ learnedTemperature: false }), [start, start, start]);
  });
});

describe('critic regularisation', () => {
  it('with layer norm values stay bounded for extreme actions; without they grow with the action', () => {
    for (const criticLayerNorm of [true, false]) {
      const config = parseAgentConfig({ hiddenWidth: 32, ensembleSize: 4, criticLayerNorm });
      const shape = { images: [], stateSize, actionSize: 2 };
      const critic = new Critic('critic', config, shape, new Generator(1));
      const state = tf.randomNormal<tf.Rank.R2>([16, stateSize], 0, 1, 'float32', 3);
      const largest = (scale: number): number => {
        const actions = tf.mul(
          tf.randomNormal<tf.Rank.R2>([16, 2], 0, 1, 'float32', 4),
          scale,
        ) as tf.Tensor2D;
        return (
          tf.max(tf.abs(critic.values(state, actions, { differentiate: 'both' }))).dataSync()[0] ?? Number.NaN
        );
      };
      const growth = largest(1e6) / largest(1);
      if (criticLayerNorm) assert.ok(growth < 5, `${growth}`);
      else assert.ok(growth > 1e4, `${growth}`);
      critic.group.dispose();
    }
  });

  it('dropout draws other masks for every update', async () => {
    const batch = new BatchSource('state').next();
    const losses: (number | undefined)[] = [];
    const agent = smallAgent('state', { ...frozen, criticDropout: 0.5, discount: 0 });
    for (let i = 0; i < 2; i++) losses.push((await agent.update(batch)).criticLoss);
    assert.notEqual(losses[0], losses[1]);
    agent.dispose();
  });

  it('weight decay shrinks matrices even where the gradient is zero, and leaves biases alone', async () => {
    const change = async (criticWeightDecay: number) => {
      const agent = smallAgent('state', { criticWeightDecay, criticLearningRate: 0.1 });
      const start = await agent.tensors();
      await agent.update(new BatchSource('state').next());
      const end = await agent.tensors();
      agent.dispose();
      return (name: string) => (end.get(name)?.data[0] ?? 0) - (start.get(name)?.data[0] ?? 0);
    };
    const [without, decayed] = [await change(0), await change(0.5)];
    const weight = 'critic/heads/hidden1/weight';
    assert.ok(Math.abs(decayed(weight) - without(weight)) > 1e-4);
    assert.equal(decayed('critic/heads/output/bias'), without('critic/heads/output/bias'));
    assert.equal(decayed('critic/heads/hidden1/norm/gain'), without('critic/heads/hidden1/norm/gain'));
  });
});
