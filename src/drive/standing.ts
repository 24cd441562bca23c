/**
 * What a person at the page and the loop that is driven tell each other. It imports nothing but zod's small half: the
 * page has it, too.
 */
import * as z from 'zod/mini';

const count = z.int();

/** What a person asks for beside actions. `success` marks the episode, and ends one that is being driven. */
export const driveCommands = ['record', 'practise', 'stop', 'success', 'keep', 'discard', 'reset'] as const;
export type DriveCommand = (typeof driveCommands)[number];

/**
 * An episode is `ready` after its reset, `driving`, and, where it is recorded, `ended` until it is kept or discarded. In
 * a `training` the policy acts, and the person where something is held.
 */
export const drivePhases = ['ready', 'driving', 'ended', 'training'] as const;

export const seatFactsSchema = z.object({
  task: z.string(),
  /** Of the dataset that episodes go to, or of the run; null where nothing is kept. */
  folder: z.nullable(z.string()),
  actionSize: count,
  actionNames: z.nullable(z.readonly(z.array(z.string()))),
  /** Milliseconds of an agent step. */
  periodMs: z.number(),
  /** What can be looked at, with the sizes that are observed. */
  cameras: z.readonly(z.array(z.object({ name: z.string(), width: count, height: count }))),
});
export type SeatFacts = z.infer<typeof seatFactsSchema>;

export const standingSchema = z.object({
  phase: z.enum(drivePhases),
  /** Whether the episode will be kept if the person says so. */
  isRecorded: z.boolean(),
  /** Whether the last action was the person's. */
  isDriven: z.boolean(),
  /** Of the episode: agent steps, the sum of their rewards, and those of them that were a person's. */
  steps: count,
  return: z.number(),
  drivenSteps: count,
  /** Whether it succeeded so far, as the task or the person says; null where nobody says. */
  success: z.nullable(z.boolean()),
  /** Episodes in the dataset. */
  kept: count,
  /** Milliseconds from when the last step was due until its picture was drawn; null before the first. */
  stepMs: z.nullable(z.number()),
  /** Steps at the control rate, and those of them that took longer than it allows. */
  deadlines: count,
  missed: count,
  /** A sentence on what happens or has happened; '' where there is nothing to say. */
  note: z.string(),
});
export type Standing = z.infer<typeof standingSchema>;
