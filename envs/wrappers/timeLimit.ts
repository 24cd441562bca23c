/** Truncates an episode after `spec.maxEnvFrames` env frames. Wraps an environment of single control steps. */
import { z } from 'zod';
import type { EnvironmentState, ResetResult, StepResult } from '../environment.js';
import { Wrapper } from './wrapper.js';

const savedStateSchema = z.object({
  envFrames: z.number().int().min(0).nullable(),
  inner: z.record(z.string(), z.unknown()),
});

export class TimeLimit extends Wrapper {
  /** Null outside an episode. */
  #envFrames: number | null = null;

  override reset(options?: { readonly seed?: number }): ResetResult {
    const result = this.inner.reset(options);
    this.#envFrames = 0;
    return result;
  }

  override step(action: Float32Array): StepResult {
    if (this.#envFrames === null) throw new Error('step was called without an episode: call reset first.');
    const result = this.inner.step(action);
    const envFrames = ++this.#envFrames;
    const truncated = result.truncated || (!result.terminated && envFrames >= this.spec.maxEnvFrames);
    if (truncated || result.terminated) this.#envFrames = null;
    return { ...result, truncated, info: { envFrames, ...result.info } };
  }

  override saveState(): EnvironmentState {
    return { envFrames: this.#envFrames, inner: this.inner.saveState() };
  }

  override restoreState(state: EnvironmentState): void {
    const saved = savedStateSchema.parse(state);
    this.inner.restoreState(saved.inner);
    this.#envFrames = saved.envFrames;
  }
}
