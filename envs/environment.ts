/**
 * The environment interface: Gymnasium's, in TypeScript. One `step` is one agent step, that is
 * `actionRepeat` env frames (control steps) with the same action.
 */

import type { DistractionOptions } from './distraction/levels.js';
import type { Appearance } from './renderer/appearance.js';

/** A box of numbers; `low` and `high` hold for every element. */
export interface BoxSpace {
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly dtype: 'uint8' | 'float32';
}

export interface ObservationSpace {
  /** `[H, W, C·K]`: K stacked frames of C channels, the oldest first along the channel axis. */
  readonly pixels?: BoxSpace;
  /** `[S]`, physical state features, unbounded. */
  readonly state?: BoxSpace;
}

/** What the agent sees. Arrays are the caller's: an environment never writes to one it has handed out. */
export interface Observation {
  readonly pixels?: Uint8Array;
  readonly state?: Float32Array;
}

/** One image: HWC uint8, row 0 at the top. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** Free-form facts beside an observation; the named ones are the project's. */
export interface StepInfo {
  /** Env frames (control steps) since the reset. */
  readonly envFrames?: number;
  /** Set when the simulation went bad (NaN, MuJoCo warning): the episode ended and must not be learnt from. */
  readonly invalid?: string;
  readonly [key: string]: unknown;
}

export interface ResetResult {
  readonly observation: Observation;
  readonly info: StepInfo;
}

export interface StepResult extends ResetResult {
  /** Sum over the repeated control steps. */
  readonly reward: number;
  /** The task's own end: the return stops here. */
  readonly terminated: boolean;
  /** A time limit or an abort: only the episode stops. */
  readonly truncated: boolean;
}

export interface RenderOptions {
  readonly width?: number;
  readonly height?: number;
  /** Default: the one the observations' pixels come through, else the task's own. */
  readonly camera?: string | number;
  /** Another look than the model's own; not for environments in a thread of their own. */
  readonly appearance?: Appearance;
}

/** Everything needed to continue bit for bit; plain JSON values. */
export type EnvironmentState = { readonly [key: string]: unknown };

export interface Environment {
  readonly observationSpace: ObservationSpace;
  /** Always a box in [−1, 1]. */
  readonly actionSpace: BoxSpace;
  /** Facts of the task that a dataset's manifest records and training checks. */
  readonly spec: EnvironmentSpec;
  /** Starts an episode. With a seed, the episode is a function of that seed alone; without, the stream goes on. */
  reset(options?: { readonly seed?: number }): ResetResult;
  /** @throws Error when called before `reset` or after an episode's end. */
  step(action: Float32Array): StepResult;
  /** The state just reached, at any size; does not disturb the episode. */
  render(options?: RenderOptions): Frame;
  saveState(): EnvironmentState;
  restoreState(state: EnvironmentState): void;
  close(): void;
}

export interface EnvironmentSpec {
  readonly task: string;
  readonly actionRepeat: number;
  /** Seconds of one control step (one env frame). */
  readonly controlTimestep: number;
  /** Env frames after which an episode is truncated. */
  readonly maxEnvFrames: number;
  readonly actionSize: number;
  readonly stateSize: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
  readonly imageChannels: number;
  readonly frameStack: number;
  readonly camera: string;
  /** Name and version of the renderer, recorded in datasets. */
  readonly renderer: string;
}

export interface EnvironmentOptions {
  /** Control steps per action; default: the task's own (V-D4RL's convention: 2 everywhere). */
  readonly actionRepeat?: number;
  /** `pixels` (default), `state`, or both. */
  readonly observations?: 'pixels' | 'state' | 'both';
  /** Side of the square image in pixels; default 64. */
  readonly imageSize?: number;
  /** Frames stacked in an observation; default 3. */
  readonly frameStack?: number;
  /** Camera name or index; default: the suite's camera 0. */
  readonly camera?: string | number;
  /** Seed of the environment's own stream; default 0. */
  readonly seed?: number;
  /** Colours, camera and background that vary; default: the model's own look. */
  readonly distraction?: DistractionOptions;
}
