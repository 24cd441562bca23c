/** Actions in an environment's own units, and as numbers of [−1, 1]. */
import type { ActionBox } from './environment.js';

/**
 * Numbers of [−1, 1] for actions in the environment's own units: −1 + 2 (a − low) / (high − low), dimension by
 * dimension. What lies outside the box is brought to its edge.
 * @param actions `[A]`, or rows of them
 */
export function toUnitActions(actions: ArrayLike<number>, { low, high }: ActionBox): Float32Array {
  return Float32Array.from(actions, (value, i) => {
    const least = low[i % low.length] as number;
    const most = high[i % high.length] as number;
    return Math.max(-1, Math.min(1, -1 + (2 * (value - least)) / (most - least)));
  });
}
