/** How the page writes numbers, where there is little room. */
import { counted, grouped } from '../words.js';

/** Three or four digits that matter: 812.4, 0.0123, 1.2e-7. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  return size >= 100 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}

/** "40 s", "12 min", "3 h 20 min", "2 days". */
export function durationWords(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 60 / 24)} days`;
}

/** "1 episode", "10,000 episodes". */
export function countedInGroups(number: number, thing: string): string {
  return counted(number, thing, grouped(number));
}
