/** Several images as one: side by side, tops level, in colour where any is; without a fourth channel (alpha, depth). */
import type { Image } from './image.js';

/** What is below a lower image stays black. */
export function joinImages(images: readonly Image[]): Image {
  const [first, ...others] = images;
  if (first !== undefined && others.length === 0 && first.channels <= 3) return first;
  const channels = Math.min(3, Math.max(...images.map((image) => image.channels)));
  const width = images.reduce((sum, image) => sum + image.width, 0);
  const height = Math.max(...images.map((image) => image.height));
  const data = new Uint8Array(width * height * channels);
  let left = 0;
  for (const image of images) {
    for (let row = 0; row < image.height; row++)
      for (let column = 0; column < image.width; column++)
        for (let channel = 0; channel < channels; channel++)
          data[(row * width + left + column) * channels + channel] = image.data[
            (row * image.width + column) * image.channels + Math.min(channel, image.channels - 1)
          ] as number;
    left += image.width;
  }
  return { width, height, channels, data };
}
