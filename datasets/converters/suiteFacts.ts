/** What a dm_control recording does not say about itself: its control step and the name of camera 0. */

interface DomainFacts {
  /** Seconds of one control step. */
  readonly controlTimestep: number;
  /** Name of the camera that V-D4RL rendered. */
  readonly camera: string;
}

const domains: Readonly<Record<string, DomainFacts>> = {
  walker: { controlTimestep: 0.025, camera: 'side' },
  cheetah: { controlTimestep: 0.01, camera: 'side' },
  humanoid: { controlTimestep: 0.025, camera: 'back' },
};

export interface SuiteFacts {
  readonly controlTimestep: number | null;
  readonly camera: string | null;
}

/** @param task such as `walker-walk` */
export function suiteFacts(task: string | null): SuiteFacts {
  return domains[task?.split('-')[0] ?? ''] ?? { controlTimestep: null, camera: null };
}
