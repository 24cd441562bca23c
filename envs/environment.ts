/**
 * The environment interface: Gymnasium's, in TypeScript. One `step` is one agent step, that is
 * `actionRepeat` env frames (control steps) with the same action.
 */

import type { Generator } from '../src/random/generator.js';
import type { DistractionOptions } from './distraction/levels.js';
import type { Appearance } from './renderer/appearance.js';
import type { RewardTerms } from './rewardTerms.js';

/** A box of numbers; `low` and `high` hold for every element. */
export interface BoxSpace {
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly dtype: 'uint8' | 'float32';
}

/** One image of an observation: `[H, W, C·K]` uint8, K stacked frames of C channels, oldest first. */
export interface ImageSpace {
  /** Unique among the observation's images; a camera's name. */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** C of a single frame: 1 grey, 3 colour, 4 colour and depth. */
  readonly channels: number;
  /** K. */
  readonly frameStack: number;
}

export interface ObservationSpace {
  /** In the order in which networks read them; none where only state is observed. */
  readonly images: readonly ImageSpace[];
  /** `[S]`, state features, unbounded. */
  readonly state?: BoxSpace;
}

/** What the agent sees. Arrays are the caller's: an environment never writes to one it has handed out. */
export interface Observation {
  /** By name, each as its `ImageSpace` says. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly state?: Float32Array;
}

/** One picture: HWC uint8, row 0 at the top. */
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
  /** Whether the task was done in one of the step's env frames; absent where it knows no success. */
  readonly success?: boolean;
  /**
   * `[A]` in [−1, 1]: what was executed in place of the action that was given, because a person took over; the
   * transition is of this one. The mean over the step's env frames. Null where nobody took over, though somebody
   * could have; absent where nobody can.
   */
  readonly executedAction?: Float32Array | null;
  /** Parts of the reward by name, each summed over the repeated control steps; absent where it names none. */
  readonly rewardTerms?: RewardTerms;
  /** Of a reset: what is to be done in this episode, in words. */
  readonly instruction?: string;
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
  /** Default: the one the observation's first image comes through, else the task's own. */
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
  /**
   * What a scripted expert would do in the state just reached: `[A]` in [−1, 1]; absent where the task has none.
   * @param random what makes its actions vary; without it they do not
   */
  demonstrate?(random?: Generator): Float32Array;
  close(): void;
}

/** What −1 and 1 of an action are in the environment's own units, dimension by dimension. */
export interface ActionBox {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface EnvironmentSpec {
  readonly task: string;
  readonly actionRepeat: number;
  /** Seconds of one control step (one env frame). */
  readonly controlTimestep: number;
  /** Env frames after which an episode is truncated. */
  readonly maxEnvFrames: number;
  readonly actionSize: number;
  /** Null where it is not known. */
  readonly actionBox: ActionBox | null;
  /** Of an action's dimensions; absent or null where they have none. */
  readonly actionNames?: readonly string[] | null;
  readonly stateSize: number;
  /** What pictures are drawn through where none is named. */
  readonly camera: string;
  /** Name and version of the renderer, recorded in datasets. */
  readonly renderer: string;
}

/** In pixels; a number is the side of a square. */
export type ImageSize = number | { readonly height: number; readonly width: number };

/** One value for every image, or values by the image's name; what is not named has the default. */
export type PerImage<T> = T | Readonly<Record<string, T>>;

export interface EnvironmentOptions {
  /** Control steps per action; default: the task's own (1 for the arm's, 2 elsewhere: V-D4RL's convention). */
  readonly actionRepeat?: number;
  /** `pixels` (default), `state`, or both. */
  readonly observations?: 'pixels' | 'state' | 'both';
  /** Names or numbers of the cameras, an image each; default: the task's own, which are two for the arm's. */
  readonly cameras?: readonly (string | number)[];
  /** Default 64×64. */
  readonly imageSize?: PerImage<ImageSize>;
  /** Frames stacked in an image; default 3. */
  readonly frameStack?: PerImage<number>;
  /** Seed of the environment's own stream; default 0. */
  readonly seed?: number;
  /** Colours, camera and background that vary; default: the model's own look. */
  readonly distraction?: DistractionOptions;
}
