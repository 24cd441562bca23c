/**
 * One image file for each frame, each preceded by its length (uint32, little-endian). Any single frame could be
 * shown by an image viewer; no frame profits from its neighbours. What packs them is loaded when it is needed: that
 * takes longer than unpacking a whole episode.
 */
import type { Sharp } from 'sharp';
import { type FrameCodec, type FramesShape, shapeBytes } from './frameCodec.js';

/** Frames given to sharp at once; it works on libuv's thread pool. */
const FRAMES_UNDER_WAY = 8;

export const png = imageFiles('png', [1, 3, 4], (image) => image.png({ compressionLevel: 6 }));
export const webp = imageFiles('webp', [3], (image) => image.webp({ lossless: true, effort: 2 }));

function imageFiles(
  name: string,
  channelCounts: readonly number[],
  pack: (image: Sharp) => Sharp,
): FrameCodec {
  return {
    async encode(pixels, shape) {
      if (!channelCounts.includes(shape.channels))
        throw new Error(
          `the codec ${name} takes ${channelCounts.join(' or ')} channels, the frames have ${shape.channels}`,
        );
      const { default: sharp } = await import('sharp');
      const files = await inParallel(shape.frames, async (i) => {
        const raw = { width: shape.width, height: shape.height, channels: shape.channels as 1 | 3 | 4 };
        const image = sharp(frameOf(pixels, i, shape), { raw }).toColourspace(colourSpace(shape));
        const file = await pack(image).toBuffer();
        const length = Buffer.alloc(4);
        length.writeUInt32LE(file.length);
        return [length, file];
      });
      return Buffer.concat(files.flat());
    },
    async decode(bytes, shape) {
      const { default: sharp } = await import('sharp');
      const files = splitFiles(bytes, shape.frames);
      const pixels = new Uint8Array(shapeBytes(shape));
      await inParallel(shape.frames, async (i) => {
        const file = files[i] as Buffer;
        const image = sharp(file, { limitInputPixels: shape.width * shape.height });
        const { format, width, height } = await image.metadata();
        if (format !== name || width !== shape.width || height !== shape.height)
          throw new Error(
            `frame ${i} is ${format} of ${width}×${height}, expected ${name} of ${shape.width}×${shape.height}`,
          );
        const { data } = await image
          .toColourspace(colourSpace(shape))
          .raw()
          .toBuffer({ resolveWithObject: true });
        if (data.length !== frameOf(pixels, i, shape).length)
          throw new Error(`frame ${i} has other channels`);
        frameOf(pixels, i, shape).set(data);
      });
      return pixels;
    },
  };
}

/** Without this, sharp turns grey into colour. */
function colourSpace(shape: FramesShape): string {
  return shape.channels === 1 ? 'b-w' : 'srgb';
}

function frameOf(pixels: Uint8Array, i: number, shape: FramesShape): Uint8Array {
  const bytes = shape.height * shape.width * shape.channels;
  return pixels.subarray(i * bytes, (i + 1) * bytes);
}

function splitFiles(bytes: Uint8Array, frames: number): Buffer[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files: Buffer[] = [];
  let at = 0;
  while (at < all.length && files.length < frames) {
    const end = at + 4 > all.length ? Number.POSITIVE_INFINITY : at + 4 + all.readUInt32LE(at);
    if (end > all.length) throw new Error(`frame ${files.length} is cut short`);
    files.push(all.subarray(at + 4, end));
    at = end;
  }
  if (files.length !== frames || at !== all.length)
    throw new Error(`they are not the ${frames} image files expected`);
  return files;
}

async function inParallel<T>(count: number, task: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      results[i] = await task(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(FRAMES_UNDER_WAY, count) }, worker));
  return results;
}
