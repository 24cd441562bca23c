import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { type AgentState, RlpdAgent } from '../../src/agent/agent.js';
import { parseAgentConfig } from '../../src/agent/config.js';
import { selectBackend } from '../../src/backend/select.js';
import { InputError } from '../../src/errors.js';
import type { NamedTensor } from '../../src/nn/parameters.js';
import { actionSize, BatchSource, type Kind, observationSpace, smallAgent } from './syntheticBatch.js';

before(async () => {
  await selectBackend({ backend: 'wasm' });
});

type Saved = Map<string, NamedTensor>;

function assertEqualTensors(a: Saved, b: Saved): void {
  assert.deepEqual([...a.keys()], [...b.keys()]);
  for (const [name, { data }] of a) assert.deepEqual(data, b.get(name)?.data, name);
}

/** As a checkpoint file would give it back. */
function throughJson(state: AgentState): AgentState {
  return JSON.parse(JSON.stringify(state)) as AgentState;
}

describe('checkpoint', () => {
  for (const [kind, settings] of [
    ['pixels', {}],
    ['state', { entropyBackup: true, targetSubset: 2, criticDropout: 0.2, utdRatio: 2 }],
    ['state', { algorithm: 'bc' }],
    ['pixels', { algorithm: 'iql', ensembleSize: 3, targetSubset: 2 }],
    ['state', { actorDropout: 0.3 }],
    ['pixels', { algorithm: 'drqv2', explorationUpdates: 7 }],
    ['state', { algorithm: 'drqv2', utdRatio: 2, explorationUpdates: 7 }],
  ] as const) {
    it(`a restored agent goes on bit for bit: ${kind}, ${JSON.stringify(settings)}`, async () => {
      const batches = new BatchSource(kind);
      const [first, second] = [batches.next(2), batches.next(2)];
      const observation = batches.observation();
      const agent = smallAgent(kind, settings);
      await agent.update(first);
      await agent.act(observation, 'sample');
      const [tensors, state] = [await agent.tensors(), throughJson(agent.state())];

      const metrics = await agent.update(second);
      const action = await agent.act(observation, 'sample');
      const expected = await agent.tensors();

      const restored = smallAgent(kind, settings, 99);
      // Programs made before a restore must not hold on to the old weights, nor counters to their old values.
      for (let i = 0; i < 2; i++) await restored.update(first);
      restored.restore(tensors, state);
      assert.deepEqual(await restored.update(second), metrics);
      assert.deepEqual(await restored.act(observation, 'sample'), action);
      assertEqualTensors(await restored.tensors(), expected);
      agent.dispose();
      restored.dispose();
    });
  }

  it('holds weights, moving average, moments and log temperature', async () => {
    const agent = smallAgent('pixels');
    const names = [...(await agent.tensors()).keys()];
    for (const name of [
      'critic/encoder/conv1/filter',
      'targetCritic/heads/output/weight',
      'actor/policy/heads/weight',
      'temperature/log',
      'adam/critic/encoder/conv1/filter/first',
      'adam/actor/policy/heads/bias/second',
      'adam/temperature/log/first',
    ]) {
      assert.ok(names.includes(name), name);
    }
    agent.dispose();
  });

  it('the policy alone acts as the whole agent does', async () => {
    for (const kind of ['pixels', 'state'] as const) {
      const batches = new BatchSource(kind);
      const agent = smallAgent(kind);
      await agent.update(batches.next());
      const policy = smallAgent(kind, {}, 5);
      const observation = batches.observation();
      const expected = await agent.act(observation, 'mean');
      assert.notDeepEqual(await policy.act(observation, 'mean'), expected);
      const tensors = await agent.policyTensors();
      assert.ok(
        [...tensors.keys()].every((name) => !name.includes('heads/hidden') && !name.includes('adam')),
      );
      policy.restorePolicy(tensors);
      assert.deepEqual(await policy.act(observation, 'mean'), expected);
      agent.dispose();
      policy.dispose();
    }
  });

  it('refuses a missing tensor and one of another shape, and says which', async () => {
    const agent = smallAgent('state');
    const tensors = await agent.tensors();
    const state = agent.state();
    const broken = new Map(tensors);
    broken.delete('actor/policy/heads/bias');
    assert.throws(
      () => agent.restore(broken, state),
      (error) => {
        return error instanceof InputError && /actor\/policy\/heads\/bias/.test(error.message);
      },
    );
    broken.set('actor/policy/heads/bias', { shape: [2, 7], data: new Float32Array(14) });
    assert.throws(() => agent.restore(broken, state), /has shape \[2,7\] and this agent needs \[2,2\]/);
    agent.dispose();
  });
});

describe('randomness', () => {
  it('one seed gives one agent and one course of updates; another seed another', async () => {
    const batch = new BatchSource('state').next();
    const results = [];
    for (const seed of [1, 1, 2]) {
      const agent = smallAgent('state', {}, seed);
      results.push(await agent.update(batch));
      agent.dispose();
    }
    assert.deepEqual(results[0], results[1]);
    assert.notDeepEqual(results[0], results[2]);
  });

  it('acting does not shift the noise of updates, nor updates the exploration', async () => {
    const batches = new BatchSource('state');
    const batch = batches.next();
    const observation = batches.observation();
    const [a, b] = [smallAgent('state'), smallAgent('state')];
    await a.act(observation, 'sample');
    assert.deepEqual(await a.update(batch), await b.update(batch));
    await b.act(observation, 'sample');
    assert.deepEqual(a.state(), b.state());
    a.dispose();
    b.dispose();
  });

  it('the mean action is always the same and draws nothing; samples differ and stay in [−1, 1]', async () => {
    const agent = smallAgent('both');
    const observation = new BatchSource('both').observation();
    const state = agent.state();
    const mean = await agent.act(observation, 'mean');
    assert.deepEqual(await agent.act(observation, 'mean'), mean);
    assert.deepEqual(agent.state(), state);
    const samples = [await agent.act(observation, 'sample'), await agent.act(observation, 'sample')];
    assert.notDeepEqual(samples[0], samples[1]);
    for (const value of samples.flatMap((sample) => [...sample])) assert.ok(Math.abs(value) <= 1);
    agent.dispose();
  });
});

describe('learning', () => {
  /** One-step episodes with reward −4·Σ(a − 0.5)²: the best action is 0.5 whatever the state. */
  for (const [algorithm, settings] of [
    [
      'rlpd',
      {
        hiddenWidth: 32,
        actorLearningRate: 3e-3,
        criticLearningRate: 3e-3,
        initialTemperature: 0.3,
        learnedTemperature: false,
      },
    ],
    [
      'drqv2',
      // Without entropy an actor that is faster than the critics runs into the bounds, where tanh is flat.
      {
        hiddenWidth: 64,
        actorLearningRate: 1e-3,
        criticLearningRate: 1e-2,
        ensembleSize: 2,
        criticLayerNorm: false,
        explorationUpdates: 400,
      },
    ],
  ] as const) {
    it(`${algorithm} finds the best action of a one-step task`, async () => {
      const agent = smallAgent('state', { algorithm, ...settings });
      const batches = new BatchSource('state', 32);
      for (let i = 0; i < 500; i++) {
        const batch = batches.next();
        batch.discounts.fill(0);
        for (let row = 0; row < batch.size; row++) {
          const [a = 0, b = 0] = batch.actions.subarray(row * actionSize, (row + 1) * actionSize);
          batch.rewards[row] = -4 * ((a - 0.5) ** 2 + (b - 0.5) ** 2);
        }
        await agent.update(batch);
      }
      for (let i = 0; i < 5; i++) {
        for (const value of await agent.act(batches.observation(), 'mean')) {
          assert.ok(Math.abs(value - 0.5) < 0.25, `${value}`);
        }
      }
      agent.dispose();
    });
  }

  for (const bcLoss of ['mode', 'logLikelihood'] as const) {
    it(`behaviour cloning imitates, ${bcLoss}`, async () => {
      const agent = smallAgent('state', {
        algorithm: 'bc',
        bcLoss,
        hiddenWidth: 32,
        actorLearningRate: 3e-3,
      });
      const batches = new BatchSource('state', 32);
      for (let i = 0; i < 200; i++) {
        const batch = batches.next();
        batch.actions.forEach((_, j) => {
          batch.actions[j] = j % 2 === 0 ? 0.4 : -0.7;
        });
        await agent.update(batch);
      }
      const [a = 0, b = 0] = await agent.act(batches.observation(), 'mean');
      assert.ok(Math.abs(a - 0.4) < 0.1 && Math.abs(b + 0.7) < 0.1, `${a}, ${b}`);
      agent.dispose();
    });
  }

  it('behaviour cloning trains an encoder of its own, and a regressed policy always acts with its mode', async () => {
    const batches = new BatchSource('pixels');
    const agent = smallAgent('pixels', { algorithm: 'bc' });
    const filter = async () => (await agent.tensors()).get('actor/encoder/conv1/filter')?.data;
    const start = await filter();
    await agent.update(batches.next());
    assert.ok(start !== undefined);
    assert.notDeepEqual(await filter(), start);
    const observation = batches.observation();
    assert.deepEqual(await agent.act(observation, 'sample'), await agent.act(observation, 'mean'));
    agent.dispose();
  });
});

describe('robustness', () => {
  it('neither tensors nor memory pile up over updates and actions', async () => {
    for (const kind of ['pixels', 'state'] as Kind[]) {
      const batches = new BatchSource(kind, 2);
      const before = tf.memory().numTensors;
      const agent = smallAgent(kind, { criticDropout: 0.1 });
      await agent.update(batches.next(2));
      await agent.act(batches.observation(), 'sample');
      const { numTensors, numBytes } = tf.memory();
      for (let i = 0; i < 50; i++) {
        await agent.update(batches.next(2));
        await agent.act(batches.observation(), 'sample');
      }
      assert.equal(tf.memory().numTensors, numTensors);
      assert.equal(tf.memory().numBytes, numBytes);
      agent.dispose();
      assert.equal(tf.memory().numTensors, before);
    }
  });

  it('a reward that is not a number shows in the metrics of that update', async () => {
    const agent = smallAgent('state');
    const batch = new BatchSource('state').next();
    batch.rewards[2] = Number.NaN;
    const metrics = await agent.update(batch);
    assert.ok(Number.isNaN(metrics.criticLoss));
    agent.dispose();
  });

  it('takes batches of another size or split as they come', async () => {
    const agent = smallAgent('pixels');
    const batch = new BatchSource('pixels', 4).next();
    await agent.update(batch);
    const onlyFirst = batch.observation.images.map((image) => ({ ...image, counts: [4, 0] }));
    const metrics = await agent.update({
      ...batch,
      observation: { images: onlyFirst },
      nextObservation: { images: onlyFirst },
    });
    assert.ok(Number.isFinite(metrics.criticLoss));
    assert.ok(Number.isFinite((await agent.update(new BatchSource('pixels', 2).next())).criticLoss));
    agent.dispose();
  });

  it('refuses a space with nothing to see, and an image too small for the encoder', () => {
    const config = parseAgentConfig({});
    const nothing = { images: [] };
    assert.throws(
      () => RlpdAgent.create({ config, observationSpace: nothing, actionSize, seed: 0 }),
      InputError,
    );
    const small = {
      images: observationSpace('pixels').images.map((image) => ({ ...image, height: 20, width: 20 })),
    };
    assert.throws(
      () => RlpdAgent.create({ config, observationSpace: small, actionSize, seed: 0 }),
      (error) => error instanceof InputError && /20×20 pixels is too small/.test(error.message),
    );
  });
});
