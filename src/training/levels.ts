/**
 * V-D4RL's levels of data (Lu et al. 2023, section 3): what behaves in it. `experts.ts` makes them. Beside them, what a
 * task's own scripted expert demonstrates.
 */
export const levels = [
  'random',
  'medium',
  'medium_replay',
  'medium_expert',
  'expert',
  'demonstration',
] as const;
export type Level = (typeof levels)[number];
