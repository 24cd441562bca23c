/** Which of a dataset's images stands for which of those wanted. */
import type { FrameLayout } from './episode.js';

export interface ImageMatch {
  readonly wanted: FrameLayout;
  /** Undefined where the dataset has none. */
  readonly recorded: FrameLayout | undefined;
}

/** By name; where both have a single image it is that one, whatever either is called. */
export function matchImages(recorded: readonly FrameLayout[], wanted: readonly FrameLayout[]): ImageMatch[] {
  const [only] = recorded;
  if (recorded.length === 1 && wanted.length === 1)
    return wanted.map((image) => ({ wanted: image, recorded: only }));
  return wanted.map((image) => ({
    wanted: image,
    recorded: recorded.find(({ name }) => name === image.name),
  }));
}
