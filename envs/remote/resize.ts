/** Pictures from elsewhere, brought to the size that is asked for. */
import type { Frame } from '../environment.js';

/**
 * Each pixel is the mean of the rectangle it covers in the source (area filter), so that nothing small is skipped
 * when a picture shrinks; one that grows becomes blocks with soft edges.
 */
export function resize(frame: Frame, width: number, height: number): Frame {
  if (frame.width === width && frame.height === height) return frame;
  const { channels, data } = frame;
  const columns = coverage(frame.width, width);
  const rows = coverage(frame.height, height);
  const resized = new Uint8Array(width * height * channels);
  const sums = new Float64Array(channels);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      sums.fill(0);
      for (const [y, rowShare] of row) {
        for (const [x, columnShare] of column) {
          const from = (y * frame.width + x) * channels;
          for (let c = 0; c < channels; c++)
            sums[c] = (sums[c] as number) + rowShare * columnShare * (data[from + c] as number);
        }
      }
      for (let c = 0; c < channels; c++) resized[to++] = Math.round(sums[c] as number);
    }
  }
  return { width, height, channels, data: resized };
}

/** For each of `count` places: the places of the source it covers, each with its share; shares sum to 1. */
function coverage(source: number, count: number): [place: number, share: number][][] {
  const step = source / count;
  return Array.from({ length: count }, (_, i) => {
    const [low, high] = [i * step, (i + 1) * step];
    const shares: [number, number][] = [];
    for (let place = Math.floor(low); place < Math.min(source, Math.ceil(high - 1e-9)); place++)
      shares.push([place, (Math.min(high, place + 1) - Math.max(low, place)) / step]);
    return shares;
  });
}
