/** What a dm_control recording does not say about itself: its control step and the name of camera 0. */
import { UNNAMED_IMAGE } from '../../envs/imageName.js';

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
  /** What its images are called: the camera's name where that is known. */
  readonly image: string;
}

/** @param task such as `walker-walk` */
export function suiteFacts(task: string | null): SuiteFacts {
  const facts = domains[task?.split('-')[0] ?? ''];
  return { controlTimestep: facts?.controlTimestep ?? null, image: facts?.camera ?? UNNAMED_IMAGE };
}
