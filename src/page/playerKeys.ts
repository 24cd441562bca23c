/** The keys that step through an episode. */

/** Undefined where it is no such key. @param steps T: observations are 0 to T */
export function stepAfterKey(key: string, shift: boolean, step: number, steps: number): number | undefined {
  const stride = shift ? 10 : 1;
  const to: Readonly<Record<string, number>> = {
    ArrowRight: step + stride,
    ArrowLeft: step - stride,
    Home: 0,
    End: steps,
  };
  const wanted = to[key];
  return wanted === undefined ? undefined : Math.max(0, Math.min(steps, wanted));
}
