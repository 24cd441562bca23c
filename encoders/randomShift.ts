/**
 * DrQ's random shift (Kostrikov et al. 2020): pad the image by `pad` pixels with its edge pixels, then crop it back
 * to size at a random place. One place for a whole stack of frames; an observation and its successor draw apart.
 */

/** What drawing needs of a random generator. */
export interface IntegerSource {
  /** Uniform integer in [0, count). */
  integer(count: number): number;
}

/** Crop offsets (row, column) for `rows` samples, `[rows, 2]`, each uniform in [0, 2·pad]. */
export function drawShifts(random: IntegerSource, rows: number, pad: number): Int32Array {
  const shifts = new Int32Array(rows * 2);
  for (let i = 0; i < shifts.length; i++) shifts[i] = random.integer(2 * pad + 1);
  return shifts;
}

export interface ImageSize {
  readonly height: number;
  readonly width: number;
  /** Of one frame. */
  readonly channels: number;
}

/**
 * Writes one sample: frames side by side along the channel axis, shifted, scaled to [0, 1]. Pixel (y, x) comes from
 * (clamp(y + row − pad), clamp(x + column − pad)) of each frame.
 * @param frames K frames, HWC uint8, the oldest first
 * @param target `[H, W, C·K]`
 */
export function writeShiftedStack(
  frames: readonly Uint8Array[],
  { height, width, channels }: ImageSize,
  [row, column]: readonly [number, number],
  pad: number,
  target: Float32Array,
): void {
  const depth = channels * frames.length;
  frames.forEach((frame, k) => {
    for (let y = 0; y < height; y++) {
      const fromRow = clamp(y + row - pad, height) * width;
      for (let x = 0; x < width; x++) {
        const from = (fromRow + clamp(x + column - pad, width)) * channels;
        const to = (y * width + x) * depth + k * channels;
        for (let c = 0; c < channels; c++) target[to + c] = (frame[from + c] ?? 0) / 255;
      }
    }
  });
}

function clamp(position: number, size: number): number {
  return Math.min(Math.max(position, 0), size - 1);
}
