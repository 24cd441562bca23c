/**
 * Of all choices of Z of E values: for each rank, from the smallest value on, the share of the choices whose minimum it
 * is.
 * @param members E
 * @param subset Z
 */
export function minimumShares(members: number, subset: number): number[] {
  const shares: number[] = [];
  // Every choice has a minimum, so of those without the r smallest the next is the minimum with chance Z/(E − r).
  let left = 1;
  for (let rank = 0; rank < members; rank++) {
    const share = left * Math.min(1, subset / (members - rank));
    shares.push(share);
    left -= share;
  }
  return shares;
}
