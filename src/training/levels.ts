/** V-D4RL's levels of data (Lu et al. 2023, section 3): what behaves in it. `experts.ts` makes them. */
export const levels = ['random', 'medium', 'medium_replay', 'medium_expert', 'expert'] as const;
export type Level = (typeof levels)[number];
