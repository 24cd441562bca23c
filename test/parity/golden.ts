/** The golden data that make_golden.py wrote, read back. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ModelField, Simulation } from '../../envs/mujoco.js';

const folder = new URL('../../../test/golden/envs/', import.meta.url);

export interface Pose {
  readonly qpos: readonly number[];
  readonly edited: Record<string, readonly number[]>;
}

export interface PicturePose extends Pose {
  readonly camera: number;
}

export interface Recording extends Pose {
  readonly qvel: readonly number[];
  readonly actions: readonly (readonly number[])[];
  readonly rewards: readonly number[];
  /** By control step, counted from 1. */
  readonly observations: Record<string, readonly number[]>;
  readonly contacts: number;
}

export interface Golden {
  readonly control_timestep: number;
  /** Of an episode. */
  readonly control_steps: number;
  /** Sizes of the features, in the suite's order. */
  readonly observation: Record<string, number>;
  readonly model: Record<string, readonly number[] | number>;
  readonly free: Recording;
  readonly through_contact: Recording;
  readonly pictures?: readonly PicturePose[];
}

export function goldenTasks(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length));
}

export function readGolden(task: string): Golden {
  return JSON.parse(readFileSync(new URL(`${task}.json`, folder), 'utf8')) as Golden;
}

/** A strip of the real suite's 64-pixel pictures of a task's poses. */
export function goldenPictures(task: string): URL {
  return new URL(`${task}.png`, folder);
}

/** Brings a simulation into a recorded state, the way a reset does. */
export function assume(simulation: Simulation, pose: Pose, qvel?: readonly number[]): void {
  simulation.reset(() => {
    for (const [field, values] of Object.entries(pose.edited))
      simulation.model(field as ModelField).set(values);
    simulation.data('qpos').set(pose.qpos);
    if (qvel !== undefined) simulation.data('qvel').set(qvel);
  });
}
