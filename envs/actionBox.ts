/** Actions in an environment's own units, and as numbers of [−1, 1]. */
import type { ActionBox } from './environment.js';

/** −1 at `low`, 1 at `high`: −1 + 2 (value − low) / (high − low). */
export function toUnit(value: number, low: number, high: number): number {
  return (2 * (value - low)) / (high - low) - 1;
}

/**
 * Numbers of [−1, 1] for actions in the environment's own units, dimension by dimension. What lies outside the box is
 * brought to its edge.
 * @param actions `[A]`, or rows of them
 */
export function toUnitActions(actions: ArrayLike<number>, { low, high }: ActionBox): Float32Array {
  const size = low.length;
  return Float32Array.from(actions, (value, i) =>
    Math.max(-1, Math.min(1, toUnit(value, low[i % size] as number, high[i % size] as number))),
  );
}
