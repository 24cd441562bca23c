/** How long a run has computed, interruptions left out, and how fast it is. */
import type { Counters } from './metrics.js';

export class RunClock {
  readonly #start = performance.now();
  /** Seconds before this process took over. */
  #before = 0;
  #last: { readonly time: number; readonly envFrames: number; readonly updates: number };

  constructor() {
    this.#last = { time: this.#start, envFrames: 0, updates: 0 };
  }

  /** Goes on from what an earlier process had behind it. */
  resume(seconds: number, { envFrames, updates }: Counters): void {
    this.#before = seconds;
    this.#last = { time: performance.now(), envFrames, updates };
  }

  /** To the hundredth. */
  get seconds(): number {
    return Math.round((this.#before + (performance.now() - this.#start) / 1000) * 100) / 100;
  }

  /** Since the last time it was asked for. */
  takeSpeed({ envFrames, updates }: Counters): { envFramesPerSecond: number; updatesPerSecond: number } {
    const now = performance.now();
    const seconds = (now - this.#last.time) / 1000;
    const speed = {
      envFramesPerSecond: (envFrames - this.#last.envFrames) / seconds,
      updatesPerSecond: (updates - this.#last.updates) / seconds,
    };
    this.#last = { time: now, envFrames, updates };
    return speed;
  }
}
