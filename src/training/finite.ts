/** A loss, a weight or an action that is no number any more: nothing after it can be trusted, so the run stops there. */
import type { NamedTensor } from '../nn/parameters.js';
import type { Counters } from './metrics.js';

export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';

  /** @param what as "criticLoss became NaN". @param checkpoint the last good one. */
  constructor(what: string, { envFrames, agentSteps, updates }: Counters, checkpoint: string | undefined) {
    const goOn =
      checkpoint === undefined ? 'There is no checkpoint yet' : `The last good checkpoint is ${checkpoint}`;
    super(
      `Training stopped: ${what} at update ${updates} (env frame ${envFrames}, agent step ${agentSteps}). ${goOn}; a smaller learning rate, or layer norm where it was off, may help.`,
    );
  }
}

/** What is wrong, as a clause; undefined where all are numbers. */
export function badMetric(metrics: Readonly<Record<string, number>>): string | undefined {
  const bad = Object.entries(metrics).find(([, value]) => !Number.isFinite(value));
  return bad && `${bad[0]} became ${bad[1]}`;
}

export function badAction(action: Float32Array): string | undefined {
  const bad = action.find((value) => !Number.isFinite(value));
  return bad === undefined ? undefined : `the policy's action became ${bad}`;
}

export function badWeights(tensors: ReadonlyMap<string, NamedTensor>): string | undefined {
  for (const [name, { data }] of tensors)
    if (!data.every(Number.isFinite)) return `the weights "${name}" are not finite`;
  return undefined;
}
