/** One run of a study, trained. */
import type { RunConfig } from '../training/config.js';
import { type TrainResult, train } from '../training/train.js';
import type { Progress } from '../training/trainingRun.js';

/** What is to be trained where. */
export interface RunPlan {
  readonly folder: string;
  readonly config: RunConfig;
  /** A run that goes on keeps the settings it has; where its data lies may have changed. */
  readonly resumed: boolean;
}

/** Trains, until `signal` is aborted: then with a checkpoint. */
export type PlayRun = (
  plan: RunPlan,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
) => Promise<TrainResult>;

/** In this process. */
export const playRun: PlayRun = ({ folder, config, resumed }, signal, onProgress) =>
  train({
    run: folder,
    ...(resumed ? { resume: true, changes: { dataset: config.dataset } } : { config }),
    signal,
    onProgress,
  });
