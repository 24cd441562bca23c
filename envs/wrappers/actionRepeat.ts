/**
 * One agent step = the same action for `repeat` env frames; rewards and their terms are summed, an episode's end stops
 * early, a success in one of them is the step's, and where a person took over in one of them the step's action is the
 * mean of what was executed.
 */
import type { Environment, EnvironmentSpec, StepInfo, StepResult } from '../environment.js';
import { addTerms } from '../rewardTerms.js';
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
    const infos = [result.info];
    while (infos.length < this.#repeat && !result.terminated && !result.truncated) {
      result = this.inner.step(action);
      reward += result.reward;
      infos.push(result.info);
    }
    return { ...result, reward, info: { ...result.info, ...overFrames(infos, action) } };
  }
}

/** What the infos of a step's env frames say together. */
function overFrames(infos: readonly StepInfo[], action: Float32Array): StepInfo {
  const successes = infos.flatMap(({ success }) => success ?? []);
  const terms = infos.flatMap(({ rewardTerms }) => (rewardTerms === undefined ? [] : [rewardTerms]));
  const executedAction = meanAction(
    infos.map((info) => info.executedAction),
    action,
  );
  return {
    ...(successes.length > 0 && { success: successes.includes(true) }),
    ...(executedAction !== undefined && { executedAction }),
    ...(terms.length > 0 && { rewardTerms: terms.reduce(addTerms) }),
  };
}

/** Over the frames' actions; null where none of them is a person's, undefined where none says. */
function meanAction(
  executed: readonly StepInfo['executedAction'][],
  action: Float32Array,
): StepInfo['executedAction'] {
  if (executed.every((one) => one == null)) return executed.find((one) => one === null);
  return action.map(
    (value, i) => executed.reduce((sum, one) => sum + (one?.[i] ?? value), 0) / executed.length,
  );
}
