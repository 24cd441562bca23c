/** Parts of a reward, by name. */
export type RewardTerms = Readonly<Record<string, number>>;

/** The sums by name. */
export function addTerms(a: RewardTerms, b: RewardTerms): RewardTerms {
  const sums: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

/** Whether a reward is a number where it is kept: in float32, where 1e300 is infinite. */
export function isReward(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}
