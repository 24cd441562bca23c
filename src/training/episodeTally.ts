/** What the infos of an episode's steps come to, in a rollout and in a run alike. */
import { z } from 'zod';
import type { StepInfo } from '../../envs/environment.js';
import { addTerms } from '../../envs/rewardTerms.js';

export const episodeTallySchema = z.object({
  /** Whether any of its steps was a success; absent where none says so or not. */
  success: z.boolean().optional(),
  /** Agent steps in which a person took over; absent where nobody could. */
  interventions: z.int().min(0).optional(),
  /** Sums of the parts of its reward, by name; absent where it names none. */
  rewardTerms: z.record(z.string(), z.number()).optional(),
  /** What was to be done, in words. */
  instruction: z.string().optional(),
});

export type EpisodeTally = Readonly<z.infer<typeof episodeTallySchema>>;

/** @param info of the reset */
export function beginTally({ instruction }: StepInfo): EpisodeTally {
  return instruction === undefined ? {} : { instruction };
}

/** With one more step. */
export function withStep(tally: EpisodeTally, info: StepInfo): EpisodeTally {
  const { success, executedAction, rewardTerms } = info;
  return {
    ...tally,
    ...(success !== undefined && { success: tally.success === true || success }),
    ...(executedAction !== undefined && {
      interventions: (tally.interventions ?? 0) + (executedAction === null ? 0 : 1),
    }),
    ...(rewardTerms !== undefined && { rewardTerms: addTerms(tally.rewardTerms ?? {}, rewardTerms) }),
  };
}
