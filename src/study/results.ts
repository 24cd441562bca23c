/**
 * What is kept of a finished run, in the study's folder under the run's id: `config.json` (every setting),
 * `metrics.jsonl` (evaluations and episodes whole, training lines thinned), and `run.json`, which says where the
 * numbers come from.
 */
import type { RunConfig } from '../training/config.js';
import type { MetricsLine } from '../training/metrics.js';
import type { Fingerprint } from './fingerprint.js';

export interface Provenance {
  /** The command that makes the run again. */
  readonly command: string;
  /** Seconds of wall-clock time it computed, over all its interruptions. */
  readonly wallSeconds: number;
  /** ISO 8601. */
  readonly finished: string;
  readonly machine: { readonly processor: string; readonly cores: number; readonly node: string };
  /** The line that names the tensor engine. */
  readonly engine: string;
  /** SHA-256 of the dataset's manifest, and its mean return; null without data. */
  readonly dataset: {
    readonly sha256: string;
    readonly episodes: number;
    readonly returnMean: number | null;
  } | null;
  readonly fingerprint: Fingerprint;
}

export interface RunResult extends Provenance {
  /** `SCALE/TASK/DATA/VARIANT/seed-N`. */
  readonly id: string;
  readonly task: string;
  /** Name of the data; undefined where the run was given none. */
  readonly data: string | undefined;
  readonly variant: string;
  readonly seed: number;
  readonly config: RunConfig;
  readonly metrics: readonly MetricsLine[];
}
