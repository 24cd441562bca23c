/** How often episodes succeeded, and how far to trust the share. */

export interface SuccessRate {
  /** In [0, 1]: episodes that succeeded, of all. */
  readonly successRate: number;
  /** Wilson's 95% interval of it. */
  readonly successCi95: readonly [number, number];
}

/** Where only successes are kept: episodes that are played at most for each that is wanted. */
export const TRIES_PER_SUCCESS = 20;

/** The normal distribution's 97.5% quantile. */
const z = 1.959963984540054;

/**
 * Wilson 1927, "Probable inference, the law of succession, and statistical inference": with p the share of n,
 * (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n). It holds for few episodes and for shares of 0 and 1, too.
 * @param outcomes of each episode, at least one; undefined counts as no success
 * @returns undefined where no episode says whether it succeeded
 */
export function successRate(outcomes: readonly (boolean | undefined)[]): SuccessRate | undefined {
  if (outcomes.every((outcome) => outcome === undefined)) return undefined;
  const n = outcomes.length;
  const p = outcomes.filter((outcome) => outcome === true).length / n;
  const centre = p + z ** 2 / (2 * n);
  const reach = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const scale = 1 + z ** 2 / n;
  return {
    successRate: p,
    // Rounding must not leave out a share of 0 or 1.
    successCi95: [Math.max(0, Math.min(p, (centre - reach) / scale)), Math.max(p, (centre + reach) / scale)],
  };
}

/** "success 80% (95% 49% to 94%)"; empty where nothing is known. */
export function successWords({ successRate: rate, successCi95: ci95 }: Partial<SuccessRate>): string {
  if (rate === undefined || ci95 === undefined) return '';
  return `success ${percent(rate)} (95% ${ci95.map(percent).join(' to ')})`;
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}
