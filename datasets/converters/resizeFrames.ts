/** Frames at another size, for `--image-size`. Changes pixels: datasets made so are marked as lossy. */
import { InputError } from '../../src/errors.js';
import type { FramesShape } from '../codecs/frameCodec.js';

/** @returns `[frames, size, size, channels]`; the picture is stretched where it was not square. */
export async function resizeFrames(
  pixels: Uint8Array,
  shape: FramesShape,
  size: number,
): Promise<Uint8Array> {
  const { frames, height, width, channels } = shape;
  if (height === size && width === size) return pixels;
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new InputError(`frames of ${channels} channels cannot be resized`);
  // Only now: most conversions never resize, and it takes a while to load.
  const { default: sharp } = await import('sharp');
  const bytes = height * width * channels;
  const resized = new Uint8Array(frames * size * size * channels);
  await Promise.all(
    Array.from({ length: frames }, async (_, i) => {
      const frame = pixels.subarray(i * bytes, (i + 1) * bytes);
      const data = await sharp(frame, { raw: { width, height, channels } })
        .resize(size, size, { fit: 'fill' })
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .raw()
        .toBuffer();
      resized.set(data, i * size * size * channels);
    }),
  );
  return resized;
}
