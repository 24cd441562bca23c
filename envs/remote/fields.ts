/** The fields of the server's messages that all versions of the protocol have. */
import { z } from 'zod';

export const bytes = z.instanceof(Uint8Array);
export const positive = z.int().min(1);
/** Size of an action or a state: more than any robot has, and what may be made room for. */
export const size = z
  .int()
  .min(0)
  .max(2 ** 20);
/** Any number, infinite and NaN too: what to make of those is not a matter of form. */
export const anyNumber = z.custom<number>((value) => typeof value === 'number', 'expected a number');
/** Height, width, channels. */
export const pictureShape = z.tuple([positive, positive, z.union([z.literal(1), z.literal(3)])]);

/** How a step went, beside what was seen. */
export const outcome = {
  reward: anyNumber,
  terminated: z.boolean(),
  truncated: z.boolean(),
  /** Repeats done. */
  steps: positive,
  /** Whether the task was done in one of them; absent where the environment does not say. */
  success: z.boolean().optional(),
};
