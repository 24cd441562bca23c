/** How a study's pages and tables write numbers. */
import { grouped } from '../words.js';
import type { Estimate } from './statistics.js';

/** "812 (780 to 845)", or "812" where there is no interval. */
export function estimateWords({ value, interval }: Estimate, digits: number): string {
  const words = value.toFixed(digits);
  if (interval === undefined) return words;
  return `${words} (${interval[0].toFixed(digits)} to ${interval[1].toFixed(digits)})`;
}

/** "7.1 min", "1,200 min". */
export function minuteWords(seconds: number): string {
  const minutes = seconds / 60;
  return `${minutes < 10 ? minutes.toFixed(1) : grouped(Math.round(minutes))} min`;
}
