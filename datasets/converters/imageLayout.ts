/** Orders of the axes of an image: everything here is HWC. */

/** `[frames, channels, pixels]` → `[frames, pixels, channels]`. */
export function channelsLast(planar: Uint8Array, channels: number, pixels: number): Uint8Array {
  if (channels === 1) return planar;
  const interleaved = new Uint8Array(planar.length);
  const frameBytes = channels * pixels;
  for (let frame = 0; frame < planar.length; frame += frameBytes)
    for (let channel = 0; channel < channels; channel++) {
      const from = frame + channel * pixels;
      for (let i = 0; i < pixels; i++)
        interleaved[frame + i * channels + channel] = planar[from + i] as number;
    }
  return interleaved;
}
