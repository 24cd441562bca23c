/** How long it takes until a person sees what a hand did: from an input to the first picture of a step that had heard of it. */

/** Inputs that the figures are of. */
const KEPT = 100;

export class InputLatency {
  readonly #sent = new Map<number, number>();
  #times: number[] = [];

  /** @param input its number, which only grows @param time milliseconds */
  sent(input: number, time: number): void {
    this.#sent.set(input, time);
  }

  /** The picture of a step that had heard of that input, and so of all before it, is drawn. */
  drawn(input: number, time: number): void {
    const since = this.#sent.get(input);
    if (since !== undefined) this.#times = [...this.#times, time - since].slice(-KEPT);
    for (const earlier of this.#sent.keys()) if (earlier <= input) this.#sent.delete(earlier);
  }

  /** In milliseconds, of the last inputs, by nearest rank; null before the first. */
  get figures(): { readonly p50: number; readonly p95: number } | null {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95) };
  }
}
