/** What IBRL adds to RLPD, seen from outside. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import type { RlpdAgent } from '../../src/agent/agent.js';
import type { AgentConfig } from '../../src/agent/config.js';
import { selectBackend } from '../../src/backend/select.js';
import { actionSize, BatchSource, smallAgent, stateSize } from './syntheticBatch.js';

before(async () => {
  await selectBackend({ backend: 'wasm' });
});

const width = 8;

/** An agent whose target critics all say sign·(first action + 2). */
async function decidedAgent(sign: 1 | -1, settings: Partial<AgentConfig> = {}): Promise<RlpdAgent> {
  const agent = smallAgent('state', {
    algorithm: 'ibrl',
    hiddenLayers: 1,
    hiddenWidth: width,
    criticLayerNorm: false,
    ...settings,
  });
  const tensors = new Map(await agent.tensors());
  const set = (name: string, shape: number[], one: number, at: number): void => {
    const size = tf.util.sizeFromShape(shape.slice(1));
    const data = new Float32Array(shape[0] === undefined ? 0 : shape[0] * size);
    for (let member = 0; member < (shape[0] ?? 0); member++) data[member * size + at] = one;
    tensors.set(`targetCritic/heads/${name}`, { shape, data });
  };
  set('hidden1/weight', [3, stateSize + actionSize, width], 1, stateSize * width);
  set('hidden1/bias', [3, width], 2, 0);
  set('output/weight', [3, width, 1], sign, 0);
  set('output/bias', [3, 1], 0, 0);
  agent.restore(tensors, agent.state());
  return agent;
}

describe('acting', () => {
  it('takes the cloned action where the target critic prefers it, and the own where it prefers that', async () => {
    const batches = new BatchSource('state');
    const [likes, dislikes] = [await decidedAgent(1), await decidedAgent(-1)];
    const taken = new Set<string>();
    for (let i = 0; i < 80; i++) {
      const observation = batches.observation();
      const cloned = await likes.warmUp(observation);
      const [larger, smaller] = [
        await likes.act(observation, 'mean'),
        await dislikes.act(observation, 'mean'),
      ];
      assert.ok((larger[0] as number) > (smaller[0] as number));
      const whose = [larger, smaller].map((action) =>
        tf.util.arraysEqual([...action], [...(cloned ?? [])]) ? 'cloned' : 'own',
      );
      assert.deepEqual([...whose].sort(), ['cloned', 'own']);
      taken.add(whose.join());
    }
    assert.equal(taken.size, 2);
    likes.dispose();
    dislikes.dispose();
  });

  it('in the soft form explores by a draw, and evaluates by the better one', async () => {
    const observation = new BatchSource('state').observation();
    const soft = await decidedAgent(1, { proposalInverseTemperature: 1e-6 });
    const cloned = (await soft.warmUp(observation))?.[0] ?? Number.NaN;
    const samples: number[] = [];
    for (let i = 0; i < 400; i++) samples.push((await soft.act(observation, 'sample'))[0] ?? Number.NaN);
    const own = samples.filter((action) => action !== cloned);
    assert.ok(Math.abs(own.length / 400 - 0.5) < 0.08, `${own.length} of 400 actions are its own`);
    const better = await decidedAgent(1);
    const worse = await decidedAgent(-1);
    const [best, worst] = [await better.act(observation, 'mean'), await worse.act(observation, 'mean')];
    const mode = (best[0] === cloned ? worst : best)[0] ?? Number.NaN;
    const above = own.filter((action) => action > mode).length / own.length;
    assert.ok(Math.abs(above - 0.5) < 0.12, `the draw goes with the noise of the action: ${above}`);
    // The difference of the values must be large enough for single precision to tell its sign.
    const cool = await decidedAgent(1, { proposalInverseTemperature: 1e-3 });
    assert.deepEqual(await cool.act(observation, 'mean'), best);
    for (const agent of [soft, better, worse, cool]) agent.dispose();
  });
});

describe('learning', () => {
  it('clones before the first step and changes nothing else; afterwards the cloned policy is frozen', async () => {
    const batches = new BatchSource('pixels');
    const agent = smallAgent('pixels', { algorithm: 'ibrl' });
    const moved = async (step: () => Promise<unknown>): Promise<Set<string>> => {
      const start = await agent.tensors();
      await step();
      const end = await agent.tensors();
      const changed = [...end].filter(
        ([name, { data }]) => !tf.util.arraysEqual([...data], [...(start.get(name)?.data ?? [])]),
      );
      return new Set(changed.map(([name]) => name.replace(/^adam\//, '').split('/')[0] ?? ''));
    };
    const pretraining = await moved(async () => {
      assert.deepEqual(Object.keys(await agent.pretrain(batches.next(2))), ['cloningLoss']);
    });
    assert.deepEqual(pretraining, new Set(['clonedPolicy']));
    const updating = await moved(() => agent.update(batches.next(2)));
    assert.deepEqual(updating, new Set(['critic', 'targetCritic', 'actor', 'temperature']));
    agent.dispose();
  });

  it('says the share of cloned actions in the target, a mean over its critic steps', async () => {
    const agent = smallAgent('state', { algorithm: 'ibrl' });
    const { imitationShare = Number.NaN } = await agent.update(new BatchSource('state', 6).next(2));
    // Twelve rows, of each of which it is 0 or 1.
    assert.ok(Math.abs(imitationShare * 12 - Math.round(imitationShare * 12)) < 1e-5 && imitationShare <= 1);
    agent.dispose();
  });

  it("with actor dropout the first update differs in target and actor's loss; acting drops nothing", async () => {
    const batches = new BatchSource('state');
    const [batch, observation] = [batches.next(), batches.observation()];
    const first = async (actorDropout: number) => {
      const agent = smallAgent('state', { actorDropout });
      const action = await agent.act(observation, 'mean');
      const { targetMean, qMean, actorLoss } = await agent.update(batch);
      agent.dispose();
      return { action, targetMean, qMean, actorLoss };
    };
    const [without, dropped] = [await first(0), await first(0.5)];
    assert.deepEqual(dropped.action, without.action);
    assert.notEqual(dropped.targetMean, without.targetMean);
    assert.notEqual(dropped.actorLoss, without.actorLoss);
    assert.equal(dropped.qMean, without.qMean);
  });
});

describe('checkpoint', () => {
  it('between two steps of cloning too, a restored agent goes on bit for bit', async () => {
    const settings = { algorithm: 'ibrl', actorDropout: 0.5, proposalInverseTemperature: 2 } as const;
    const batches = new BatchSource('both');
    const [a, b, c] = [batches.next(2), batches.next(2), batches.next(2)];
    const observation = batches.observation();
    const agent = smallAgent('both', settings);
    await agent.pretrain(a);
    const [tensors, state] = [await agent.tensors(), JSON.parse(JSON.stringify(agent.state()))];
    const goOn = async (from: RlpdAgent) => [
      await from.pretrain(b),
      await from.warmUp(observation),
      await from.update(c),
      await from.act(observation, 'sample'),
      [...(await from.tensors())].map(([name, { data }]) => [name, data]),
    ];
    const expected = await goOn(agent);
    const restored = smallAgent('both', settings, 99);
    // One step, where the saved agent has taken two.
    await restored.pretrain(batches.next());
    await restored.warmUp(observation);
    restored.restore(tensors, state);
    assert.deepEqual(await goOn(restored), expected);
    agent.dispose();
    restored.dispose();
  });

  it('the policy alone acts as the whole agent does, whichever action it takes', async () => {
    for (const kind of ['pixels', 'state'] as const) {
      const batches = new BatchSource(kind);
      const agent = smallAgent(kind, { algorithm: 'ibrl' });
      await agent.pretrain(batches.next());
      await agent.update(batches.next());
      const policy = smallAgent(kind, { algorithm: 'ibrl' }, 5);
      const tensors = await agent.policyTensors();
      assert.ok([...tensors.keys()].every((name) => !/^(adam|critic\/heads|temperature)/.test(name)));
      policy.restorePolicy(tensors);
      const cloned = new Set<boolean>();
      for (let i = 0; i < 30; i++) {
        const observation = batches.observation();
        const action = await policy.act(observation, 'mean');
        assert.deepEqual(action, await agent.act(observation, 'mean'));
        cloned.add(action[0] === (await agent.warmUp(observation))?.[0]);
      }
      assert.deepEqual(cloned, new Set([true, false]), kind);
      agent.dispose();
      policy.dispose();
    }
  });
});
