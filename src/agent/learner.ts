/** What the agent needs of a learning algorithm, whichever it is. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Adam } from '../nn/adam.js';
import type { ParameterGroup } from '../nn/parameters.js';
import type { GeneratorState } from '../random/generator.js';
import type { Batch } from '../replay/batch.js';
import type { Actor, Features } from './networks.js';

/**
 * What an update reports: averages over its critic steps, and the last step's actor numbers. A loss that is not
 * finite, or that weights which are not finite lead to, shows here as NaN or Infinity.
 */
export type UpdateMetrics = Record<string, number>;

/** Counters and generators; plain JSON. */
export interface LearnerState {
  readonly criticSteps: number;
  readonly actorSteps: number;
  readonly generators: Readonly<Record<string, GeneratorState>>;
}

export interface Learner {
  readonly actor: Actor;
  /** All weights, in a fixed order. */
  readonly groups: readonly ParameterGroup[];
  /** The optimisers, by the name of the group they move. */
  readonly optimisers: Readonly<Record<string, Adam>>;
  /** Whether its policy is a distribution; if not, it always acts with its mode. */
  readonly stochastic: boolean;
  /** Names (`group/parameter`) of the weights that acting reads. */
  readonly policyParameters: readonly string[];
  /** What the actor reads of an observation. */
  features(image: tf.Tensor4D | undefined, state: tf.Tensor2D | undefined): Features;
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
