/**
 * What a learner is given: one sampled batch, in host memory. Images are not in it, only where they are; a
 * gather kernel reads them from frame memory as it builds the tensor.
 *
 * A batch holds `minibatches` (G, the update-to-data ratio) consecutive minibatches of `size` rows each. Within a
 * minibatch the rows come source by source in the order of `FrameGather.memories` (online first, then offline),
 * `counts` rows each: symmetric sampling is counts = [size/2, size/2].
 */
import type { FrameMemory } from './frameMemory.js';

export interface FrameGather {
  readonly memories: readonly FrameMemory[];
  /** Rows of each minibatch from each memory; their sum is the minibatch's size. */
  readonly counts: readonly number[];
  /** `[G·size, K]` frame numbers within the row's memory, oldest first. */
  readonly frames: Int32Array;
  /** `[G·size, 2]` crop offsets (row, column), each in [0, 2·pad]; equal to pad where there is no augmentation. */
  readonly shifts: Int32Array;
}

export interface BatchObservation {
  /** One an image, in the order of the replay's layout; none where only state is observed. */
  readonly images: readonly FrameGather[];
  /** `[G·size, S]`. */
  readonly state?: Float32Array;
}

export interface Batch {
  /** Rows of one minibatch, B. */
  readonly size: number;
  /** G. */
  readonly minibatches: number;
  readonly observation: BatchObservation;
  readonly nextObservation: BatchObservation;
  /** `[G·B, A]` in [−1, 1]. */
  readonly actions: Float32Array;
  /** `[G·B]`: the sum of n rewards, Σ γ^k r_{t+k}; fewer where the episode ends before. */
  readonly rewards: Float32Array;
  /**
   * `[G·B]`: what the value of the next observation, n steps on, counts for: γ^n, and 0 where the task ended on the
   * way. A truncation is no such end.
   */
  readonly discounts: Float32Array;
  /** `[G·B]`: 1 where the row is prior data, 0 where it is the run's own. */
  readonly prior: Float32Array;
}
