import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../src/random/generator.js';
import { ReplayBuffer, type ReplayLayout, rowBytes } from '../../src/replay/replayBuffer.js';

const layout: ReplayLayout = {
  images: [{ name: 'image', height: 1, width: 2, channels: 1, frameStack: 3 }],
  stateSize: 1,
  actionSize: 1,
};

/** A frame that says its episode and its step. */
const frame = (episode: number, step: number) => Uint8Array.of(episode, step);

/** Adds an episode whose frames, states, actions and rewards all carry (episode, step). */
function addEpisode(buffer: ReplayBuffer, episode: number, length: number, terminated = false): void {
  const steps = Array.from({ length: length + 1 }, (_, t) => t);
  buffer.addEpisode({
    length,
    images: { image: Uint8Array.from(steps.flatMap((t) => [episode, t])) },
    state: Float32Array.from(steps, (t) => episode * 1000 + t),
    actions: Float32Array.from(steps.slice(1), (t) => (t - 1) / 100),
    rewards: Float32Array.from(steps.slice(1), (t) => t - 1),
    terminated,
  });
}

function stackOf(buffer: ReplayBuffer, row: number): number[][] {
  const numbers = new Int32Array(3);
  buffer.frameStack(row, 0, numbers, 0);
  return Array.from(numbers, (n) => [...(buffer.frames[0]?.view(n) ?? [])]);
}

test('a stack repeats the first frame at an episode’s start and never shows another episode', () => {
  const buffer = new ReplayBuffer(layout, 100);
  addEpisode(buffer, 1, 4);
  addEpisode(buffer, 2, 4);
  assert.deepEqual(
    stackOf(buffer, 0),
    [frame(1, 0), frame(1, 0), frame(1, 0)].map((f) => [...f]),
  );
  assert.deepEqual(stackOf(buffer, 4), [
    [1, 2],
    [1, 3],
    [1, 4],
  ]);
  assert.deepEqual(stackOf(buffer, 5), [
    [2, 0],
    [2, 0],
    [2, 0],
  ]);
  assert.deepEqual(stackOf(buffer, 6), [
    [2, 0],
    [2, 0],
    [2, 1],
  ]);
  assert.deepEqual(stackOf(buffer, 8), [
    [2, 1],
    [2, 2],
    [2, 3],
  ]);
});

test('the last observation of an episode starts no transition', () => {
  const buffer = new ReplayBuffer(layout, 100);
  addEpisode(buffer, 1, 3);
  addEpisode(buffer, 2, 2, true);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((row) => buffer.isTransition(row)),
    [true, true, true, false, true, true, false],
  );
  assert.equal(buffer.transitions, 5);
});

test('a truncated episode keeps its return open, a terminated one ends it at its last transition alone', () => {
  const buffer = new ReplayBuffer(layout, 100);
  addEpisode(buffer, 1, 3);
  addEpisode(buffer, 2, 2, true);
  assert.deepEqual(
    [0, 1, 2].map((row) => buffer.terminated(row)),
    [false, false, false],
  );
  assert.deepEqual(
    [4, 5].map((row) => buffer.terminated(row)),
    [false, true],
  );
});

test('once the ring has wrapped, a transition is sampled only while both rows and its whole stack are held', () => {
  const buffer = new ReplayBuffer(layout, 10);
  for (let episode = 1; episode <= 9; episode++) {
    addEpisode(buffer, episode, 1 + (episode % 4));
    const generator = new Generator(episode);
    const seen = new Set<number>();
    for (let i = 0; i < 500; i++) {
      const row = buffer.sampleRow(generator);
      seen.add(row);
      // Every frame of both stacks belongs to the episode of the row's own frame, in order, ending at its step.
      for (const at of [row, row + 1]) {
        const stack = stackOf(buffer, at);
        const [number, step] = stack[2] as [number, number];
        assert.deepEqual(
          stack,
          [2, 1, 0].map((back) => [number, Math.max(0, step - back)]),
        );
        const state = new Float32Array(1);
        buffer.copyState(at, state, 0);
        assert.equal(state[0], number * 1000 + step);
      }
    }
    assert.equal(seen.size, buffer.transitions);
  }
});

test('every transition is equally likely, whatever the lengths of the episodes', () => {
  const buffer = new ReplayBuffer(layout, 64);
  for (const [i, length] of [1, 2, 9, 1, 20, 3].entries()) addEpisode(buffer, i, length);
  const generator = new Generator(11);
  const counts = new Map<number, number>();
  const draws = 36_000;
  for (let i = 0; i < draws; i++) {
    const row = buffer.sampleRow(generator);
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  assert.equal(counts.size, 36);
  // Chi-square with 35 degrees of freedom: the 99.9th percentile is 66.6.
  const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquare < 66.6, `chi-square ${chiSquare}`);
});

test('an episode without a transition leaves no row behind', () => {
  const buffer = new ReplayBuffer(layout, 10);
  buffer.begin({ frames: { image: frame(1, 0) }, state: Float32Array.of(0) });
  buffer.begin({ frames: { image: frame(2, 0) }, state: Float32Array.of(0) });
  assert.equal(buffer.written, 1);
  assert.deepEqual(stackOf(buffer, 0), [
    [2, 0],
    [2, 0],
    [2, 0],
  ]);
});

test('a transition costs at most 1.02 frames and its scalars', () => {
  const pixels: ReplayLayout = {
    images: [{ name: 'image', height: 64, width: 64, channels: 3, frameStack: 3 }],
    stateSize: 0,
    actionSize: 6,
  };
  const frameBytes = 64 * 64 * 3;
  const [episodes, length] = [3, 500];
  const buffer = new ReplayBuffer(pixels, episodes * (length + 1));
  for (let i = 0; i < episodes; i++) {
    buffer.addEpisode({
      length,
      images: { image: new Uint8Array(frameBytes * (length + 1)) },
      actions: new Float32Array(6 * length),
      rewards: new Float32Array(length),
      terminated: false,
    });
  }
  const allocated = (buffer.frames[0]?.blocks ?? []).reduce((sum, block) => sum + block.byteLength, 0);
  const scalars = rowBytes(pixels) - frameBytes;
  assert.ok(allocated / buffer.transitions <= 1.02 * frameBytes);
  assert.ok(scalars <= 4 * 6 + 16, `${scalars} bytes of scalars`);
  assert.ok(buffer.bytes / buffer.transitions <= 1.02 * frameBytes + scalars);
});

test('rows refilled from their old number on sample as the buffer they came from', () => {
  const lengths = [3, 5, 2, 6, 4];
  const original = new ReplayBuffer(layout, 12);
  for (const [i, length] of lengths.entries()) addEpisode(original, i, length);
  const skipped = lengths.slice(0, 2).reduce((sum, length) => sum + length + 1, 0);
  assert.ok(skipped <= original.oldest);
  const refilled = new ReplayBuffer(layout, 12, skipped);
  for (const [i, length] of lengths.entries()) if (i >= 2) addEpisode(refilled, i, length);
  const [a, b] = [new Generator(1), new Generator(1)];
  for (let i = 0; i < 200; i++) {
    const row = original.sampleRow(a);
    assert.equal(refilled.sampleRow(b), row);
    assert.deepEqual(stackOf(refilled, row), stackOf(original, row));
  }
});

test('the last episode comes back as it was added', () => {
  const buffer = new ReplayBuffer(layout, 8);
  addEpisode(buffer, 1, 3);
  addEpisode(buffer, 2, 5);
  const episode = buffer.lastEpisode();
  assert.equal(episode.length, 5);
  assert.deepEqual([...(episode.images.image ?? [])], [2, 0, 2, 1, 2, 2, 2, 3, 2, 4, 2, 5]);
  assert.deepEqual([...episode.rewards], [0, 1, 2, 3, 4]);
  assert.deepEqual([...(episode.state ?? [])], [2000, 2001, 2002, 2003, 2004, 2005]);
});

test('the last observation is the stack an environment shows: frames interleaved by channel, oldest first', () => {
  const rgb: ReplayLayout = {
    images: [{ name: 'image', height: 1, width: 2, channels: 3, frameStack: 2 }],
    stateSize: 1,
    actionSize: 1,
  };
  const buffer = new ReplayBuffer(rgb, 10);
  buffer.begin({ frames: { image: Uint8Array.of(1, 2, 3, 4, 5, 6) }, state: Float32Array.of(0) });
  assert.deepEqual([...(buffer.lastObservation().images.image ?? [])], [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  buffer.add({
    action: Float32Array.of(0),
    reward: 0,
    terminated: false,
    next: { frames: { image: Uint8Array.of(7, 8, 9, 10, 11, 12) }, state: Float32Array.of(5) },
  });
  const { images, state } = buffer.lastObservation();
  assert.deepEqual([...(images.image ?? [])], [1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12]);
  assert.deepEqual([...(state ?? [])], [5]);
});

test('images of different sizes and stacks are kept side by side, each in its own frames', () => {
  const cameras: ReplayLayout = {
    images: [
      { name: 'front', height: 1, width: 2, channels: 1, frameStack: 1 },
      { name: 'wrist', height: 1, width: 1, channels: 3, frameStack: 3 },
    ],
    stateSize: 0,
    actionSize: 1,
  };
  const buffer = new ReplayBuffer(cameras, 6);
  const lengths = [3, 4];
  for (const [e, length] of lengths.entries())
    buffer.addEpisode({
      length,
      images: {
        front: Uint8Array.from({ length: 2 * (length + 1) }, (_, i) => 100 * e + Math.floor(i / 2)),
        wrist: Uint8Array.from({ length: 3 * (length + 1) }, (_, i) => 100 * e + 10 + Math.floor(i / 3)),
        unseen: new Uint8Array(length + 1),
      },
      actions: new Float32Array(length),
      rewards: new Float32Array(length),
      terminated: false,
    });
  // Six of nine rows are held, and the longest stack says from which on a transition is whole.
  assert.equal(buffer.transitions, 4);
  const stack = (image: number, size: number): number[] => {
    const numbers = new Int32Array(size);
    buffer.frameStack(6, image, numbers, 0);
    return Array.from(numbers, (n) => buffer.frames[image]?.view(n)[0] as number);
  };
  assert.deepEqual(stack(0, 1), [102]);
  assert.deepEqual(stack(1, 3), [110, 111, 112]);
  const { images } = buffer.lastObservation();
  assert.deepEqual([...(images.front ?? [])], [104, 104]);
  assert.deepEqual([...(images.wrist ?? [])], [112, 112, 112, 113, 113, 113, 114, 114, 114]);
  assert.deepEqual(Object.keys(buffer.lastEpisode().images), ['front', 'wrist']);
  assert.throws(
    () => buffer.addEpisode({ ...buffer.lastEpisode(), images: {}, terminated: false }),
    /frames of "front", and the episode has none/,
  );
});
