/** One run of a study, trained: in this process, in one of its own, or wherever else a `PlayRun` has it done. */
import type { RunConfig } from '../training/config.js';
import { type TrainResult, train } from '../training/train.js';
import type { Progress } from '../training/trainingRun.js';
import { machine, type Provenance } from './results.js';

/** What is to be trained where. */
export interface RunPlan {
  /** For people: the study's and the run's. */
  readonly name: string;
  readonly folder: string;
  readonly config: RunConfig;
  /** A run that goes on keeps the settings it has; where its data lies may have changed. */
  readonly resumed: boolean;
}

/** How the playing of a run ended: with what is kept of it beside its folder, or stopped before. */
export type Played =
  | ({ readonly finished: true; readonly machine: Provenance['machine'] } & Pick<
      TrainResult,
      'engine' | 'wallSeconds'
    >)
  | { readonly finished: false };

/** What is heard of a run that is played. */
export type PlayEvent =
  | { readonly kind: 'started'; readonly resumed: boolean }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'note'; readonly text: string };

/** Has the run trained and its folder filled, until `signal` is aborted: what was begun can then go on. */
export type PlayRun = (
  plan: RunPlan,
  signal: AbortSignal,
  onEvent: (event: PlayEvent) => void,
) => Promise<Played>;

/** In this process. */
export const playRun: PlayRun = async ({ folder, config, resumed }, signal, onEvent) => {
  onEvent({ kind: 'started', resumed });
  const { dataset, distractionBackgrounds } = config;
  const places = { dataset, ...(distractionBackgrounds !== null && { distractionBackgrounds }) };
  const result = await train({
    run: folder,
    ...(resumed ? { resume: true, changes: places } : { config }),
    signal,
    onProgress: (progress) => onEvent({ kind: 'progress', progress }),
  });
  const { engine, wallSeconds } = result;
  return result.finished ? { finished: true, engine, wallSeconds, machine: machine() } : { finished: false };
};
