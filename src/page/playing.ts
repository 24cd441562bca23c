/** Time that passes while something is played. */
import { useEffect } from 'preact/hooks';

/** Seconds between two observations where a dataset does not say it. */
export const USUAL_SECONDS = 0.05;

/** Calls `advance` with whole steps as the time for them has passed. */
export function usePlaying(
  isPlaying: boolean,
  secondsPerStep: number,
  advance: (steps: number) => void,
): void {
  useEffect(() => {
    if (!isPlaying) return;
    let [last, owed] = [performance.now(), 0];
    let request = requestAnimationFrame(function frame(now) {
      owed += Math.max(0, now - last) / 1000 / secondsPerStep;
      last = now;
      const whole = Math.floor(owed);
      owed -= whole;
      if (whole > 0) advance(whole);
      request = requestAnimationFrame(frame);
    });
    return () => cancelAnimationFrame(request);
  }, [isPlaying, secondsPerStep]);
}
