/** How far a run is, in words. */
import type { RunSummary } from '../serve/protocol.js';
import { grouped } from '../words.js';
import { durationWords, short } from './words.js';

/** "40% · 2 h 10 min left". */
export function progressWords({ done, total, secondsLeft }: RunSummary): string {
  if (total === 0) return '';
  const share = `${Math.floor((100 * Math.min(done, total)) / total)}%`;
  return secondsLeft === null ? share : `${share} · ${durationWords(secondsLeft)} left`;
}

/** "running · 12,000 of 40,000 env frames · 31.5 a second · 15 min left". */
export function standWords(run: RunSummary): string {
  const { state, done, total, unit, perSecond, secondsLeft, lastReturn, lastSuccess } = run;
  return [
    state,
    `${grouped(done)} of ${grouped(total)} ${unit}`,
    ...(perSecond === null ? [] : [`${short(perSecond)} a second`]),
    ...(secondsLeft === null ? [] : [`${durationWords(secondsLeft)} left`]),
    ...(lastReturn === null ? [] : [`return ${short(lastReturn)}`]),
    ...(lastSuccess === null ? [] : [`success ${Math.round(100 * lastSuccess)}%`]),
  ].join(' · ');
}
