/** What the agent needs of a learning algorithm, whichever it is. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { Batch } from '../replay/batch.js';
import type { LearnerState, UpdateMetrics } from './learnerState.js';
import type { ObservationTensors } from './observation.js';

export type { LearnerState, UpdateMetrics } from './learnerState.js';

export interface Learner {
  /** All weights, in a fixed order. */
  readonly groups: readonly ParameterGroup[];
  /** The optimisers, by the name of the group they move. */
  readonly optimisers: Readonly<Record<string, Adam>>;
  /**
   * What standard normal noise is multiplied by where the agent explores: 1 for a sample of a policy that is a
   * distribution, 0 for one that always acts with its mode; it may change from update to update.
   */
  readonly explorationNoise: number;
  /** The same of a policy that was restored alone, without the counters of its training; default: the same. */
  readonly policyNoise?: number;
  /** Numbers of noise that an action takes, N; default: its size A. */
  readonly noiseSize?: number;
  /** Names (`group/parameter`) of the weights that acting reads. */
  readonly policyParameters: readonly string[];
  /**
   * Actions `[B, A]` in [−1, 1]. To be called within a tidy.
   * @param noise `[B, N]`, standard normal times `explorationNoise`; zeros give the policy's mode
   */
  action(observation: ObservationTensors, noise: tf.Tensor2D): tf.Tensor2D;
  /** Actions `[B, A]` of the steps before the first update; left out where they are uniformly random. */
  warmUpAction?(observation: ObservationTensors): tf.Tensor2D;
  /** Learns from a batch of prior data before the first environment step. */
  pretrain(batch: Batch): Promise<UpdateMetrics>;
  update(batch: Batch): Promise<UpdateMetrics>;
  state(): LearnerState;
  restore(state: LearnerState): void;
  /** Drops recorded programs; to be called after weights were replaced. */
  forgetPrograms(): void;
  dispose(): void;
}

/** Everything a checkpoint holds of a learner, by name: `group/parameter`, and Adam's moments under `adam/`. */
export function learnerVariables(learner: Learner): Map<string, tf.Variable> {
  const variables = new Map<string, tf.Variable>();
  for (const group of learner.groups) {
    for (const { name, variable } of group.parameters) variables.set(`${group.name}/${name}`, variable);
  }
  for (const [group, optimiser] of Object.entries(learner.optimisers)) {
    for (const { parameter, first, second } of optimiser.slots) {
      variables.set(`adam/${group}/${parameter.name}/first`, first);
      variables.set(`adam/${group}/${parameter.name}/second`, second);
    }
  }
  return variables;
}
