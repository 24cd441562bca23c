/** A simulation goes bad now and then; one that does so at every start never does anything else, and teaches nothing. */
import { InputError } from '../errors.js';

const MOST_IN_A_ROW = 20;

export class FailedStarts {
  #count = 0;

  /**
   * @param length of the episode that ended @param invalid why it went bad, if it did
   * @throws InputError where so many in a row went bad at their first step
   */
  add(task: string, length: number, invalid: string | undefined): void {
    this.#count = invalid !== undefined && length === 0 ? this.#count + 1 : 0;
    if (this.#count >= MOST_IN_A_ROW)
      throw new InputError(
        `${this.#count} episodes of ${task} in a row went bad at their first step (${invalid}), and nothing can be learnt from them: mend how the task begins, or how its simulation steps.`,
      );
  }
}
