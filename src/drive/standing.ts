/** What a person at the page and the loop that is driven tell each other. It imports nothing: the page has it, too. */

/** What a person asks for beside actions. `success` marks the episode, and ends one that is being driven. */
export const driveCommands = ['record', 'practise', 'stop', 'success', 'keep', 'discard', 'reset'] as const;
export type DriveCommand = (typeof driveCommands)[number];

/**
 * An episode is `ready` after its reset, `driving`, and, where it is recorded, `ended` until it is kept or discarded. In
 * a `training` the policy acts, and the person where something is held.
 */
export const drivePhases = ['ready', 'driving', 'ended', 'training'] as const;
export type DrivePhase = (typeof drivePhases)[number];

export interface SeatFacts {
  readonly task: string;
  /** Of the dataset that episodes go to, or of the run; null where nothing is kept. */
  readonly folder: string | null;
  readonly actionSize: number;
  readonly actionNames: readonly string[] | null;
  /** Milliseconds of an agent step. */
  readonly periodMs: number;
  /** What can be looked at, with the sizes that are observed. */
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
}

export interface Standing {
  readonly phase: DrivePhase;
  /** Whether the episode will be kept if the person says so. */
  readonly isRecorded: boolean;
  /** Whether the last action was the person's. */
  readonly isDriven: boolean;
  /** Of the episode: agent steps, the sum of their rewards, and those of them that were a person's. */
  readonly steps: number;
  readonly return: number;
  readonly drivenSteps: number;
  /** Whether it succeeded so far, as the task or the person says; null where nobody says. */
  readonly success: boolean | null;
  /** Episodes in the dataset. */
  readonly kept: number;
  /** Milliseconds from when the last step was due until its picture was drawn; null before the first. */
  readonly stepMs: number | null;
  /** Steps at the control rate, and those of them that took longer than it allows. */
  readonly deadlines: number;
  readonly missed: number;
  /** A sentence on what happens or has happened; '' where there is nothing to say. */
  readonly note: string;
}
