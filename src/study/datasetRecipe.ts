/**
 * Data that a study needs, said as how to make it: who acts on which task, how often, from which seed, in which
 * pictures.
 */
import { z } from 'zod';
import { levels } from '../training/levels.js';

export const datasetRecipeSchema = z.strictObject({
  task: z.string().min(1),
  /** Who acts: a level of `rlpd collect`. */
  level: z.enum(levels),
  /** The task whose policies act, where it is another one of the same model; null: the recipe's own. */
  policiesOf: z.string().min(1).nullable().default(null),
  episodes: z.int().min(1),
  seed: z.int().min(0).max(0xffffffff).default(0),
  /** Null: the task's own. */
  actionRepeat: z.int().min(1).nullable().default(null),
  imageSize: z.int().min(1).default(64),
  camera: z.string().nullable().default(null),
});

/** As a run has it: with the task's own action repeat where the study names none. */
export type DatasetRecipe = z.output<typeof datasetRecipeSchema> & { readonly actionRepeat: number };
