/**
 * Data that a study needs, said as how to make it: who acts on which task, how often, from which seed, in which
 * pictures. It is recorded once under a folder of data, in a place named by all that its content follows from, and
 * found there again by every run and every study that asks for the same.
 */
import { z } from 'zod';
import { levels } from '../training/experts.js';

export const datasetRecipeSchema = z.strictObject({
  task: z.string().min(1),
  /** Who acts: a level of `rlpd collect`. */
  level: z.enum(levels),
  episodes: z.int().min(1),
  seed: z.int().min(0).max(0xffffffff).default(0),
  actionRepeat: z.int().min(1).default(2),
  imageSize: z.int().min(1).default(64),
  camera: z.string().nullable().default(null),
});

export type DatasetRecipe = z.output<typeof datasetRecipeSchema>;
