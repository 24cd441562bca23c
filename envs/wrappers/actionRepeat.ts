/**
 * One agent step = the same action for `repeat` env frames; rewards are summed, an episode's end stops early, and
 * a success in one of them is the step's.
 */
import type { Environment, EnvironmentSpec, StepResult } from '../environment.js';
import { Wrapper } from './wrapper.js';

export class ActionRepeat extends Wrapper {
  readonly #repeat: number;

  /** @param repeat at least 1. */
  constructor(inner: Environment, repeat: number) {
    super(inner);
    this.#repeat = repeat;
  }

  override get spec(): EnvironmentSpec {
    return { ...this.inner.spec, actionRepeat: this.inner.spec.actionRepeat * this.#repeat };
  }

  override step(action: Float32Array): StepResult {
    let result = this.inner.step(action);
    let { reward } = result;
    let { success } = result.info;
    for (let i = 1; i < this.#repeat && !result.terminated && !result.truncated; i++) {
      result = this.inner.step(action);
      reward += result.reward;
      if (result.info.success !== undefined) success = success === true || result.info.success;
    }
    return { ...result, reward, info: success === undefined ? result.info : { ...result.info, success } };
  }
}
