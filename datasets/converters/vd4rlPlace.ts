/** What files of V-D4RL do not say about themselves: task and level, which their folders name, and the action repeat. */
import { resolve } from 'node:path';
import { InputError } from '../../src/errors.js';
import type { OpenOptions } from './openOptions.js';

export interface Vd4rlPlace extends OpenOptions {
  /** The file or folder that was named. */
  readonly place: string;
  readonly task: string;
  readonly level: string | null;
}

/** Control steps for each action in all that V-D4RL recorded. */
export const VD4RL_ACTION_REPEAT = 2;
const LEVELS = ['random', 'medium_replay', 'medium', 'medium_expert', 'expert'];
const DOMAINS = ['walker', 'cheetah', 'humanoid'];

/** Task and level from V-D4RL's folders: `{main|distracting|multitask}/{task}/{level}/{64px|84px}/`. */
export function placeOf(source: string): { task: string | null; level: string | null } {
  const folders = resolve(source).split(/[\\/]/);
  const task = folders.find((name) => DOMAINS.some((domain) => name.startsWith(`${domain}_`)));
  const level = folders.find((name) => LEVELS.includes(name));
  return { task: task?.replaceAll('_', '-') ?? null, level: level ?? null };
}

/** What is said of whole numbers, which are choices, where the suite's actions are quantities. */
export function discreteActions(file: string, type: string): InputError {
  return new InputError(
    `${file}: action holds whole numbers alone (${type}), which are discrete actions; continuous ones are expected, as this learner's are.`,
  );
}
