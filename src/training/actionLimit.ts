/** How far an action may be from the one before it, for machines that a jump would harm. */
import { toUnitActions } from '../../envs/actionBox.js';
import type { EnvironmentSpec } from '../../envs/environment.js';
import { InputError } from '../errors.js';

export class ActionLimit {
  readonly #limits: readonly number[];
  readonly #rest: Float32Array;
  #before: Float32Array;
  #held = 0;

  /**
   * @param limits `[A]`, or one for every dimension: the greatest change from step to step, of 2 from end to end
   * @throws InputError for another number of them
   */
  constructor(limits: readonly number[], { actionSize, actionBox }: EnvironmentSpec) {
    if (limits.length !== 1 && limits.length !== actionSize)
      throw new InputError(
        `${limits.length} limits on the change of an action were given, and actions have ${actionSize} dimensions: give one for each, or one for all.`,
      );
    this.#limits = Array.from({ length: actionSize }, (_, i) => limits[i % limits.length] as number);
    const zeros = new Float32Array(actionSize);
    this.#rest = actionBox === null ? zeros : toUnitActions(zeros, actionBox);
    this.#before = this.#rest;
  }

  /** Begins an episode, from rest: zero in the environment's own units, or the edge of its box that is nearest to it. */
  begin(): void {
    this.#before = this.#rest;
  }

  /** The action `[A]` that is nearest to the given one. */
  apply(action: Float32Array): Float32Array {
    const limited = action.map((value, i) => {
      const [from, limit] = [this.#before[i] as number, this.#limits[i] as number];
      return Math.max(from - limit, Math.min(from + limit, value));
    });
    if (limited.some((value, i) => value !== action[i])) this.#held++;
    this.#before = limited;
    return limited;
  }

  /** A person has taken over, and this was executed. */
  executed(action: Float32Array): void {
    this.#before = action;
  }

  /** Actions that were held back so far. */
  get held(): number {
    return this.#held;
  }
}
