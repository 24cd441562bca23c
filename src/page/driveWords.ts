/** How the drive view says how things stand. */
import type { SeatFacts, Standing } from '../serve/protocol.js';
import type { InputLatency } from './inputLatency.js';
import { countedInGroups, short } from './words.js';

export function standWords(standing: Standing): string {
  const { phase, steps, return: earned, success, drivenSteps } = standing;
  const counts = [
    countedInGroups(steps, 'step'),
    `return ${short(earned)}`,
    ...(phase === 'training' ? [`${drivenSteps} by you`] : []),
    ...(success === null ? [] : [success ? 'success' : 'no success yet']),
  ].join(' · ');
  return phase === 'ready' ? 'Ready: the episode begins when you say so.' : counts;
}

/** Where there is anything to say of time. */
export function timeWords(
  { stepMs, missed, deadlines }: Standing,
  { periodMs }: SeatFacts,
  latency: InputLatency['figures'],
): string {
  const rate = `${short(1000 / periodMs)} actions a second`;
  return [
    rate,
    ...(stepMs === null ? [] : [`step ${Math.round(stepMs)} of ${Math.round(periodMs)} ms`]),
    ...(latency === null
      ? []
      : [`input to picture ${Math.round(latency.p50)} ms (95%: ${Math.round(latency.p95)})`]),
    `${missed} of ${countedInGroups(deadlines, 'deadline')} missed`,
  ].join(' · ');
}

/** What a number of the action is called. */
export function dimensionName({ actionNames }: SeatFacts, dimension: number): string {
  return actionNames?.[dimension] ?? `action ${dimension}`;
}
