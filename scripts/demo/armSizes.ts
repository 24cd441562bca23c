/**
 * How large the demo of the arm is: one size for the native engine, one that WebAssembly gets through in the same time.
 * Each stage has a time after which it stops where it is, for machines slower than those it was tuned on.
 */
import type { RunSettings } from '../../src/training/config.js';
import { presets } from '../../src/training/presets.js';

export interface ArmDemoSize {
  /** What all learners share: what is seen, the network, the batch. */
  readonly learner: Partial<RunSettings>;
  /** Updates of behaviour cloning. */
  readonly cloningUpdates: number;
  /** Updates on the demonstrations before IBRL begins to act. */
  readonly clonedFirst: number;
  /** Env frames of their own that the online learners get, each the same. */
  readonly envFrames: number;
  /** Episodes of an evaluation on the way, and of the final one. */
  readonly evaluationEpisodes: number;
  readonly finalEpisodes: number;
  /** Minutes after which a stage stops. */
  readonly minutes: { readonly cloning: number; readonly online: number };
}

// How long it learns, and on how many cores, is the demo's own.
const { envFrames, evaluationInterval, checkpointInterval, threads, ...small } = presets.small.settings;

export const nativeSize: ArmDemoSize = {
  learner: { ...small, obs: 'both', frameStack: 1 },
  cloningUpdates: 3_000,
  clonedFirst: 3_000,
  envFrames: 12_000,
  evaluationEpisodes: 20,
  finalEpisodes: 50,
  minutes: { cloning: 3, online: 8 },
};

export const webAssemblySize: ArmDemoSize = {
  ...nativeSize,
  learner: { ...nativeSize.learner, imageSize: 32, batchSize: 16, ensembleSize: 2, hiddenWidth: 128 },
  cloningUpdates: 1_000,
  clonedFirst: 1_000,
  envFrames: 3_000,
  evaluationEpisodes: 10,
  finalEpisodes: 20,
};
