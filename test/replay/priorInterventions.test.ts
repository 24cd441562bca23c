import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../src/random/generator.js';
import { PriorInterventions } from '../../src/replay/priorInterventions.js';
import { ReplayBuffer, type ReplayEpisode, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { SymmetricSampler } from '../../src/replay/symmetricSampler.js';

const layout: ReplayLayout = {
  images: [{ name: 'image', height: 1, width: 2, channels: 1, frameStack: 3 }],
  stateSize: 1,
  actionSize: 1,
};

/** An episode whose frames and states say (episode, t), whose actions are t/100 and whose rewards are the episode. */
function episodeOf(episode: number, length: number, ...interventions: number[]): ReplayEpisode {
  const times = Array.from({ length: length + 1 }, (_, t) => t);
  const steps = times.slice(0, -1);
  return {
    length,
    images: { image: Uint8Array.from(times.flatMap((t) => [episode, t])) },
    state: Float32Array.from(times, (t) => 1000 * episode + t),
    actions: Float32Array.from(steps, (t) => t / 100),
    rewards: new Float32Array(length).fill(episode),
    terminated: true,
    interventions: Uint8Array.from(steps, (t) => (interventions.includes(t) ? 1 : 0)),
  };
}

/** A buffer of prior data with a dataset of one episode. */
function prior(capacity = 60): ReplayBuffer {
  const buffer = new ReplayBuffer(layout, capacity);
  buffer.addEpisode(episodeOf(9, 4));
  return buffer;
}

/** What can be sampled of the interventions: [t, stack of t, stack of t + 1, action, terminated]. */
function sampled(buffer: ReplayBuffer, { firstRow }: PriorInterventions): unknown[] {
  const stack = (row: number): string => {
    const numbers = new Int32Array(3);
    buffer.frameStack(row, 0, numbers, 0);
    return Array.from(numbers, (n) => buffer.frames[0]?.view(n).join('.')).join(' ');
  };
  const found = [];
  for (let row = firstRow; row < buffer.written; row++) {
    if (!buffer.isTransition(row)) continue;
    const action = new Float32Array(1);
    buffer.copyAction(row, action, 0);
    found.push([stack(row), stack(row + 1), Math.round(100 * (action[0] as number)), buffer.terminated(row)]);
  }
  return found;
}

test('what a person did can be sampled, with the stacks of its episode, and nothing of what lies around it', () => {
  const buffer = prior();
  const interventions = new PriorInterventions(buffer);
  interventions.addEpisode(episodeOf(1, 18, 0, 7, 8, 12, 17));
  interventions.addEpisode(episodeOf(2, 3, 0));
  assert.equal(interventions.count, 6);
  assert.deepEqual(sampled(buffer, interventions), [
    ['1.0 1.0 1.0', '1.0 1.0 1.1', 0, false],
    ['1.5 1.6 1.7', '1.6 1.7 1.8', 7, false],
    ['1.6 1.7 1.8', '1.7 1.8 1.9', 8, false],
    ['1.10 1.11 1.12', '1.11 1.12 1.13', 12, false],
    ['1.15 1.16 1.17', '1.16 1.17 1.18', 17, true],
    ['2.0 2.0 2.0', '2.0 2.0 2.1', 0, false],
  ]);
  // Times 0–1, 5–13 and 15–18 of the one, each once, and 0–1 of the other.
  assert.equal(buffer.written - interventions.firstRow, 2 + 9 + 4 + 2);
});

test('added step by step as the replay grows, the rows are those of the whole episodes', () => {
  const episodes = [episodeOf(1, 12, 3, 4, 5, 9), episodeOf(2, 5), episodeOf(3, 6, 0, 5)];
  const whole = prior();
  const atOnce = new PriorInterventions(whole);
  for (const episode of episodes) atOnce.addEpisode(episode);
  const buffer = prior();
  const stepwise = new PriorInterventions(buffer);
  // So small that it wraps around.
  const online = new ReplayBuffer(layout, 14);
  const observation = ({ images, state }: ReplayEpisode, t: number) => ({
    frames: { image: images.image?.subarray(2 * t, 2 * t + 2) ?? new Uint8Array() },
    state: state?.subarray(t, t + 1) ?? new Float32Array(),
  });
  for (const episode of episodes) {
    online.begin(observation(episode, 0));
    stepwise.beginEpisode();
    for (let t = 0; t < episode.length; t++) {
      const step = {
        action: episode.actions.subarray(t, t + 1),
        reward: episode.rewards[t] as number,
        terminated: t === episode.length - 1,
        isIntervention: episode.interventions?.[t] === 1,
        next: observation(episode, t + 1),
      };
      online.add(step);
      if (step.isIntervention)
        stepwise.add(t, step, (past) => online.recentObservation(online.episodeLength - past));
    }
    assert.deepEqual(online.lastEpisode().interventions, episode.interventions);
  }
  assert.deepEqual([buffer.written, stepwise.count], [whole.written, atOnce.count]);
  assert.deepEqual(sampled(buffer, stepwise), sampled(whole, atOnce));
  const states = (of: ReplayBuffer) =>
    Array.from({ length: of.written }, (_, row) => {
      const state = new Float32Array(1);
      of.copyState(row, state, 0);
      return state[0];
    });
  assert.deepEqual(states(buffer), states(whole));
});

test('where there is no room any more, the datasets stay as they were', () => {
  const buffer = prior(5 + 6);
  const interventions = new PriorInterventions(buffer);
  interventions.addEpisode(episodeOf(1, 20, 8, 9));
  assert.equal(buffer.written, 5 + 5);
  interventions.addEpisode(episodeOf(2, 20, 0, 1));
  assert.deepEqual([interventions.count, buffer.oldest, buffer.transitions], [2, 0, 4 + 2]);
});

const sampler = (
  offline: ReplayBuffer,
  changes: Partial<ConstructorParameters<typeof SymmetricSampler>[0]>,
) => {
  const online = new ReplayBuffer(layout, 60);
  online.addEpisode(episodeOf(1, 20, 3));
  return new SymmetricSampler({
    ...{
      online,
      offline,
      offlineShare: 0.5,
      batchSize: 8000,
      minibatches: 1,
      discount: 0.99,
      randomShiftPad: 0,
    },
    generator: new Generator(3),
    ...changes,
  });
};

test('the offline half is drawn from the datasets and what people did alike, with weights and without', async () => {
  const [light, heavy] = [9, 8];
  for (const priorShares of [
    undefined,
    [
      { weight: 0.25, firstRow: 0, endRow: 5 },
      { weight: 0.75, firstRow: 5, endRow: 12 },
    ],
  ]) {
    const offline = prior();
    offline.addEpisode(episodeOf(heavy, 6));
    const interventions = new PriorInterventions(offline);
    const drawn = async () => {
      const { rewards, prior: marks } = await sampler(offline, { priorShares, interventions }).sample();
      assert.deepEqual(
        marks,
        Float32Array.from({ length: 8000 }, (_, i) => (i < 4000 ? 0 : 1)),
      );
      const counts = new Map<number, number>();
      for (const reward of rewards.subarray(4000)) counts.set(reward, (counts.get(reward) ?? 0) + 1 / 4000);
      return counts;
    };
    const before = await drawn();
    assert.equal(before.get(2), undefined);
    interventions.addEpisode(episodeOf(2, 20, 8, 9, 10, 11, 12));
    const after = await drawn();
    // 5 of 15 transitions; of the rest 4 to 6, or as the weights say.
    const expected = priorShares === undefined ? 4 / 15 : (0.25 * 10) / 15;
    assert.ok(Math.abs((after.get(2) ?? 0) - 5 / 15) < 0.03, `${after.get(2)}`);
    assert.ok(Math.abs((after.get(light) ?? 0) - expected) < 0.03, `${after.get(light)}`);
  }
});

test('what a person did is prior data in a replay that the datasets are part of, where that is wanted', async () => {
  for (const onlineInterventionsArePrior of [true, false]) {
    const changes = { offline: undefined, seededRows: 0, batchSize: 400, onlineInterventionsArePrior };
    const { actions, prior: marks } = await sampler(prior(), changes).sample();
    const byPerson = [...actions].map(
      (action) => Math.round(100 * action) === 3 && onlineInterventionsArePrior,
    );
    assert.deepEqual([...marks], byPerson.map(Number));
    assert.equal(marks.includes(1), onlineInterventionsArePrior);
  }
});
