/** What a learner tells of itself in plain numbers. Programs see these types, so they name no tensor library. */
import type { GeneratorState } from '../random/generator.js';

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
  /** Of the further learners that this one is made of, by name. */
  readonly parts?: Readonly<Record<string, LearnerState>>;
}
