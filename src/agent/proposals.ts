/**
 * Two policies propose an action each, the actor and the cloned policy, and the critics say whose is taken (IBRL,
 * Hu et al. 2023, section 4). How much the cloned action counts is one number a row, its share: 0 or 1 in the hard
 * form, and in the soft form its probability under softmax(β·Q).
 */
import * as tf from '@tensorflow/tfjs-core';
import { minimumShares } from './minimumShares.js';

/**
 * The cloned action's share `[B]`: 1 where its value is the larger and else 0; with an inverse temperature β,
 * exp(β·cloned)/(exp(β·own) + exp(β·cloned)). Of equal values the hard form takes the actor's.
 * @param own value of the actor's action, `[B]`
 * @param cloned value of the cloned policy's action, `[B]`
 */
export function imitationShare(
  own: tf.Tensor1D,
  cloned: tf.Tensor1D,
  inverseTemperature: number | null,
): tf.Tensor1D {
  const advantage: tf.Tensor1D = tf.sub(cloned, own);
  return inverseTemperature === null
    ? tf.step(advantage)
    : tf.sigmoid<tf.Tensor1D>(tf.mul(advantage, inverseTemperature));
}

/**
 * The row's cloned action with a probability of its share, else the actor's. `[B, A]`.
 * @param noise standard normal `[B, 1]`, which the normal distribution function makes uniform; zeros take the
 *   likelier action
 */
export function drawProposal(
  own: tf.Tensor2D,
  cloned: tf.Tensor2D,
  share: tf.Tensor1D,
  noise: tf.Tensor2D,
): tf.Tensor2D {
  const uniform = tf.mul(tf.add(tf.erf(tf.mul(noise, Math.SQRT1_2)), 1), 0.5);
  return mixProposals(own, cloned, tf.step(tf.sub(tf.expandDims(share, 1), uniform)));
}

/** own·(1 − share) + cloned·share, exactly one of the two where the share is 0 or 1. */
export function mixProposals<T extends tf.Tensor>(own: T, cloned: T, share: tf.Tensor): T {
  return tf.add(tf.mul(own, tf.sub(1, share)), tf.mul(cloned, share));
}

/**
 * The mean, over all choices of Z of E critics, of their smallest value, `[B]`: what a minimum over a random choice
 * is on average, without a draw. The value with r smaller ones is the minimum of C(E−1−r, Z−1) of the C(E, Z).
 * @param values `[E, B]`
 * @param subset Z, from 1 (the mean) to E (the minimum)
 */
export function expectedMinimum(values: tf.Tensor2D, subset: number): tf.Tensor1D {
  const [members] = values.shape;
  const one = tf.expandDims(values, 1);
  const other = tf.expandDims(values, 0);
  // Of equal values the one of the lower number counts as the smaller.
  const before = tf.tensor(
    Array.from({ length: members ** 2 }, (_, i) => (i % members < Math.floor(i / members) ? 1 : 0)),
    [members, members, 1],
    'float32',
  );
  const smaller = tf.add(
    tf.cast(tf.less(other, one), 'float32'),
    tf.mul(tf.cast(tf.equal(other, one), 'float32'), before),
  );
  const rank: tf.Tensor2D = tf.sum(smaller, 1);
  const weights = tf.gather(tf.tensor1d(minimumShares(members, subset)), tf.cast(rank, 'int32'));
  return tf.sum(tf.mul(values, weights), 0);
}
