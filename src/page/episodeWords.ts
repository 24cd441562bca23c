/** An episode's step and end in words. */
import type { EpisodeValues } from '../serve/protocol.js';

/** "Step 3 of 12 · action 0.10, −0.52 · reward that follows 0.123 · return so far 4.2". */
export function stepWords(values: EpisodeValues, actionSize: number, step: number): string {
  const { actions, rewards } = values;
  const soFar = rewards.slice(0, step).reduce((sum, reward) => sum + reward, 0);
  const action = actions.slice(step * actionSize, (step + 1) * actionSize);
  const here =
    step < rewards.length
      ? `action ${action.map((value) => value.toFixed(2)).join(', ')} · reward that follows ${rewards[step]?.toFixed(3)}`
      : endWords(values);
  return `Step ${step} of ${rewards.length} · ${here} · return so far ${soFar.toFixed(1)}`;
}

/** "end: terminated, success". */
export function endWords({ terminated, truncated, success }: EpisodeValues): string {
  const how = terminated ? 'terminated' : truncated ? 'time limit' : 'no end recorded';
  const outcome = success === null ? '' : success ? ', success' : ', no success';
  return `end: ${how}${outcome}`;
}
