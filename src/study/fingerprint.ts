/**
 * What a run's numbers depend on beside its settings, data and machine: one short hash for each part of the program.
 * Two runs are comparable where these are equal.
 */
export interface Fingerprint {
  /** Agent, networks, replay, loop. */
  readonly learner: string;
  /** Tensor engine: its own sources and the libraries below it. */
  readonly engine: string;
  /** Physics and tasks. */
  readonly environment: string;
  readonly renderer: string;
}
