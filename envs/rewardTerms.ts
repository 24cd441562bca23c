/** Parts of a reward, by name. */
export type RewardTerms = Readonly<Record<string, number>>;

/** The sums by name. */
export function addTerms(a: RewardTerms, b: RewardTerms): RewardTerms {
  const sums: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}

/** A term that is no number says nothing of the reward, which is another number. */
export function finiteTerms(terms: RewardTerms): RewardTerms {
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => Number.isFinite(value)));
}
