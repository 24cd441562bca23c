/** A control rate that is kept: each action comes at its time, and those that come too late are counted. */

export class Pace {
  readonly #period: number;
  readonly #now: () => number;
  readonly #wait: (milliseconds: number) => Promise<void>;
  #due: number | undefined;
  #missed = 0;

  /**
   * @param hz   actions a second
   * @param now  milliseconds of a clock that only goes forward
   */
  constructor(hz: number, now: () => number, wait: (milliseconds: number) => Promise<void>) {
    this.#period = 1000 / hz;
    this.#now = now;
    this.#wait = wait;
  }

  /** Actions of the episode that came too late. */
  get missed(): number {
    return this.#missed;
  }

  /** The next action is an episode's first. */
  begin(): void {
    this.#due = undefined;
    this.#missed = 0;
  }

  /** Waits until it is time for the action; one that is late sets the time for those behind it. */
  async keep(): Promise<void> {
    const now = this.#now();
    const due = this.#due ?? now;
    if (now > due) this.#missed++;
    else if (now < due) await this.#wait(due - now);
    this.#due = Math.max(now, due) + this.#period;
  }
}
