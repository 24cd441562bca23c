/** How a study's pages and tables write numbers. */
import type { Estimate } from './statistics.js';

/** "812 (780 to 845)", or "812" where there is no interval. */
export function estimateWords({ value, interval }: Estimate, digits: number): string {
  const words = value.toFixed(digits);
  if (interval === undefined) return words;
  return `${words} (${interval[0].toFixed(digits)} to ${interval[1].toFixed(digits)})`;
}

/** 1234567.5 → "1,234,567.5". */
export function grouped(value: number): string {
  return String(value).replace(/^-?\d+/, (whole) => whole.replaceAll(/\B(?=(\d{3})+$)/g, ','));
}

/** "1 run", "2 runs". */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** "7.1 min", "1,200 min". */
export function minuteWords(seconds: number): string {
  const minutes = seconds / 60;
  return `${minutes < 10 ? minutes.toFixed(1) : grouped(Math.round(minutes))} min`;
}
