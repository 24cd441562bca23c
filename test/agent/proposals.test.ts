import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { temporalDifferenceTarget } from '../../src/agent/losses.js';
import { drawProposal, expectedMinimum, imitationShare } from '../../src/agent/proposals.js';
import { selectBackend } from '../../src/backend/select.js';

before(async () => {
  await selectBackend({ backend: 'wasm' });
});

function assertNear(actual: tf.Tensor, expected: readonly number[]): void {
  const values = [...actual.dataSync()];
  assert.equal(values.length, expected.length);
  values.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-6, `${values} instead of ${expected}`);
  });
}

describe('of two proposals', () => {
  const own = () => tf.tensor1d([1, 2, 3]);
  const cloned = () => tf.tensor1d([2, 2, 1]);

  it('the hard form takes the one of the larger value, and of equals the own', () => {
    assert.deepEqual([...imitationShare(own(), cloned(), null).dataSync()], [1, 0, 0]);
  });

  it('the soft form weighs them by softmax(β·Q)', () => {
    const e = Math.exp;
    const share = imitationShare(own(), cloned(), 0.5);
    assertNear(share, [e(1) / (e(0.5) + e(1)), 0.5, e(0.5) / (e(1.5) + e(0.5))]);
  });

  it('a draw takes the cloned one as often as its share, and without noise the likelier one', () => {
    const [mine, theirs] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 4]])];
    const drawn = (share: number, noise: number) => [
      ...drawProposal(mine, theirs, tf.tensor1d([share]), tf.tensor2d([[noise]])).dataSync(),
    ];
    // Φ(−0.84162) = 0.2 and Φ(0.52440) = 0.7: the cloned one is taken where Φ is below its share.
    assert.deepEqual(drawn(0.21, -0.84162), [3, 4]);
    assert.deepEqual(drawn(0.19, -0.84162), [1, 2]);
    assert.deepEqual(drawn(0.71, 0.5244), [3, 4]);
    assert.deepEqual(drawn(0.69, 0.5244), [1, 2]);
    assert.deepEqual(drawn(0.51, 0), [3, 4]);
    assert.deepEqual(drawn(0.49, 0), [1, 2]);
  });

  it('the target is r + discount·max(min Q(a), min Q(ã)) in the hard form', () => {
    const nextValues = tf.tensor2d([
      [10, 20],
      [30, 5],
    ]);
    const clonedValues = tf.tensor2d([
      [12, 9],
      [11, 4],
    ]);
    const target = temporalDifferenceTarget({
      rewards: tf.tensor1d([1, 2]),
      discounts: tf.tensor1d([0.5, 0.5]),
      nextValues,
      cloned: {
        nextValues: clonedValues,
        share: imitationShare(tf.min(nextValues, 0), tf.min(clonedValues, 0), null),
      },
    });
    assertNear(target, [1 + 0.5 * 11, 2 + 0.5 * 5]);
  });

  it("the entropy goes with the actor's part alone", () => {
    const target = temporalDifferenceTarget({
      rewards: tf.tensor1d([0, 0, 0]),
      discounts: tf.tensor1d([1, 1, 1]),
      nextValues: tf.tensor2d([[10, 10, 10]]),
      entropy: { temperature: tf.scalar(0.5), logProbability: tf.tensor1d([4, 4, 4]) },
      cloned: { nextValues: tf.tensor2d([[20, 20, 20]]), share: tf.tensor1d([0, 1, 0.25]) },
    });
    assertNear(target, [8, 20, 0.75 * 8 + 0.25 * 20]);
  });
});

describe('the minimum over a random choice, on average', () => {
  const values = () =>
    tf.tensor2d([
      [4, 1, 7],
      [2, 1, 7],
      [8, 5, 0],
      [6, 1, 3],
    ]);

  it('is the mean over all pairs of their minimum, ties included', () => {
    // By hand: (2+4+4+2+2+6)/6; (1·6)/6; (7+0+3+0+3+0)/6.
    assertNear(expectedMinimum(values(), 2), [20 / 6, 1, 13 / 6]);
  });

  it('is the mean where one is chosen, and the minimum where all are', () => {
    assertNear(expectedMinimum(values(), 1), [5, 2, 17 / 4]);
    assertNear(expectedMinimum(values(), 4), [2, 1, 0]);
  });
});
