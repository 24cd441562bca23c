/**
 * Steps at a fixed rate. A step is due a period after the one before it; it has kept its deadline if the environment
 * has answered by the time that the next one is due. After a late answer the next step begins at once and periods are
 * counted from there: what was missed is not made up for by steps that follow each other faster.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds since any moment. */
  now(): number;
  /** Resolves at that time, or as soon as `signal` is aborted. */
  until(time: number, signal: AbortSignal | undefined): Promise<void>;
}

/** Where a step's due time is its beginning and the environment's answer its end. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const steadyClock: Clock = {
  now: () => performance.now(),
  until: async (time, signal) => {
    const rest = time - performance.now();
    if (rest <= 0 || signal?.aborted) return;
    await sleep(rest, undefined, { signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  },
};

export class ControlRate {
  readonly periodMs: number;
  readonly #clock: Clock;
  readonly #latencies: number[] = [];
  #missed = 0;
  /** Undefined before an episode's first step, which is due when it is asked for. */
  #due: number | undefined;
  #begun = 0;

  constructor(periodMs: number, clock: Clock = steadyClock) {
    this.periodMs = periodMs;
    this.#clock = clock;
  }

  /** Begins an episode: how long a reset takes is no one's deadline. */
  begin(): void {
    this.#due = undefined;
  }

  /** Waits until the next step is due, or until `signal` is aborted. */
  async next(signal?: AbortSignal): Promise<void> {
    this.#begun = this.#due ?? this.#clock.now();
    await this.#clock.until(this.#begun, signal);
  }

  /**
   * The environment has answered the step that `next` began.
   * @returns how long that took, in milliseconds, and whether its deadline is missed
   */
  answered(): { readonly latencyMs: number; readonly isLate: boolean } {
    const now = this.#clock.now();
    const latencyMs = now - this.#begun;
    const isLate = latencyMs > this.periodMs;
    this.#due = isLate ? now : this.#begun + this.periodMs;
    if (isLate) this.#missed++;
    this.#latencies.push(latencyMs);
    return { latencyMs, isLate };
  }

  get missed(): number {
    return this.#missed;
  }

  /** In milliseconds, of all steps so far; null before the first. */
  get latency(): Latency | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    if (sorted.length === 0) return null;
    // Nearest rank.
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] as number;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}
