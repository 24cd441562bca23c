import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../src/random/generator.js';
import { ReplayBuffer, type ReplayLayout } from '../../src/replay/replayBuffer.js';
import { type SamplerOptions, SymmetricSampler } from '../../src/replay/symmetricSampler.js';

const layout: ReplayLayout = {
  images: [{ name: 'image', height: 1, width: 1, channels: 1, frameStack: 3 }],
  stateSize: 0,
  actionSize: 1,
};

/** A buffer whose rewards all are `mark`, so that a batch shows where a row came from. */
function filled(mark: number, length = 20, terminated = false): ReplayBuffer {
  const buffer = new ReplayBuffer(layout, 100);
  buffer.addEpisode({
    length,
    images: { image: new Uint8Array(length + 1) },
    actions: new Float32Array(length),
    rewards: new Float32Array(length).fill(mark),
    terminated,
  });
  return buffer;
}

function sampler(options: Partial<SamplerOptions>): SymmetricSampler {
  return new SymmetricSampler({
    online: filled(1),
    offline: filled(2),
    offlineShare: 0.5,
    batchSize: 16,
    minibatches: 1,
    discount: 0.99,
    randomShiftPad: 4,
    generator: new Generator(3),
    ...options,
  });
}

test('every minibatch holds exactly its offline share, whatever the share', async () => {
  for (const share of [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
    const batch = await sampler({ offlineShare: share, minibatches: 3 }).sample();
    const offline = Math.round(16 * share);
    const expected = [...new Array(16 - offline).fill(1), ...new Array(offline).fill(2)];
    assert.deepEqual([...batch.rewards], [...expected, ...expected, ...expected], `share ${share}`);
    assert.deepEqual(
      batch.observation.images[0]?.counts,
      [16 - offline, offline].filter((count) => count > 0),
    );
    assert.equal(batch.observation.images[0]?.memories.length, batch.observation.images[0]?.counts.length);
  }
});

test('without separate prior data every row is drawn from the one replay', async () => {
  const batch = await sampler({ offline: undefined }).sample();
  assert.deepEqual([...new Set(batch.rewards)], [1]);
});

test('weighted prior data is drawn in its shares, whatever the sizes, and uniformly within a part', async () => {
  const offline = new ReplayBuffer(layout, 100);
  for (const [mark, length] of [
    [2, 4],
    [3, 40],
    [3, 4],
  ] as const)
    offline.addEpisode({
      length,
      images: { image: new Uint8Array(length + 1) },
      actions: new Float32Array(length),
      rewards: Float32Array.from({ length }, (_, t) => mark + t / 64),
      terminated: false,
    });
  const { rewards } = await sampler({
    offline,
    offlineShare: 0.75,
    batchSize: 16_000,
    priorShares: [
      { weight: 1.4, firstRow: 0, endRow: 5 },
      { weight: 0.6, firstRow: 5, endRow: 51 },
    ],
  }).sample();
  const drawn = rewards.subarray(4000);
  const small = drawn.filter((reward) => reward < 2.5);
  // 0.7 ± 4 standard deviations of 12,000 draws.
  assert.ok(Math.abs(small.length / 12_000 - 0.7) < 0.017, `${small.length / 12_000}`);
  for (let t = 0; t < 4; t++) {
    const share = small.filter((reward) => reward === 2 + t / 64).length / small.length;
    assert.ok(Math.abs(share - 0.25) < 0.02, `step ${t}: ${share}`);
  }
  // 44 transitions of the second part, four of whose rewards occur in both of its episodes.
  const first = drawn.filter((reward) => reward === 3).length / (12_000 - small.length);
  assert.ok(Math.abs(first - 2 / 44) < 0.014, `${first}`);
});

test('before the first step a batch is prior data alone', async () => {
  assert.deepEqual([...new Set((await sampler({}).sampleOffline()).rewards)], [2]);
  assert.deepEqual([...new Set((await sampler({ offline: undefined }).sampleOffline()).rewards)], [1]);
});

test('a batch cannot be drawn before every source it needs holds a transition', async () => {
  const empty = new ReplayBuffer(layout, 10);
  assert.equal(sampler({ online: empty }).ready, false);
  assert.equal(sampler({ online: empty, offlineShare: 1 }).ready, true);
  await assert.rejects(sampler({ online: empty }).sample(), /no transition/);
});

test('the next value counts for the discount, and for nothing at a termination alone', async () => {
  const batch = await sampler({
    online: filled(1, 1, true),
    offline: filled(2, 1, false),
    discount: 0.5,
  }).sample();
  assert.deepEqual([...batch.discounts], [...new Array(8).fill(0), ...new Array(8).fill(0.5)]);
});

test('a transition of n steps sums up discounted rewards and goes no further than its episode', async () => {
  const length = 6;
  const state = Float32Array.from({ length: length + 1 }, (_, t) => t);
  const episode = (terminated: boolean): ReplayBuffer => {
    const buffer = new ReplayBuffer({ images: [], stateSize: 1, actionSize: 1 }, 100);
    const actions = new Float32Array(length);
    buffer.addEpisode({ length, images: {}, state, actions, rewards: state.map((t) => 10 ** t), terminated });
    return buffer;
  };
  for (const terminated of [true, false]) {
    const batch = await sampler({
      online: episode(terminated),
      offline: undefined,
      batchSize: 64,
      discount: 0.5,
      returnSteps: 3,
    }).sample();
    const starts = [...(batch.observation.state ?? [])];
    assert.deepEqual([...new Set(starts)].sort(), [0, 1, 2, 3, 4, 5]);
    for (const [i, start] of starts.entries()) {
      const steps = Math.min(3, length - start);
      const expected = [1, 5, 25].slice(0, steps).reduce((sum, factor) => sum + factor, 0) * 10 ** start;
      assert.equal(batch.rewards[i], expected);
      assert.equal(batch.nextObservation.state?.[i], start + steps);
      assert.equal(batch.discounts[i], terminated && start + steps === length ? 0 : 0.5 ** steps);
    }
  }
});

test('rewards are scaled and shifted in both halves alike, each step of a longer return by itself', async () => {
  const length = 6;
  const numbered = (first: number): ReplayBuffer => {
    const buffer = new ReplayBuffer({ images: [], stateSize: 1, actionSize: 1 }, 100);
    const state = Float32Array.from({ length: length + 1 }, (_, t) => first + t);
    const actions = new Float32Array(length);
    buffer.addEpisode({ length, images: {}, state, actions, rewards: state, terminated: true });
    return buffer;
  };
  const batch = await sampler({
    online: numbered(0),
    offline: numbered(100),
    batchSize: 64,
    discount: 0.5,
    returnSteps: 3,
    rewardScale: 4,
    rewardShift: -8,
  }).sample();
  const starts = [...(batch.observation.state ?? [])];
  assert.ok(starts.some((start) => start < 100) && starts.some((start) => start >= 100));
  for (const [i, start] of starts.entries()) {
    const steps = Math.min(3, length - (start % 100));
    let expected = 0;
    for (let k = 0; k < steps; k++) expected += 0.5 ** k * (4 * (start + k) - 8);
    assert.equal(batch.rewards[i], expected);
  }
});

test('every row says whether it is prior data, in a seeded replay too', async () => {
  const mixed = await sampler({}).sample();
  assert.deepEqual([...mixed.prior], [...new Array(8).fill(0), ...new Array(8).fill(1)]);
  const seeded = filled(2);
  seeded.addEpisode({
    length: 20,
    images: { image: new Uint8Array(21) },
    actions: new Float32Array(20),
    rewards: new Float32Array(20).fill(1),
    terminated: false,
  });
  const batch = await sampler({ online: seeded, offline: undefined, seededRows: 21 }).sample();
  assert.deepEqual(
    [...batch.prior],
    [...batch.rewards].map((reward) => reward - 1),
  );
});

test('shifts cover all crops, and those of an observation and its successor are independent', async () => {
  const batch = await sampler({ batchSize: 4000 }).sample();
  const [now, next] = [batch.observation.images[0]?.shifts, batch.nextObservation.images[0]?.shifts];
  assert.ok(now && next);
  const crops = new Set<string>();
  let equal = 0;
  for (let i = 0; i < 4000; i++) {
    const crop = `${now[2 * i]},${now[2 * i + 1]}`;
    crops.add(crop);
    if (crop === `${next[2 * i]},${next[2 * i + 1]}`) equal++;
  }
  assert.equal(crops.size, 81);
  // 1 in 81 agrees by chance: 49 ± 7.
  assert.ok(equal > 20 && equal < 85, `${equal} equal crops`);
  assert.ok(now.every((shift) => shift >= 0 && shift <= 8));
});

test('the same generator state draws the same batch', async () => {
  const [a, b] = [await sampler({}).sample(), await sampler({}).sample()];
  assert.deepEqual(a.observation.images[0]?.frames, b.observation.images[0]?.frames);
  assert.deepEqual(a.observation.images[0]?.shifts, b.observation.images[0]?.shifts);
});

test('each row of a batch is one transition: its stacks, states, action and reward belong together', async () => {
  const both: ReplayLayout = { ...layout, stateSize: 1 };
  const buffer = new ReplayBuffer(both, 100);
  for (const length of [4, 1, 7]) {
    const first = buffer.written;
    const rows = Array.from({ length: length + 1 }, (_, t) => first + t);
    buffer.addEpisode({
      length,
      images: { image: Uint8Array.from(rows) },
      state: Float32Array.from(rows),
      actions: Float32Array.from(rows.slice(0, -1), (row) => row / 100),
      rewards: Float32Array.from(rows.slice(0, -1), (row) => 2 * row),
      terminated: false,
    });
  }
  const { observation, nextObservation, actions, rewards } = await sampler({
    online: buffer,
    offline: undefined,
    batchSize: 64,
  }).sample();
  for (let i = 0; i < 64; i++) {
    const row = observation.state?.[i] as number;
    // Places and row numbers are the same here, since the ring has not wrapped around.
    assert.equal(observation.images[0]?.frames[3 * i + 2], row);
    assert.equal(nextObservation.state?.[i], row + 1);
    assert.equal(nextObservation.images[0]?.frames[3 * i + 2], row + 1);
    assert.equal(nextObservation.images[0]?.frames[3 * i + 1], row);
    assert.equal(actions[i], Math.fround(row / 100));
    assert.equal(rewards[i], 2 * row);
  }
});
