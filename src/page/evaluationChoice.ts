/** Which of a run's evaluations is shown. */
import type { Evaluations } from '../serve/protocol.js';
import { counted, grouped } from '../words.js';
import type { Axis } from './address.js';
import { short } from './words.js';

type Evaluation = Evaluations[number];

/** The one that was asked for, else the latest; undefined where there is none. */
export function shownEvaluation(
  evaluations: Evaluations,
  wanted: number | undefined,
): Evaluation | undefined {
  return evaluations.find(({ episode }) => episode === wanted) ?? evaluations.at(-1);
}

/** The one whose place on the axis is nearest. */
export function nearestEvaluation(evaluations: Evaluations, axis: Axis, x: number): Evaluation | undefined {
  const away = (one: Evaluation): number => Math.abs((one[axis] ?? Number.POSITIVE_INFINITY) - x);
  return evaluations.reduce(
    (best: Evaluation | undefined, one) => (best === undefined || away(one) < away(best) ? one : best),
    undefined,
  );
}

/** "20,000 env frames: 812 over 10 episodes, success 0.8". */
export function evaluationWords({ envFrames, updates, mean, successRate, episodes }: Evaluation): string {
  const place =
    envFrames === 0 && updates > 0 ? `${grouped(updates)} updates` : `${grouped(envFrames)} env frames`;
  const success = successRate === null ? '' : `, success ${short(successRate)}`;
  return `${place}: ${short(mean)} over ${counted(episodes, 'episode')}${success}`;
}
