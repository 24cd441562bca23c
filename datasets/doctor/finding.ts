/** What a dataset is held against, and what comes of it: for `rlpd train` before it starts and for `rlpd dataset doctor`. */
import type { EnvironmentSpec } from '../../envs/environment.js';
import type { FrameLayout } from '../episode.js';

/** What the learner will see and do: the other side of the comparison. */
export interface Target {
  readonly environment: EnvironmentSpec;
  /** Each image as a single frame; none where the learner sees none. */
  readonly images: readonly FrameLayout[];
  /** 0 where the learner sees no state. */
  readonly stateSize: number;
}

export interface Finding {
  /** What was looked at, such as `action-repeat`. */
  readonly check: string;
  /** A misfit makes training impossible or wrong, and `rlpd train` refuses it; a doubt may be as it should. */
  readonly severity: 'misfit' | 'doubt';
  /** One sentence without its full stop. */
  readonly message: string;
  /** What to do about it, without its full stop. */
  readonly fix: string;
}
