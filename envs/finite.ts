/** Where experience enters: a number that is none must never be learnt from, nor be drawn. */

/** Whether a reward is a number where it is kept: in float32, where 1e300 is infinite. */
export function isReward(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** What of an observation's state and the reward is not finite, as a clause; null where all are numbers. */
export function notFinite(state: Float32Array | undefined, reward = 0): string | null {
  if (state?.every(Number.isFinite) === false) return 'an observation is not finite';
  return isReward(reward) ? null : 'the reward is not finite';
}
