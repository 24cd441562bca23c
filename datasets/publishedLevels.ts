/** What is known of V-D4RL's levels (Lu et al. 2023), to read a dataset's own returns beside. */

export const vd4rlLevels = ['random', 'medium_replay', 'medium', 'medium_expert', 'expert'] as const;
export type Vd4rlLevel = (typeof vd4rlLevels)[number];

/** Return of 1000 that behaviour cloning on V-D4RL's 64 px data of each level reaches, as published. */
const clonedReturns: Readonly<Record<string, Readonly<Record<Vd4rlLevel, number>>>> = {
  'walker-walk': { random: 20, medium_replay: 165, medium: 409, medium_expert: 477, expert: 915 },
  'cheetah-run': { random: 0, medium_replay: 250, medium: 516, medium_expert: 575, expert: 674 },
  'humanoid-walk': { random: 1, medium_replay: 188, medium: 135, medium_expert: 172, expert: 61 },
};

/** @returns null for a task that V-D4RL does not have */
export function clonedLevels(task: string | null): Readonly<Record<Vd4rlLevel, number>> | null {
  return (task === null ? undefined : clonedReturns[task]) ?? null;
}
