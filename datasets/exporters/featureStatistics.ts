/** Smallest, largest, mean and standard deviation of each number of a feature, gathered row by row. */

export interface FeatureStatistics {
  readonly min: unknown;
  readonly max: unknown;
  readonly mean: unknown;
  readonly std: unknown;
  /** Rows that were seen. */
  readonly count: readonly [number];
}

export class NumberStatistics {
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  /** @param size numbers in a row */
  constructor(size: number) {
    this.#min = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.#max = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
    this.#sum = new Float64Array(size);
    this.#squares = new Float64Array(size);
  }

  add(row: ArrayLike<number>): void {
    for (let i = 0; i < this.#sum.length; i++) {
      const value = row[i] as number;
      this.#min[i] = Math.min(this.#min[i] as number, value);
      this.#max[i] = Math.max(this.#max[i] as number, value);
      this.#sum[i] = (this.#sum[i] as number) + value;
      this.#squares[i] = (this.#squares[i] as number) + value * value;
    }
    this.#count++;
  }

  get value(): FeatureStatistics {
    const mean = Array.from(this.#sum, (sum) => sum / this.#count);
    const std = Array.from(this.#squares, (squares, i) =>
      Math.sqrt(Math.max(0, squares / this.#count - (mean[i] as number) ** 2)),
    );
    return { min: [...this.#min], max: [...this.#max], mean, std, count: [this.#count] };
  }
}

/** Of the channels of images, in [0, 1], shaped `[C, 1, 1]` as image statistics are. */
export class ImageStatistics {
  readonly #histograms: readonly Float64Array[];
  #frames = 0;

  constructor(channels: number) {
    this.#histograms = Array.from({ length: channels }, () => new Float64Array(256));
  }

  /** @param pixels of whole frames, channels last */
  add(pixels: Uint8Array, frames: number): void {
    const channels = this.#histograms.length;
    for (const [channel, histogram] of this.#histograms.entries())
      for (let i = channel; i < pixels.length; i += channels) {
        const level = pixels[i] as number;
        histogram[level] = (histogram[level] as number) + 1;
      }
    this.#frames += frames;
  }

  get value(): FeatureStatistics {
    const channels = this.#histograms.map((histogram) => {
      let [count, sum, squares] = [0, 0, 0];
      for (const [level, times] of histogram.entries()) {
        count += times;
        sum += (times * level) / 255;
        squares += times * (level / 255) ** 2;
      }
      const mean = sum / count;
      return {
        min: histogram.findIndex((times) => times > 0) / 255,
        max: histogram.findLastIndex((times) => times > 0) / 255,
        mean,
        std: Math.sqrt(Math.max(0, squares / count - mean * mean)),
      };
    });
    const shaped = (key: 'min' | 'max' | 'mean' | 'std') => channels.map((channel) => [[channel[key]]]);
    return {
      min: shaped('min'),
      max: shaped('max'),
      mean: shaped('mean'),
      std: shaped('std'),
      count: [this.#frames],
    };
  }
}
